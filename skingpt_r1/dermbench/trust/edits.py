"""Taking the evidence away: the lesion painted over, the background painted over, the lesion in another colour.

Pure functions of a picture, uint8 [H, W, 3], and a lesion's outline [H, W]. Edges are soft: a hard
one would be a finding of its own.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from skingpt_r1.images.colours import COLOURS
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.lab import to_lab
from skingpt_r1.images.picture import SWATCHES

Mask = NDArray[np.bool_]
PAINTS: Final = ("blue-grey", "red", "dark brown")
"""Colours that a lesion can be given so that the measurement then names them; paler ones hang on the skin around."""
_GROW: Final = 0.03  # of the shorter side: a lesion's rim fades, and its halo must go with it
_SOFT: Final = 0.01
_BLACK: Final = 45  # of 255, the brightest channel of what no light fell on
_PAINTABLE: Final = (0.0005, 0.9)  # share of the picture: less is no outline, more leaves no skin to paint with


def paintable(lesion: Mask) -> bool:
    """Whether an outline leaves something to paint over and something to paint with."""
    return bool(_PAINTABLE[0] < lesion.mean() < _PAINTABLE[1])


def without_lesion(pixels: Pixels, lesion: Mask, seed: int = 0) -> Pixels:
    """The lesion filled with the mean of the skin around it, with that skin's grain."""
    reach = max(2, round(_GROW * min(lesion.shape)))
    hidden = ndi.binary_dilation(lesion, iterations=reach)
    ring = ndi.binary_dilation(hidden, iterations=3 * reach) & ~hidden
    if not ring.any():
        ring = ~hidden if (~hidden).any() else np.ones_like(hidden)
    lit = ring & (pixels.max(axis=-1) > _BLACK)  # a dermoscope's rim is no skin
    ring = lit if lit.any() else ring
    skin = pixels[ring].astype(np.float32)
    grain = (pixels - ndi.gaussian_filter(pixels.astype(np.float32), (2, 2, 0)))[ring].std(0)
    noise = np.random.default_rng(seed).normal(size=pixels.shape).astype(np.float32) * grain
    return _mixed(pixels, skin.mean(0) + noise, hidden)


def without_background(pixels: Pixels, lesion: Mask) -> Pixels:
    """Everything but the lesion and its rim set to the mean colour of what is hidden."""
    hidden = ~ndi.binary_dilation(lesion, iterations=max(2, round(_GROW * min(lesion.shape))))
    if not hidden.any():
        return pixels.copy()
    return _mixed(pixels, np.broadcast_to(pixels[hidden].mean(0), pixels.shape), hidden)


def recoloured(pixels: Pixels, lesion: Mask, colour: str) -> Pixels:
    """The lesion with its median moved to a named colour, its texture kept. Raises ValueError on one not in PAINTS."""
    from skimage.color import lab2rgb

    if colour not in PAINTS:
        raise ValueError(f"cannot paint {colour!r}: use one of {', '.join(PAINTS)}")
    if not lesion.any():
        return pixels.copy()
    lab = to_lab(pixels)
    wanted = to_lab(np.array([[SWATCHES[colour]]], dtype=np.uint8))[0, 0]
    moved = lab + (wanted - np.median(lab[lesion], axis=0))
    moved[..., 1:] = wanted[1:] + 0.5 * (moved[..., 1:] - wanted[1:])  # one colour, not one among several
    moved[..., 0] = moved[..., 0].clip(0, 100)
    return _mixed(pixels, 255 * lab2rgb(moved), lesion)


def contrary(colours: tuple[str, ...]) -> str | None:
    """A colour that is none of those claimed, and like none of them; None where nothing, or each of PAINTS, was."""
    if not colours or set(PAINTS) <= set(colours):
        return None
    swatch = {name: to_lab(np.array([[SWATCHES[name]]], dtype=np.uint8))[0, 0] for name in COLOURS}

    def apart(name: str) -> float:
        return min(float(np.linalg.norm(swatch[name] - swatch[said])) for said in colours)

    return max(PAINTS, key=apart)


def _mixed(pixels: Pixels, other: NDArray[Any], where: Mask) -> Pixels:
    share = ndi.gaussian_filter(where.astype(np.float32), _SOFT * min(where.shape))[..., None]
    return np.clip(pixels * (1 - share) + other * share, 0, 255).round().astype(np.uint8)
