"""Pictures for the report: the outline, a heat map, and the measurement drawn on the photo.

The photo underneath is never altered outside the drawing: a reader must be able to judge the lesion
from the same picture that the claims point at.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skingpt_r1.images.colours import COLOURS, SKIN
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.measure import LesionMeasurement
from skingpt_r1.images.scaling import resize_map, shrink

SIDE: Final = 640  # of the longer side: sharp on a phone, light inside an HTML file
_LINE: Final = (0, 255, 200)  # a colour that no lesion has
_HALO: Final = (0, 0, 0)
SWATCHES: Final = {
    "light brown": (198, 145, 92),
    "dark brown": (101, 58, 28),
    "black": (20, 18, 18),
    "blue-grey": (104, 124, 148),
    "red": (196, 40, 44),
    "pink": (240, 158, 170),
    "white": (250, 250, 248),
    "yellow": (232, 200, 80),
    SKIN: (226, 192, 168),
}


def outline_picture(pixels: Pixels, mask: NDArray[Any], side: int = SIDE) -> Image.Image:
    """The photo uint8 [H, W, 3] with the lesion's outline (mask [h, w], any size) drawn on it."""
    photo = _enlarge(pixels, side)
    line, halo = _contour(mask, photo.shape[:2])
    photo[halo] = _HALO
    photo[line] = _LINE
    return Image.fromarray(photo)


def heat_picture(pixels: Pixels, heat: NDArray[Any], side: int = SIDE) -> Image.Image:
    """The photo in grey, and over it `heat` [h, w] from 0 (nothing) over orange to 1 (yellow)."""
    photo = _enlarge(pixels, side)
    warmth = np.clip(resize_map(heat, photo.shape[:2]), 0, 1)[..., None]
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)
    glow = np.concatenate([np.full_like(warmth, 255), 70 + 170 * warmth, np.full_like(warmth, 10)], axis=2)
    cover = 0.65 * np.sqrt(warmth)
    mixed = grey * (1 - cover) + glow * cover
    return Image.fromarray(mixed.round().astype(np.uint8))


def measurement_picture(pixels: Pixels, measurement: LesionMeasurement, side: int = SIDE) -> Image.Image:
    """The photo with outline and principal axes, and under it a bar of the lesion's colours with shares."""
    photo = outline_picture(pixels, measurement.mask, side)
    _draw_axes(photo, measurement)
    shares = [(name, measurement.colours[name].value) for name in (*COLOURS, SKIN)]
    shown = [(name, share) for name, share in shares if share >= 0.01]
    rows = (len(shown) + 1) // 2
    sheet = Image.new("RGB", (photo.width, photo.height + 40 + 22 * rows), (255, 255, 255))
    sheet.paste(photo, (0, 0))
    _draw_colours(sheet, photo.height, shown)
    return sheet


def _draw_axes(photo: Image.Image, measurement: LesionMeasurement) -> None:
    axes = measurement.axes
    scale = max(photo.size) / max(measurement.mask.shape)
    draw = ImageDraw.Draw(photo)
    centre = np.array([axes.x + 0.5, axes.y + 0.5]) * scale
    for angle, length in ((axes.angle, axes.long), (axes.angle + np.pi / 2, axes.short)):
        half = np.array([np.cos(angle), np.sin(angle)]) * length * scale / 2
        ends = [*(centre - half), *(centre + half)]
        draw.line(ends, fill=_HALO, width=5)
        draw.line(ends, fill=(255, 255, 255), width=2)


def _draw_colours(sheet: Image.Image, top: int, shown: list[tuple[str, float]]) -> None:
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    margin, total = 10, sum(share for _, share in shown) or 1.0
    width, left = sheet.width - 2 * margin, float(margin)
    for name, share in shown:
        right = left + width * share / total
        draw.rectangle((left, top + 8, right, top + 28), fill=SWATCHES[name])
        left = right
    draw.rectangle((margin, top + 8, sheet.width - margin, top + 28), outline=(90, 90, 90))
    for place, (name, share) in enumerate(shown):
        x = margin + (place % 2) * width // 2
        y = top + 36 + 22 * (place // 2)
        draw.rectangle((x, y, x + 14, y + 14), fill=SWATCHES[name], outline=(90, 90, 90))
        draw.text((x + 20, y - 1), f"{'like skin' if name == SKIN else name} {share:.0%}", (30, 30, 30), font)


def _enlarge(pixels: Pixels, side: int) -> Pixels:
    """A writable copy with the longer side exactly `side`."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale <= 1:
        return np.array(shrink(pixels, side))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.array(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS))


def _contour(mask: NDArray[Any], shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels of the outline and of the dark halo round it, at the picture's shape (H, W)."""
    inside = ndi.gaussian_filter(resize_map(mask, shape), 1.2, mode="nearest") >= 0.5
    line = ndi.binary_dilation(inside ^ ndi.binary_erosion(inside, border_value=1))
    return line, np.asarray(ndi.binary_dilation(line, iterations=2) & ~line)
