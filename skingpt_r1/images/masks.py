"""Lesion masks from disk, brought to the photo that they belong to.

HAM10000 masks show the full 600 x 450 frame (stored as 200 x 150), but its photos in the square subset
are the frame's centre 450 x 450: columns 25 to 175 of the mask. A mask taken whole would be squeezed
and off by up to a sixth of the width.
"""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skingpt_r1.images.reading import shown
from skingpt_r1.images.scaling import resize_map
from skingpt_r1.records import CaseError

Crop = Literal["full", "centre-square"]


def load_mask(path: str | os.PathLike[str], crop: Crop, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask as bool [H, W] of `shape`, True on the lesion. Raises CaseError if it cannot be read.

    crop: what part of the mask the photo shows: "full" all of it, "centre-square" the middle square.
    """
    try:
        with Image.open(path, formats=("PNG", "JPEG", "TIFF", "BMP")) as picture:
            grey = np.asarray(picture.convert("L"), dtype=np.float32)
    except (OSError, SyntaxError, ValueError) as error:
        raise CaseError(f"{shown(path)}: no readable mask; pass a black and white PNG.") from error
    if crop == "centre-square":
        height, width = grey.shape
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        grey = grey[top : top + side, left : left + side]
    elif crop != "full":
        raise ValueError(f"crop {crop!r}: use 'full' or 'centre-square'")
    top_value = max(float(grey.max(initial=0.0)), 1.0)  # masks are stored as 0/255 or as 0/1
    return resize_map(grey / top_value, shape) >= 0.5
