"""Perceptual hashes of pictures, cached by the SHA-256 of the file, so that a moved folder stays valid.

A fingerprint holds the hashes of eight crops (whole frame, three quarters of the width, two zooms
and the four corners) in all eight orientations. The narrow crop is there because one copy of HAM10000 is
centre-cropped to a square while ISIC-2017 squashes the whole frame into one: the same photograph
looks different in both, but the middle of one is all of the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

from skingpt_r1.images.reading import Limits, read_photo
from skingpt_r1.records import CaseError
from skingpt_r1.sources.streams import write_text

Bits = npt.NDArray[np.uint64]
Grey = npt.NDArray[np.float32]

# left, top, right, bottom as fractions of the frame
VIEWS: tuple[tuple[float, float, float, float], ...] = (
    (0.0, 0.0, 1.0, 1.0),
    (0.125, 0.0, 0.875, 1.0),
    (0.05, 0.05, 0.95, 0.95),
    (0.1, 0.1, 0.9, 0.9),
    (0.0, 0.0, 0.94, 0.94),
    (0.06, 0.0, 1.0, 0.94),
    (0.0, 0.06, 0.94, 1.0),
    (0.06, 0.06, 1.0, 1.0),
)
CENTRED = 4  # views before this one; the corners after it are compared upright only
ORIENTATIONS = 8
CACHE_VERSION = 2
_SIDE = 32
_FOLD = np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes of one picture: phash and dhash, each uint64 [views, orientations]; sha256 of the file."""

    sha256: str
    phash: Bits
    dhash: Bits


def orient(pixels: Grey, orientation: int) -> Grey:
    """Orientation 0..3: quarter turns; 4..7: the mirror image, turned. Last two axes."""
    turned = pixels[..., ::-1] if orientation >= 4 else pixels
    return np.rot90(turned, orientation % 4, axes=(-2, -1))


def grey_view(picture: Image.Image, view: int, side: int) -> Grey:
    """One crop of the picture, squashed to side x side, 0..255."""
    left, top, right, bottom = VIEWS[view]
    width, height = picture.size
    box = (left * width, top * height, right * width, bottom * height)
    small = picture.resize((side, side), Image.Resampling.BOX if min(picture.size) > 2 * side else None, box=box)
    return np.asarray(small, dtype=np.float32)


def _pack(bits: npt.NDArray[np.bool_]) -> Bits:
    flat = bits.reshape(*bits.shape[:-2], 64).astype(np.uint64)
    words: Bits = (flat * _FOLD).sum(axis=-1, dtype=np.uint64)
    return words


def fingerprint(picture: Image.Image, sha256: str = "") -> Fingerprint:
    """Hash a decoded picture. phash: 8 x 8 lowest DCT terms against their median; dhash: 8 x 8 slopes."""
    grey = picture.convert("L")
    views = np.stack([grey_view(grey, view, _SIDE) for view in range(len(VIEWS))])
    stack = np.stack([orient(views, turn) for turn in range(ORIENTATIONS)], axis=1)  # [V, 8, 32, 32]
    low = fft.dctn(stack, axes=(-2, -1))[..., :8, :8]
    phash = low > np.median(low, axis=(-2, -1), keepdims=True)
    cells = stack.reshape(*stack.shape[:2], 8, 4, 8, 4).mean(axis=(3, 5))
    slopes = np.concatenate([np.diff(cells, axis=-1), cells[..., :1] - cells[..., -1:]], axis=-1)
    return Fingerprint(sha256, _pack(phash), _pack(slopes > 0))


def _load_cache(cache: Path | None) -> dict[str, list[str]]:
    """Entries of a cache file; a damaged or foreign file counts as empty, for it can be rebuilt."""
    if cache is None or not cache.is_file():
        return {}
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("version") != CACHE_VERSION:
        return {}
    entries = content.get("hashes")
    return entries if isinstance(entries, dict) else {}


def _save_cache(cache: Path, entries: dict[str, list[str]]) -> None:
    write_text(cache, json.dumps({"version": CACHE_VERSION, "hashes": entries}))


def _encode(print_: Fingerprint) -> list[str]:
    """phash and dhash, 16 hexadecimal digits a word."""
    return ["".join(f"{int(word):016x}" for word in bits.ravel()) for bits in (print_.phash, print_.dhash)]


def _decode(sha256: str, digits: list[str]) -> Fingerprint:
    shape = (len(VIEWS), ORIENTATIONS)
    phash, dhash = (np.frombuffer(bytes.fromhex(row), dtype=">u8").astype(np.uint64) for row in digits)
    return Fingerprint(sha256, phash.reshape(shape), dhash.reshape(shape))


def fingerprints(paths: Sequence[Path], cache: Path | None = None) -> dict[Path, Fingerprint]:
    """Fingerprints of all readable pictures; unreadable ones are left out (the check command lists them)."""
    entries = _load_cache(cache)
    known = len(entries)
    found: dict[Path, Fingerprint] = {}
    for path in dict.fromkeys(paths):
        try:
            if not path.is_file() or path.stat().st_size > Limits().max_bytes:
                continue
            key = hashlib.sha256(path.read_bytes()).hexdigest()
            if key not in entries:
                entries[key] = _encode(fingerprint(Image.fromarray(read_photo(path).pixels)))
        except (OSError, CaseError):
            continue
        found[path] = _decode(key, entries[key])
    if cache is not None and len(entries) > known:
        _save_cache(cache, entries)
    return found
