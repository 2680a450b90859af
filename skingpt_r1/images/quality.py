"""Is the photo good enough to be judged? If not, one sentence that helps to take a better one.

The gate is meant for pictures that nobody can judge, not for ugly ones: blocking limits lie outside what
1,200 training and validation rows of the four open image folders show (see Thresholds). It sees colour
and texture, not meaning: a cat in skin tones passes, and the model's abstention has to answer for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.lab import to_lab
from skingpt_r1.images.scaling import shrink

_SIDE: Final = 256  # everything below is measured at this longer side, so that it means the same for all

ADVICE: Final = {
    "blur": "The photo is blurred: hold still, 10 cm away, tap on the lesion to focus, and take it again.",
    "too small": "The photo has too few pixels: use the original, not a thumbnail or a screenshot.",
    "too dark": "The photo is too dark: take it again in daylight or near a lamp, without your own shadow.",
    "too bright": "The photo is over-exposed: switch the flash off, avoid direct sun, and take it again.",
    "no colour": "The picture has no colours: use a colour photo, findings rest on colour.",
    "no skin": "No skin is visible: fill most of the photo with the lesion and a margin of skin around it.",
}


@dataclass(frozen=True, slots=True)
class QualityIssue:
    """One fault. value, limit: the measured number and the threshold that it misses (see THRESHOLDS).

    blocking: the picture cannot be judged; otherwise findings are merely less certain.
    """

    name: str
    value: float
    limit: float
    advice: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All faults of one picture, the blocking ones first."""

    issues: tuple[QualityIssue, ...] = ()

    @property
    def usable(self) -> bool:
        """True if no fault blocks a diagnosis."""
        return not any(issue.blocking for issue in self.issues)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the gate; ranges in brackets are those of 600 to 1,200 training and validation rows.

    side_*: shorter side, pixels [167..]. sharpness_*: variance of the Laplacian of L* [0.19..72].
    dark: 95 % quantile of L* [48..]. bright, clipped: L* of a washed-out pixel and the share of them
    [..0.4]. chroma: 95 % quantile of CIELAB chroma. skin_*: share of skin-like hues, black rim
    left out [0.05..]. flat: standard deviation of L* [2.4..]. smooth: share of its variance that a blur of
    1.5 pixels leaves, noise 0.04 [0.33..]. hue_spread: standard deviation of a* and b* [..28].
    painted: share of exactly one colour other than black, as in charts and documents [..0.31].
    """

    side_blocking: int = 96
    side_wanted: int = 160
    sharpness_blocking: float = 0.15
    sharpness_wanted: float = 0.3
    dark: float = 32.0
    bright: float = 96.5
    clipped: float = 0.5
    chroma: float = 2.0
    skin_blocking: float = 0.03
    skin_wanted: float = 0.15
    flat: float = 1.2
    smooth: float = 0.25
    hue_spread: float = 40.0
    painted: float = 0.4


THRESHOLDS: Final = Thresholds()


def check_quality(pixels: Pixels) -> QualityReport:
    """Judge one photo, uint8 [H, W, 3] sRGB."""
    limits = THRESHOLDS
    small = shrink(pixels, _SIDE)
    lab = to_lab(small)
    lightness = lab[..., 0]
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    found: list[QualityIssue] = []

    def report(name: str, value: float, limit: float, blocking: bool = True) -> None:
        found.append(QualityIssue(name, value, limit, ADVICE[name], blocking))

    side = min(pixels.shape[:2])
    if side < limits.side_wanted:
        blocking = side < limits.side_blocking
        report("too small", side, limits.side_blocking if blocking else limits.side_wanted, blocking)
    if (brightest := float(np.percentile(lightness, 95))) < limits.dark:
        report("too dark", brightest, limits.dark)
    if (washed := float(np.mean(lightness > limits.bright))) > limits.clipped:
        report("too bright", washed, limits.clipped)
    if (colourful := float(np.percentile(chroma, 95))) < limits.chroma:
        report("no colour", colourful, limits.chroma)
    if (missing := _not_skin(small, lab, chroma, limits)) is not None:
        report("no skin", *missing)
    elif (share := skin_share(lab, chroma)) < limits.skin_wanted:
        report("no skin", share, limits.skin_wanted, blocking=False)
    if (sharp := sharpness(lightness)) < limits.sharpness_wanted and not any(i.blocking for i in found):
        blocking = sharp < limits.sharpness_blocking
        report("blur", sharp, limits.sharpness_blocking if blocking else limits.sharpness_wanted, blocking)
    return QualityReport(tuple(sorted(found, key=lambda issue: not issue.blocking)))


def sharpness(lightness: NDArray[np.float32]) -> float:
    """Variance of the Laplacian of L*, lightly smoothed against sensor noise; 0 for a flat picture."""
    return float(ndi.laplace(ndi.gaussian_filter(lightness, 0.7)).var())


def skin_share(lab: NDArray[np.float32], chroma: NDArray[np.float32]) -> float:
    """Share of pixels with a hue that skin or a lesion takes under any dermoscope, black rim left out."""
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    visible = lab[..., 0] > 12
    likely = visible & (lab[..., 0] < 97) & (chroma > 2.5) & (chroma < 70) & (hue > -75) & (hue < 110)
    return float(likely.sum() / max(1, visible.sum()))


def painted_share(pixels: Pixels) -> float:
    """Share of the picture that has exactly its most frequent colour, black left out."""
    wide = pixels.astype(np.int64)
    code = (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])[wide.max(axis=-1) > 24]
    return float(np.unique(code, return_counts=True)[1].max(initial=0) / (pixels.size // 3))


def _not_skin(
    pixels: Pixels, lab: NDArray[np.float32], chroma: NDArray[np.float32], limits: Thresholds
) -> tuple[float, float] | None:
    """(value, limit) of the first test that skin never fails: hue, some contrast, coherent texture."""
    lightness = lab[..., 0]
    spread = float(lightness.std())
    if (share := skin_share(lab, chroma)) < limits.skin_blocking:
        return share, limits.skin_blocking
    if (painted := painted_share(pixels)) > limits.painted:
        return painted, limits.painted
    if spread < limits.flat:
        return spread, limits.flat
    smooth = float(ndi.gaussian_filter(lightness, 1.5).var()) / spread**2
    if smooth < limits.smooth:
        return smooth, limits.smooth
    hues = float(np.hypot(lab[..., 1].std(), lab[..., 2].std()))
    return (hues, limits.hue_spread) if hues > limits.hue_spread else None
