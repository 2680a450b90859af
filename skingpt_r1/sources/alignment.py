"""Whether two pictures show the same pixels, whatever small shift, zoom, turn or crop lies between.

Every comparison slides the middle 70 % of one picture over the other (normalised
cross-correlation, exact, by FFT) at a few zooms, and keeps the best place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, ndimage

from skingpt_r1.images.reading import read_photo
from skingpt_r1.sources.fingerprints import VIEWS, orient

Stack = npt.NDArray[np.float32]  # [N, side, side]

_THUMB = 112
_BATCH = 1024
_FLAT = 1e-3  # below this norm a picture has no detail to compare


@dataclass(frozen=True, slots=True)
class Aligned:
    """A candidate pair by position; `second` is seen through crop `view`, in `orientation` 0..7."""

    first: int
    second: int
    view: int
    orientation: int


@dataclass(frozen=True, slots=True)
class Scale:
    """side: pixels; inner: those of the sliding middle; sharp, smooth: band-pass sigmas in pixels.

    clip: limit of the band-passed values in multiples of their median size, None for no limit.
    zooms: centre crops tried on (first, second).
    """

    side: int
    inner: int
    sharp: float
    smooth: float
    clip: float | None
    zooms: tuple[tuple[float, float], ...]


COARSE = Scale(32, 24, 0.5, 2.7, None, ((1.0, 1.0), (0.91, 1.0), (1.0, 0.91)))
FINE = Scale(48, 34, 0.6, 2.0, 2.0, ((1.0, 1.0), (0.94, 1.0), (0.88, 1.0), (1.0, 0.94), (1.0, 0.88)))


class Matcher:
    """Scores candidate pairs of a fixed list of pictures; keeps one small grey copy of each it needed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._thumbs: dict[int, Image.Image] = {}

    def coarse(self, pairs: Sequence[Aligned]) -> npt.NDArray[np.float64]:
        """Correlation -1..1 of broad structure; true duplicates are high, and so are look-alikes."""
        return self._scores(pairs, COARSE)

    def fine(self, pairs: Sequence[Aligned]) -> npt.NDArray[np.float64]:
        """Correlation -1..1 of fine detail; only the same skin is high."""
        return self._scores(pairs, FINE)

    def _scores(self, pairs: Sequence[Aligned], scale: Scale) -> npt.NDArray[np.float64]:
        best = np.full(len(pairs), -1.0)
        margin = (scale.side - scale.inner) // 2
        middle = slice(margin, margin + scale.inner)
        for start in range(0, len(pairs), _BATCH):
            batch = pairs[start : start + _BATCH]
            for zoom_first, zoom_second in scale.zooms:
                first = band_pass(np.stack([self._crop(p.first, 0, zoom_first, scale) for p in batch]), scale)
                second = [orient(self._crop(p.second, p.view, zoom_second, scale), p.orientation) for p in batch]
                inner = band_pass(np.stack(second), scale)[:, middle, middle]
                here = slice(start, start + len(batch))
                best[here] = np.maximum(best[here], best_correlation(first, inner))
        return best

    def _thumb(self, position: int) -> Image.Image:
        if position not in self._thumbs:
            grey = Image.fromarray(read_photo(self._paths[position]).pixels).convert("L")
            self._thumbs[position] = grey.resize((_THUMB, _THUMB), Image.Resampling.BOX)
        return self._thumbs[position]

    def _crop(self, position: int, view: int, zoom: float, scale: Scale) -> Stack:
        left, top, right, bottom = (_THUMB * edge for edge in VIEWS[view])
        dx, dy = (right - left) * (1 - zoom) / 2, (bottom - top) * (1 - zoom) / 2
        box = (left + dx, top + dy, right - dx, bottom - dy)
        small = self._thumb(position).resize((scale.side, scale.side), Image.Resampling.BOX, box=box)
        return np.asarray(small, dtype=np.float32)


def band_pass(grey: Stack, scale: Scale) -> Stack:
    """Detail between two blurs, clipped so that a few strong edges do not decide alone."""
    sharp, smooth = (ndimage.gaussian_filter(grey, s, axes=(1, 2)) for s in (scale.sharp, scale.smooth))
    detail: Stack = sharp - smooth
    if scale.clip is None:
        return detail
    limit = scale.clip * np.median(np.abs(detail), axis=(1, 2), keepdims=True) + 0.5
    return np.clip(detail, -limit, limit)


def best_correlation(fields: Stack, inner: Stack) -> npt.NDArray[np.float64]:
    """Highest normalised cross-correlation of inner [N, t, t] at any full overlap with fields [N, s, s]."""
    side, size = fields.shape[-1], inner.shape[-1]
    places = side - size + 1
    template = inner - inner.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt((template.astype(np.float64) ** 2).sum(axis=(1, 2)))
    spectrum = fft.rfft2(fields) * fft.rfft2(template, s=(side, side)).conj()
    product = fft.irfft2(spectrum, s=(side, side))[:, :places, :places]
    total, squares = _window_sums(fields, size), _window_sums(fields.astype(np.float64) ** 2, size)
    spread = np.sqrt(np.maximum(squares - total**2 / size**2, 0.0))
    flat = (spread < _FLAT) | (norm[:, None, None] < _FLAT)
    score = np.where(flat, 0.0, product / np.maximum(spread * norm[:, None, None], _FLAT**2))
    highest: npt.NDArray[np.float64] = score.reshape(len(fields), -1).max(axis=1)
    return highest


def _window_sums(stack: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    table = np.pad(stack, ((0, 0), (1, 0), (1, 0))).cumsum(1, dtype=np.float64).cumsum(2)
    sums: npt.NDArray[np.float64] = (
        table[:, size:, size:] - table[:, :-size, size:] - table[:, size:, :-size] + table[:, :-size, :-size]
    )
    return sums
