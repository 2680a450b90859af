"""Drawn lesions with a known outline: plain shapes that photos never show and software meets all the same.

Trained on photos alone, the segmenter found only the rim of a flat dark disc. A few hundred of these, in
every skin colour, teach it that an even lesion is a lesion; they never take part in a test.
"""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.records import Case, Modality

DATASET = "drawn"
HEIGHT, WIDTH = 240, 280
_LIGHT, _DARK = np.array([232.0, 192.0, 172.0]), np.array([96.0, 64.0, 48.0])


def drawn_cases(count: int) -> list[Case]:
    """Cases without a file; `draw` makes the picture of one from its id."""
    return [
        Case(id=f"drawn-{i}", image="", modality=Modality.CLINICAL, dataset=DATASET, group=f"drawn-{i}")
        for i in range(count)
    ]


def draw(name: str) -> tuple[Pixels, NDArray[np.bool_]]:
    """Picture [240, 280, 3] and lesion mask [240, 280] of a drawn case's id; the same ones every time."""
    rng = random.Random(name)
    noise = np.random.default_rng(rng.randrange(2**32))
    skin = _LIGHT + (_DARK - _LIGHT) * rng.random() ** 2 + np.array([rng.uniform(-14, 14) for _ in range(3)])
    tint = np.array([rng.uniform(0.9, 1.2), rng.uniform(0.8, 1.0), rng.uniform(0.75, 1.05)])
    colour = skin * rng.uniform(0.25, 0.75) * tint
    inside = _blob(rng, rng.uniform(0.06, 0.4))
    softness = rng.uniform(1, 10)
    share = np.clip(inside / softness + 0.5, 0, 1)[..., None]
    second = np.clip(_blob(rng, rng.uniform(0.04, 0.2)) / softness + 0.5, 0, 1)[..., None]
    lesion = colour * (1 + second * rng.uniform(-0.4, 0.4) * (rng.random() < 0.6))
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    light = 1 + rng.uniform(-0.15, 0.15) * rows + rng.uniform(-0.15, 0.15) * columns
    picture = (skin * (1 - share) + lesion * share) * light[..., None]
    picture += noise.normal(0, rng.uniform(0.5, 8), (HEIGHT, WIDTH, 1))
    return picture.clip(0, 255).astype(np.uint8), np.asarray(inside > 0)


def _blob(rng: random.Random, size: float) -> NDArray[np.float64]:
    """About how far inside a smooth closed outline each pixel lies, pixels; size: radius by the height."""
    row, column = HEIGHT * rng.uniform(0.3, 0.7), WIDTH * rng.uniform(0.3, 0.7)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    angle = np.arctan2(rows - row, (columns - column) * rng.uniform(0.7, 1.4))
    rough = rng.choice([0.0, 0.05, 0.15, 0.25])
    outline = np.ones_like(angle)
    for k in range(2, 7):
        outline += rough * rng.uniform(-1, 1) / k * 2 * np.cos(k * angle + rng.uniform(0, 6.3))
    return np.asarray(size * HEIGHT * outline - np.hypot(rows - row, columns - column))
