"""The colours of a lesion by the names that dermatologists use, as shares of its area.

Names are relative to the surrounding skin, not to absolute sRGB: the same brown is photographed lilac
by one dermoscope and orange by another. Black, blue-grey, white and red need a distance from skin;
what differs from skin by less than SKIN_DISTANCE is called "skin" and is part of no colour claim.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.lab import REFERENCE_SKIN, Lab, balance_gains, balanced, to_lab

COLOURS: Final = ("light brown", "dark brown", "black", "blue-grey", "red", "pink", "white", "yellow")
SKIN: Final = "skin"
NAMES: Final = (*COLOURS, SKIN)

NOTICEABLE: Final = {
    "light brown": 0.25,
    "dark brown": 0.10,
    "black": 0.04,
    "blue-grey": 0.04,
    "red": 0.08,
    "pink": 0.10,
    "white": 0.03,
    "yellow": 0.03,
}
"""Share of the lesion from which a colour counts as present. Not one number for all: any lesion's rim fades
through light brown to skin, while black or blue-grey is telling in a small spot."""

SKIN_DISTANCE: Final = 8.0
"""CIELAB distance from the surround's median below which a pixel is skin; chosen by eye."""


def surrounding_skin(
    lab: Lab, mask: NDArray[np.bool_], distance: NDArray[np.float32] | None = None
) -> tuple[float, float, float]:
    """Median L*, a*, b* around the lesion, black rim, hair and flash reflections left out.

    The nearest 12 % of the picture round the mask is asked first, then everything outside it; the
    reference skin stands in where the mask fills the picture. distance: pixels from the mask, if known.
    """
    if distance is None:
        distance = ndi.distance_transform_edt(~mask)
    reach = 0.12 * max(mask.shape)
    gap = 0.015 * max(mask.shape)
    visible = (lab[..., 0] > 18) & (lab[..., 0] < 98)
    for limit in (reach, np.inf):
        ring = (distance > gap) & (distance <= limit) & visible
        if ring.sum() > 0.02 * mask.size:
            lightness = lab[..., 0][ring]
            typical = np.abs(lightness - np.median(lightness)) <= 12
            middle = np.median(lab[ring][typical], axis=0)
            return float(middle[0]), float(middle[1]), float(middle[2])
    return REFERENCE_SKIN


def classify(lab: Lab, skin: tuple[float, float, float]) -> NDArray[np.int8]:
    """Index into NAMES of each balanced pixel [...]; `skin` is the balanced median of the surround.

    Limits were set by looking at 40 training photos beside their colour maps, then looked at on 40 others:
    what still errs is reddish brown, called red in about one nevus of ten under lilac light. The first rule
    that fits wins, from the most to the least particular.
    """
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    hue = np.degrees(np.arctan2(b, a))
    distance = np.sqrt((lightness - skin[0]) ** 2 + (a - skin[1]) ** 2 + (b - skin[2]) ** 2)
    redder = a - skin[1]
    rules = [
        ((lightness < 20) & (chroma < 18)) | (lightness < 12),
        distance < SKIN_DISTANCE,
        (lightness > skin[0] + 3) & (chroma < 13),
        (lightness < skin[0] - 8) & (b < 7.5) & (redder < 6),
        (hue > 66) & (chroma > 26) & (lightness > 48),
        (lightness < 60) & (((hue < 29) & (a > 25)) | ((hue < 36) & (a > 36))),
        (hue < 36) & (lightness > 46) & (redder > 4),
        lightness > skin[0] + 6,
        lightness < 40,
    ]
    names = ["black", SKIN, "white", "blue-grey", "yellow", "red", "pink", SKIN, "dark brown"]
    index = [NAMES.index(name) for name in names]
    return np.select(rules, index, default=NAMES.index("light brown")).astype(np.int8)


def colour_shares(pixels: Pixels, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Share of the lesion (mask True) that has each of NAMES; they add up to 1. All 0 for an empty mask."""
    colours = named_pixels(pixels, mask)[mask]
    counts = np.bincount(colours, minlength=len(NAMES)) / max(1, colours.size)
    return {name: float(share) for name, share in zip(NAMES, counts, strict=True)}


def named_pixels(pixels: Pixels, mask: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Index into NAMES for every pixel [H, W] of the picture, relative to the skin outside the mask."""
    skin = surrounding_skin(to_lab(pixels), mask)
    gains = balance_gains(skin)
    return classify(to_lab(pixels, gains), balanced(skin, gains))
