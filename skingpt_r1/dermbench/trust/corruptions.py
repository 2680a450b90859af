"""What happens to photos on their way to a model, as pure functions: the same seed gives the same pixels.

Three severities each: a careful phone, a careless one, and one that a dermatologist would still read but complain of.
Sizes are shares of the picture's shorter side, so that a large photo is harmed as much as a small one.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from skingpt_r1.images.decoding import Pixels

Corrupt = Callable[[Pixels, int, Generator], Pixels]
SEVERITIES: Final = (1, 2, 3)
CORRUPTIONS: Final[dict[str, Corrupt]] = {}
_FINE: Final = 4  # thin things are drawn this much larger, then averaged down


def corruption(name: str) -> Callable[[Corrupt], Corrupt]:
    """Register a corruption under the name that commands and plots use."""

    def register(function: Corrupt) -> Corrupt:
        if name in CORRUPTIONS:
            raise ValueError(f"there are two corruptions {name!r}")
        CORRUPTIONS[name] = function
        return function

    return register


def corrupted(pixels: Pixels, name: str, severity: int, seed: int = 0) -> Pixels:
    """The picture [H, W, 3] after one corruption, same shape. Raises KeyError, ValueError on an unknown one."""
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity}: use one of {SEVERITIES}")
    drawn = (seed, fingerprint(pixels), *name.encode())  # not of the severity: more of the same, not another one
    rng = np.random.default_rng(drawn)
    return np.ascontiguousarray(CORRUPTIONS[name](pixels, severity, rng))


def fingerprint(pixels: Pixels) -> int:
    """A number of the picture, so that what is drawn into one is not drawn into all."""
    return zlib.crc32(np.ascontiguousarray(pixels).tobytes())


@corruption("JPEG")
def jpeg(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """Saved again at quality 40, 20 or 8, as messengers do."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=(40, 20, 8)[severity - 1])
    return np.asarray(Image.open(buffer).convert("RGB"))


@corruption("blur")
def blur(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """Out of focus: a Gaussian of 0.4, 0.8 or 1.6 % of the shorter side."""
    radius = (0.004, 0.008, 0.016)[severity - 1] * min(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


@corruption("darker")
def darker(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """In the shade: 0.8, 0.6 or 0.4 of the light, in linear terms of the stored values."""
    return _scaled(pixels, (0.8, 0.6, 0.4)[severity - 1])


@corruption("brighter")
def brighter(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """Over-exposed: 1.15, 1.3 or 1.5 of the light; what is too bright is lost."""
    return _scaled(pixels, (1.15, 1.3, 1.5)[severity - 1])


@corruption("rotation")
def rotation(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """The camera turned by 10, 30 or 90 degrees, either way; corners are filled with the mirrored picture."""
    angle = (10, 30, 90)[severity - 1] * rng.choice((-1, 1))
    height, width = pixels.shape[:2]
    margin = max(height, width) // 2
    wide = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    turned = np.asarray(Image.fromarray(wide).rotate(angle, Image.Resampling.BICUBIC))
    return turned[margin : margin + height, margin : margin + width]


@corruption("hair")
def hair(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """6, 18 or 45 dark curved hairs across the picture."""
    sheet, pen, height, width = _sheet(pixels)
    for _ in range((6, 18, 45)[severity - 1]):
        start, end = rng.uniform(-0.1, 1.1, 2), rng.uniform(-0.1, 1.1, 2)
        bend = (start + end) / 2 + rng.normal(0, 0.15, 2)
        t = np.linspace(0, 1, 24)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        thick = max(1, round(rng.uniform(0.003, 0.007) * min(height, width)))
        tone = tuple(int(v) for v in np.array((46, 32, 24)) + rng.integers(-14, 14, 3))
        pen.line([(float(x) * width, float(y) * height) for x, y in curve], fill=(*tone, 235), width=thick)
    return _laid(pixels, sheet)


@corruption("ruler")
def ruler(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """A paper ruler along one edge, 8, 14 or 22 % deep."""
    sheet, pen, height, width = _sheet(pixels)
    depth = (0.08, 0.14, 0.22)[severity - 1] * height
    pen.rectangle((0, height - depth, width, height), fill=(244, 242, 236, 255))
    for tick in range(81):
        x = tick * width / 80
        length = depth * (0.6 if tick % 10 == 0 else 0.45 if tick % 5 == 0 else 0.3)
        line = max(1, round(0.003 * width))
        pen.line((x, height - depth, x, height - depth + length), fill=(20, 20, 20, 255), width=line)
    turned = sheet.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if rng.random() < 0.5 else sheet
    return _laid(pixels, turned)


@corruption("ink")
def ink(pixels: Pixels, severity: int, rng: Generator) -> Pixels:
    """A surgeon's violet marks beside the lesion: 1, 3 or 6 strokes, outside the middle half of the picture."""
    sheet, pen, height, width = _sheet(pixels)
    for _ in range((1, 3, 6)[severity - 1]):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.36, 0.46)
        place = np.array((0.5 + reach * np.cos(angle), 0.5 + reach * np.sin(angle)))
        along = np.array((-np.sin(angle), np.cos(angle))) * rng.uniform(0.06, 0.12)
        ends = [place - along, place + rng.normal(0, 0.01, 2), place + along]
        points = [(float(x) * width, float(y) * height) for x, y in ends]
        pen.line(points, fill=(70, 40, 140, 200), width=max(2, round(0.018 * min(height, width))), joint="curve")
    return _laid(pixels, sheet)


def _scaled(pixels: Pixels, factor: float) -> Pixels:
    return np.clip(pixels.astype(np.float32) * factor, 0, 255).round().astype(np.uint8)


def _sheet(pixels: Pixels) -> tuple[Image.Image, ImageDraw.ImageDraw, int, int]:
    """A clear sheet of _FINE times the size to draw on, its pen, height and width."""
    height, width = pixels.shape[0] * _FINE, pixels.shape[1] * _FINE
    sheet = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    return sheet, ImageDraw.Draw(sheet), height, width


def _laid(pixels: Pixels, sheet: Image.Image) -> Pixels:
    small = sheet.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BOX)
    return np.asarray(Image.alpha_composite(Image.fromarray(pixels).convert("RGBA"), small).convert("RGB"))
