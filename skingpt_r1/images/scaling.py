"""Shrinking pictures and masks without aliasing; enlarging only where a mask must fit its photo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skingpt_r1.images.decoding import Pixels


def shrink(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longer side at most `side`, by area averaging; smaller ones are returned as is."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def resize_map(values: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """A mask or map [h, w] as float32 at shape (H, W), bilinear, averaged where it shrinks."""
    source = np.asarray(values, dtype=np.float32)
    if source.shape == shape:
        return source
    picture = Image.fromarray(np.ascontiguousarray(source))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), dtype=np.float32)
