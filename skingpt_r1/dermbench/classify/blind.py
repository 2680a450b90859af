"""The image-blind control: the same question with a picture that holds the photo's mean colour and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.preprocess import Pixels
from skingpt_r1.models.weights import sha256_of


def mean_colour(pixels: Pixels) -> Pixels:
    """[H, W, 3] of one colour."""
    colour = pixels.reshape(-1, 3).mean(0).astype(np.uint8)
    return np.broadcast_to(colour, pixels.shape).copy()


def blinded(image: Path, cache: Path) -> Path:
    """A PNG of the photo's mean colour and size, kept in `cache` by the photo's SHA-256. Raises CaseError."""
    path = cache / f"{sha256_of(image)[:24]}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        Image.fromarray(mean_colour(read_photo(image).pixels)).save(partial, "PNG")
        partial.replace(path)
    return path
