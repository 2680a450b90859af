"""What the published encoder sees in a picture, as one vector: to find a lesion that was photographed twice.

Nothing of ours is trained into it, so that the search for duplicates does not depend on what it is to protect.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.encoder import CHANNELS, IMAGE_SIZE, Encoder, to_pixels
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.sources.streams import sha256_of

log = logging.getLogger(__name__)
BATCH = 16
SAVE_EVERY = 1024  # pictures; a killed run loses no more
Vectors = NDArray[np.float32]


def embedder(cache: Path) -> Callable[[Sequence[Path]], Vectors]:
    """A function from readable pictures to vectors [N, 1280]; vectors are kept in `cache` by the file's SHA-256."""

    def embed(paths: Sequence[Path]) -> Vectors:
        names = [sha256_of(path) for path in paths]
        known = _load(cache)
        missing = [(n, p) for n, p in dict(zip(names, paths, strict=True)).items() if n not in known]
        if missing:
            _compute(missing, known, cache)
        return np.stack([known[name] for name in names]).astype(np.float32)

    return embed


def vectors_of(pictures: Sequence[Pixels], encoder: Encoder) -> Vectors:
    """[N, 1280] of decoded pictures: the mean of the last map over the centre square."""
    squares = np.stack([centre_square(pixels, IMAGE_SIZE) for pixels in pictures])
    with torch.inference_mode():
        vectors: Vectors = encoder(to_pixels(torch.from_numpy(squares))).mean((2, 3)).numpy()
    return vectors


def _compute(missing: Sequence[tuple[str, Path]], known: dict[str, Vectors], cache: Path) -> None:
    encoder = frozen_encoder()
    began = time.monotonic()
    for start in range(0, len(missing), BATCH):
        part = missing[start : start + BATCH]
        vectors = vectors_of([read_photo(path).pixels for _, path in part], encoder)
        known.update(zip((name for name, _ in part), vectors, strict=True))
        done = start + len(part)
        if done % SAVE_EVERY == 0 or done == len(missing):
            _save(cache, known)
            pace = (time.monotonic() - began) / done
            log.info("embedded %d/%d pictures, %.0f s left", done, len(missing), pace * (len(missing) - done))


def _load(cache: Path) -> dict[str, Vectors]:
    """What the file holds; a missing or damaged one counts as empty, for it can be rebuilt."""
    try:
        with safe_open(cache, "pt") as file:
            names, vectors = file.metadata()["sha256"].split(), file.get_tensor("vectors").numpy()
    except (OSError, SafetensorError, KeyError, TypeError):
        return {}
    return dict(zip(names, vectors, strict=True)) if vectors.shape == (len(names), CHANNELS) else {}


def _save(cache: Path, known: dict[str, Vectors]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(cache, {"vectors": torch.from_numpy(np.stack(list(known.values())))}, {"sha256": " ".join(known)})
