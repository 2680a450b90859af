"""Geometry of one lesion mask, in pixels of the mask: outline, axes, symmetry, irregularity, edge.

A lesion often runs out of the picture. What lies outside is unknown, not skin: symmetry is judged only
where a pixel and its mirror image are both inside the frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
SECTORS: Final = 8
"""The edge is judged in eighths of the outline, as the ABCD rule's B does (Stolz et al. 1994)."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Principal axes of a mask: centre (y, x) in pixels, angle of the longer one in radians from the
    x axis (image rows downwards), full lengths in pixels of the ellipse with the same second moments."""

    y: float
    x: float
    angle: float
    long: float
    short: float


def lesion_mask(probability: NDArray[np.float32], level: float) -> Mask:
    """The one region above `level` that carries most probability, holes filled; empty if none.

    Regions smaller than 0.05 % of the picture are dust, and are never returned.
    """
    above = ndi.grey_opening((probability >= level).astype(np.uint8), size=3)
    regions, count = ndi.label(above)
    if count == 0:
        return np.zeros(probability.shape, dtype=bool)
    weights = ndi.sum_labels(probability, regions, index=np.arange(1, count + 1))
    best = regions == 1 + int(np.argmax(weights))
    if best.sum() < max(16, 0.0005 * best.size):
        return np.zeros(probability.shape, dtype=bool)
    box = crop_to(best, 1)
    best[box] = ndi.binary_fill_holes(best[box])
    return np.asarray(best, dtype=bool)


def crop_to(mask: Mask, margin: int) -> tuple[slice, slice]:
    """The box round the mask plus a margin in pixels, cut at the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), min(mask.shape[0], int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(mask.shape[1], int(columns[-1]) + margin + 1)),
    )


def principal_axes(mask: Mask) -> Axes:
    """Principal axes of a non-empty mask."""
    y, x = np.nonzero(mask)
    cy, cx = float(y.mean()), float(x.mean())
    spread = np.cov(np.stack([x, y]).astype(np.float64), bias=True) + np.eye(2) / 12  # a pixel has width
    values, vectors = np.linalg.eigh(spread)
    major = vectors[:, 1]
    return Axes(
        cy,
        cx,
        float(np.arctan2(major[1], major[0])),
        4 * float(values[1]) ** 0.5,
        4 * float(values[0]) ** 0.5,
    )


def asymmetry(mask: Mask, axes: Axes) -> float:
    """Larger of the two values 1 - IoU of the mask with its mirror image about each principal axis.

    0: symmetric. The larger one, because a half moon is symmetric about one axis and no one calls it so.
    """
    return max(_mirrored(mask, axes, axes.angle), _mirrored(mask, axes, axes.angle + np.pi / 2))


def _mirrored(mask: Mask, axes: Axes, angle: float) -> float:
    cos, sin = np.cos(2 * angle), np.sin(2 * angle)
    y, x = np.indices(mask.shape, dtype=np.float32)
    y, x = y - axes.y, x - axes.x
    mirror_x = np.rint(cos * x + sin * y + axes.x).astype(np.int32)
    mirror_y = np.rint(sin * x - cos * y + axes.y).astype(np.int32)
    height, width = mask.shape
    known = (mirror_x >= 0) & (mirror_x < width) & (mirror_y >= 0) & (mirror_y < height)
    there = mask[np.clip(mirror_y, 0, height - 1), np.clip(mirror_x, 0, width - 1)]
    union = ((mask | there) & known).sum()
    return 1 - float((mask & there & known).sum() / union) if union else 0.0


def border_irregularity(mask: Mask, axes: Axes) -> float:
    """(perimeter / perimeter of the ellipse with the same second moments)^2: 1 for an ellipse, 2 ragged.

    Equals perimeter^2 / (4 pi area) for a round lesion, but does not call an elongated one ragged. The
    outline is smoothed by 1.5 % of the lesion's diameter first, so that pixel steps do not count.
    """
    diameter = equivalent_diameter(mask)
    soft = ndi.gaussian_filter(mask.astype(np.float32), max(1.0, 0.015 * diameter), mode="nearest")
    a, b = axes.long / 2, axes.short / 2
    h = ((a - b) / (a + b)) ** 2
    ellipse = np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))  # Ramanujan 1914
    return float(((_length(soft) + _along_frame(mask)) / ellipse) ** 2)


def _length(soft: NDArray[np.float32]) -> float:
    """Length of a smoothed mask's outline: the integral of its gradient (co-area formula), free of steps."""
    gy, gx = np.gradient(soft)
    return float(np.hypot(gy, gx).sum())


def _along_frame(mask: Mask) -> float:
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return float(sum(edge.sum() for edge in edges))


def cut_share(mask: Mask) -> float:
    """Share of the outline that is the picture's own edge: 0 for a lesion wholly inside."""
    frame = _along_frame(mask)
    steps = float((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())
    return float(frame / max(1.0, frame + steps))


def equivalent_diameter(mask: Mask) -> float:
    """Diameter in pixels of the circle with the mask's area."""
    return 2 * math.sqrt(float(mask.sum()) / math.pi)


def longest_diameter(mask: Mask) -> float:
    """Largest distance in pixels between two points of the mask, to 1 %: 90 directions are tried."""
    y, x = np.nonzero(mask & ~ndi.binary_erosion(mask))
    angles = np.arange(0, np.pi, np.pi / 90)
    along = np.outer(np.cos(angles), x) + np.outer(np.sin(angles), y)
    return float((along.max(axis=1) - along.min(axis=1)).max()) + 1


def signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Distance in pixels to the outline: positive outside, negative inside; the frame is no outline."""
    outside, inside = ndi.distance_transform_edt(~mask), ndi.distance_transform_edt(mask)
    return np.asarray(np.where(mask, 0.5 - inside, outside - 0.5), dtype=np.float32)


def edge_profile(
    lab: NDArray[np.float32], distance: NDArray[np.float32], axes: Axes, bins: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean L*a*b* [SECTORS, len(bins) - 1, 3] in bands of `distance` between `bins`; NaN: too few pixels."""
    bands = len(bins) - 1
    y, x = np.nonzero((distance >= bins[0]) & (distance < bins[-1]))
    colours = lab[y, x]
    turn = np.arctan2(y - axes.y, x - axes.x) / (2 * np.pi) + 0.5
    sector = np.minimum((turn * SECTORS).astype(np.int64), SECTORS - 1)
    index = sector * bands + np.searchsorted(bins, distance[y, x], side="right") - 1
    counts = np.bincount(index, minlength=SECTORS * bands)
    sums = np.stack([np.bincount(index, colours[:, c], minlength=SECTORS * bands) for c in range(3)], -1)
    means = np.where(counts[:, None] >= 3, sums / np.maximum(counts, 1)[:, None], np.nan)
    return means.reshape(SECTORS, bands, 3)
