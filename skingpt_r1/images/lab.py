"""sRGB to CIELAB (D65), and the white balance that makes two cameras' browns comparable.

Dermoscopes tint: the same skin comes out lilac, orange or pink. So colours are read relative to the
skin around the lesion, whose median is moved towards a reference skin: fully in hue, and by part in
lightness, because dark skin is dark and a photograph of it is not under-exposed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.images.decoding import Pixels

Lab = NDArray[np.float32]

_LINEAR: Final = np.array(
    [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.arange(256) / 255.0],
    dtype=np.float32,
)
# IEC 61966-2-1 primaries, rows scaled by the D65 white point, so that white is (1, 1, 1).
_TO_XYZ: Final = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ],
    dtype=np.float32,
)


def to_lab(pixels: Pixels, gains: NDArray[np.float32] | None = None) -> Lab:
    """CIELAB float32 [..., 3] of sRGB uint8 [..., 3]: L* 0..100, a* and b* about -110..110.

    gains: factors [3] on X, Y and Z (see balance_gains), none for the colours as photographed.
    """
    xyz = _LINEAR[pixels] @ _TO_XYZ.T
    if gains is not None:
        xyz = xyz * gains
    return _from_xyz(xyz)


def _from_xyz(xyz: NDArray[np.float32]) -> Lab:
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * (24389 / 27 / 116) + 16 / 116)
    lightness = 116 * f[..., 1] - 16
    a, b = 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])
    return np.stack([lightness, a, b], axis=-1).astype(np.float32)


REFERENCE_SKIN: Final = (68.0, 12.0, 15.0)
"""L*, a*, b*: round numbers near the median of ISIC-2017 and PAD-UFES-20 pictures (chroma 16, hue 50 to 57
degrees), whose cameras tint least; HAM10000's median hue is 10 degrees, which is lilac."""

_HUE_STRENGTH: Final = 0.8  # 1 would turn a flushed surround into pale skin and its lesion blue
_LIGHTNESS_STRENGTH: Final = 0.5


def _to_xyz(lab: tuple[float, float, float]) -> NDArray[np.float32]:
    y = (lab[0] + 16) / 116
    f = np.array([y + lab[1] / 500, y, y - lab[2] / 200], dtype=np.float32)
    return np.where(f > 6 / 29, f**3, (f - 16 / 116) * (27 * 116 / 24389)).astype(np.float32)


def balance_gains(skin: tuple[float, float, float]) -> NDArray[np.float32]:
    """Factors [3] for XYZ (white = 1) that bring median skin (L*, a*, b*) towards REFERENCE_SKIN."""
    measured = np.maximum(_to_xyz(skin), 0.01)
    wanted = _to_xyz(REFERENCE_SKIN)
    brightness = wanted[1] / measured[1]
    hue = (wanted / measured) / brightness
    gains = np.clip(hue, 0.4, 2.5) ** _HUE_STRENGTH * np.clip(brightness, 0.25, 4.0) ** _LIGHTNESS_STRENGTH
    return np.asarray(gains, dtype=np.float32)


def balanced(colour: tuple[float, float, float], gains: NDArray[np.float32]) -> tuple[float, float, float]:
    """One L*, a*, b* after the gains."""
    lightness, a, b = _from_xyz(_to_xyz(colour) * gains)
    return float(lightness), float(a), float(b)
