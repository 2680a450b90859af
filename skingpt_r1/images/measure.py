"""Numbers of one segmented lesion, each with an interval, measured without knowing what was written of it.

The interval is not statistics over patients: it is how far the number moves when the outline moves,
by as much as two experts' outlines differ (2 % of the diameter either way), when the probability map
is cut higher or lower, and, for colours, when the names' borders in CIELAB move by a just visible step.
Pictures are measured at 240 pixels of the longer side: quick, and the same scale for every camera.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.images import shape
from skingpt_r1.images.colours import COLOURS, NAMES, NOTICEABLE, classify, surrounding_skin
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.lab import Lab, balance_gains, balanced, to_lab
from skingpt_r1.images.scaling import resize_map, shrink

SIDE: Final = 240
COLOUR_SIDE: Final = 144
SHAPE_SIDE: Final = 112
LEVELS: Final = (0.35, 0.5, 0.65)
SHIFT: Final = 0.02  # of the equivalent diameter
COLOUR_SHIFTS: Final = ((0, 0, 0), (4, 0, 0), (-4, 0, 0), (0, 2.5, 0), (0, -2.5, 0), (0, 0, 2), (0, 0, -2))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and the interval [low, high] in which it stays when outline or colour limits move."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class LesionMeasurement:
    """One lesion in fractions of its picture, not in millimetres unless a scale is known.

    area: share of the picture, 0..1. asymmetry: 1 - IoU with the mirror image about a principal axis, the
    worse of the two, 0 (symmetric)..1. border_irregularity: squared ratio of the outline's length to that
    of the ellipse with the same moments, 1 (smooth) .. about 4. edge_sharpness: largest colour step (CIELAB
    distance) within 6 % of the diameter across the outline, mean of eight sectors, 0..100. contrast: CIELAB
    distance of median lesion and surrounding skin. colours: name -> share of the lesion, with "skin" for
    what looks like the surround. colour_count: how many colours reach their share in colours.NOTICEABLE.
    diameter_mm: largest diameter, None without a scale. cut: share of the outline that is the picture's
    edge, where shape is unknown. skin: median L*, a*, b* around the lesion as photographed. mask: bool
    [h, w], longer side at most 240. axes: in pixels of that mask. size: (H, W) of the photo.
    Source: Stolz et al. 1994 (ABCD rule), adapted to masks.
    """

    area: Quantity
    asymmetry: Quantity
    border_irregularity: Quantity
    edge_sharpness: Quantity
    contrast: Quantity
    colours: Mapping[str, Quantity]
    colour_count: Quantity
    diameter_mm: Quantity | None
    cut: float
    skin: tuple[float, float, float]
    mask: NDArray[np.bool_]
    axes: shape.Axes
    size: tuple[int, int]

    def numbers(self) -> dict[str, Any]:
        """For JSON and tables: name -> [value, low, high], colours nested, the mask left out."""
        names = ("area", "asymmetry", "border_irregularity", "edge_sharpness", "contrast", "colour_count")
        found: dict[str, Any] = {name: _rounded(getattr(self, name)) for name in names}
        found["diameter_mm"] = None if self.diameter_mm is None else _rounded(self.diameter_mm)
        found["cut"] = round(self.cut, 4)
        found["colours"] = {name: _rounded(share) for name, share in self.colours.items()}
        return found


def outlined(pixels: Pixels, probability: NDArray[Any]) -> bool:
    """Whether `measure_lesion` would find a lesion to measure."""
    chance = resize_map(probability, shrink(pixels, SIDE).shape[:2])
    return bool(shape.lesion_mask(chance, LEVELS[1]).any())


def measure_lesion(
    pixels: Pixels, probability: NDArray[Any], mm_per_pixel: float | None = None
) -> LesionMeasurement | None:
    """Measure the lesion that `probability` (0..1 or bool, [h, w], any size) shows in uint8 [H, W, 3].

    None: nothing is segmented at 0.5. mm_per_pixel: of `pixels`, only from a ruler or a known spacing.
    """
    small = shrink(pixels, SIDE)
    chance = resize_map(probability, small.shape[:2])
    mask = shape.lesion_mask(chance, LEVELS[1])
    if not mask.any():
        return None
    distance = shape.signed_distance(mask)
    variants = _variants(chance, mask, distance)
    lab = to_lab(small)
    skin = surrounding_skin(lab, mask, distance)
    colours, count = _colours(pixels, variants, skin)
    millimetres = None
    if mm_per_pixel is not None:
        scale = mm_per_pixel * max(pixels.shape[:2]) / max(small.shape[:2])
        millimetres = _over([shape.longest_diameter(m) * scale for m in variants])
    axes = shape.principal_axes(mask)
    return LesionMeasurement(
        area=_over([float(m.mean()) for m in variants]),
        asymmetry=_over([_asymmetry(m) for m in variants]),
        border_irregularity=_over([_irregularity(m) for m in variants]),
        edge_sharpness=_edge(lab, distance, axes, shape.equivalent_diameter(mask)),
        contrast=_over([_contrast(lab[m], skin) for m in variants]),
        colours=colours,
        colour_count=count,
        diameter_mm=millimetres,
        cut=shape.cut_share(mask),
        skin=skin,
        mask=mask,
        axes=axes,
        size=(pixels.shape[0], pixels.shape[1]),
    )


def _variants(chance: NDArray[np.float32], mask: shape.Mask, distance: NDArray[np.float32]) -> list[shape.Mask]:
    """The mask first, then the same cut at other levels, and grown or shrunk by SHIFT; empty ones dropped."""
    shift = max(0.75, SHIFT * shape.equivalent_diameter(mask))
    others = [distance < shift, distance < -shift]
    if ((chance > 0.02) & (chance < 0.98)).mean() > 0.002:  # not a hard mask, whose levels are all the same
        others += [shape.lesion_mask(chance, LEVELS[0]), shape.lesion_mask(chance, LEVELS[2])]
    return [mask, *(m for m in others if m.sum() >= 16)]


def _over(values: list[float]) -> Quantity:
    return Quantity(values[0], min(values), max(values))


def _rounded(quantity: Quantity) -> list[float]:
    return [round(quantity.value, 4), round(quantity.low, 4), round(quantity.high, 4)]


def _asymmetry(mask: shape.Mask) -> float:
    step = max(1, round(max(mask.shape) / SHAPE_SIDE))
    coarse = mask[::step, ::step] if mask.sum() > 400 * step * step else mask
    return shape.asymmetry(coarse, shape.principal_axes(coarse))


def _irregularity(mask: shape.Mask) -> float:
    part = mask[shape.crop_to(mask, 6)]
    return shape.border_irregularity(part, shape.principal_axes(part))


def _edge(lab: Lab, distance: NDArray[np.float32], axes: shape.Axes, diameter: float) -> Quantity:
    """Mean of the eight sectors' steepest steps, and one standard error of that mean either way.

    The steepest place is looked for up to 12 % of the diameter off the outline: experts draw outlines
    loosely, and the step exactly at the line would call every mask blurred.
    """
    width = max(0.02, 1 / diameter)
    bins: NDArray[np.float64] = np.arange(-9, 10, dtype=np.float64) * width
    profile = shape.edge_profile(lab, distance / np.float32(diameter), axes, bins)
    steps = np.linalg.norm(profile[:, 3:] - profile[:, :-3], axis=2)
    sectors = np.max(np.where(np.isnan(steps), -1.0, steps), axis=1)
    known = sectors[sectors >= 0]
    if known.size == 0:
        return Quantity(0.0, 0.0, 100.0)
    error = float(known.std()) / float(known.size) ** 0.5
    return Quantity(float(known.mean()), max(0.0, float(known.mean()) - error), float(known.mean()) + error)


def _contrast(inside: NDArray[np.float32], skin: tuple[float, float, float]) -> float:
    return float(np.linalg.norm(np.median(inside, axis=0) - np.array(skin)))


def _colours(
    pixels: Pixels, variants: list[shape.Mask], skin: tuple[float, float, float]
) -> tuple[dict[str, Quantity], Quantity]:
    small = shrink(pixels, COLOUR_SIDE)
    masks = [resize_map(m, small.shape[:2]) >= 0.5 for m in variants]
    masks = [m for m in masks if m.any()] or [np.ones(small.shape[:2], dtype=bool)]
    gains = balance_gains(skin)
    lab, surround = to_lab(small, gains), balanced(skin, gains)
    rows = []
    for shift in COLOUR_SHIFTS:
        named = classify(lab[masks[0]] + np.array(shift, dtype=np.float32), surround)
        rows.append(np.bincount(named, minlength=len(NAMES)) / named.size)
    for mask in masks[1:]:
        named = classify(lab[mask], surround)
        rows.append(np.bincount(named, minlength=len(NAMES)) / named.size)
    shares = np.stack(rows)
    colours = {name: _over(shares[:, i].tolist()) for i, name in enumerate(NAMES)}
    limits = np.array([NOTICEABLE[name] for name in COLOURS])
    return colours, _over((shares[:, : len(COLOURS)] >= limits).sum(axis=1).astype(float).tolist())
