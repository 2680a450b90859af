"""DermaMNIST (MedMNIST v2): one .npz with pictures and labels of three splits, unpacked to files once.

What bites: its rows are HAM10000's, pictures of one lesion lie in several of its splits, and our shipped model was
trained on HAM10000. Its test rows are no test of a model that saw those. Pictures of 28 pixels are enlarged to 224,
because 28 are too few to be read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from PIL import Image

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import Limits
from skingpt_r1.records import CaseError, Modality
from skingpt_r1.sources.layouts import Draft
from skingpt_r1.sources.streams import appearing, sha256_of

LABELS: Final = (
    "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
    "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
)  # fmt: skip
MEANINGS: Final = {LABELS[0]: "actinic keratosis", LABELS[2]: "benign keratosis"}  # as in HAM10000's label set
_ENLARGED: Final = 224
_LARGEST: Final = 1024  # pixels of a side
_BROKEN: Final = (OSError, KeyError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile)


def dermamnist(path: Path, cache: Path) -> Iterator[Draft]:
    """Rows of a .npz, or of the only dermamnist*.npz of a folder. cache: its pictures go below, by its SHA-256."""
    path = _npz(path)
    folder = cache / f"dermamnist-{sha256_of(path)[:16]}"
    try:
        with zipfile.ZipFile(path) as archive:
            for split in ("train", "val", "test"):
                labels = _labels(archive, split)
                if not (folder / split).is_dir():
                    _unpack(archive, split, len(labels), folder / split)
                for i, label in enumerate(labels):
                    picture = str(folder / split / f"{i:05}.png")
                    yield Draft(f"{split}/{i:05}", (picture,), LABELS[label], Modality.DERMOSCOPY, split=split)
    except _BROKEN as error:
        raise CaseError(f"{path}: this is no DermaMNIST ({error}); get it again from medmnist.com.") from error


def _unpack(archive: zipfile.ZipFile, split: str, n: int, folder: Path) -> None:
    try:
        with appearing(folder) as place:
            for i, pixels in enumerate(_pictures(archive, split, n)):
                _enlarged(pixels).save(place / f"{i:05}.png")
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise


def _npz(path: Path) -> Path:
    found = sorted(path.glob("dermamnist*.npz")) if path.is_dir() else [path]
    if len(found) != 1 or not found[0].is_file():
        origin = "doi:10.5281/zenodo.10519652"
        raise CaseError(f"{path}: {len(found)} files dermamnist*.npz there; name one of them ({origin}).")
    return found[0]


def _labels(archive: zipfile.ZipFile, split: str) -> list[int]:
    with archive.open(f"{split}_labels.npy") as stream:
        shape, dtype = _header(stream)
        if len(shape) > 2 or shape[1:] not in ((), (1,)) or dtype.kind not in "iu":
            raise ValueError(f"{split}_labels {shape} {dtype}, not whole numbers [N, 1]")
        labels = [int(x) for x in np.frombuffer(stream.read(shape[0] * dtype.itemsize), dtype)]
    if len(labels) != shape[0] or any(not 0 <= label < len(LABELS) for label in labels):
        raise ValueError(f"{split}_labels are cut off or not 0..{len(LABELS) - 1}")
    return labels


def _pictures(archive: zipfile.ZipFile, split: str, n: int) -> Iterator[Pixels]:
    """One after the other, because all of them at 224 pixels are a gigabyte."""
    with archive.open(f"{split}_images.npy") as stream:
        shape, dtype = _header(stream)
        if len(shape) != 4 or shape[0] != n or shape[3] != 3 or max(shape[1:3]) > _LARGEST or dtype != np.uint8:
            raise ValueError(f"{split}_images {shape} {dtype}, not uint8 [{n}, side, side, 3]")
        size = shape[1] * shape[2] * 3
        for _ in range(n):
            yield np.frombuffer(stream.read(size), np.uint8).reshape(shape[1:])


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array; one that would be unpickled is refused by its type later."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array of another version of NumPy's format")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
    if by_column:
        raise ValueError("an array in column order")
    return shape, dtype


def _enlarged(pixels: Pixels) -> Image.Image:
    picture = Image.fromarray(pixels)
    if min(picture.size) >= Limits().min_side:
        return picture
    return picture.resize((_ENLARGED, _ENLARGED), Image.Resampling.BICUBIC)
