"""From decoded pixels to the square that the encoder reads, plain or augmented.

Plain is the centre square, resized: the framing of the HAM10000 pictures that most training rows
have. Augmentation keeps to what does not change a diagnosis: framing, orientation, lighting.
"""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageEnhance

from skingpt_r1.images.decoding import Pixels


def centre_square(pixels: Pixels, size: int) -> Pixels:
    """The centred square of the picture, [size, size, 3]."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(pixels).crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def augmented(pixels: Pixels, size: int, rng: random.Random) -> Pixels:
    """A random framing, orientation and lighting of the picture, [size, size, 3]."""
    image = Image.fromarray(pixels)
    width, height = image.size
    side = min(width, height) * rng.uniform(0.63, 1.0)
    stretch = rng.uniform(0.85, 1.18)
    w, h = min(side * stretch, width), min(side / stretch, height)
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    image = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + w, top + h))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turns = rng.randrange(4)
    if turns:
        image = image.transpose(
            (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)[turns - 1]
        )
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.8, 1.2))
    return np.asarray(image)
