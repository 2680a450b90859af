"""Deletion and insertion curves (Petsiuk et al. 2018): is what the evidence map marks what moves the model?

Cells of the photo are blurred away in the order of the map, or brought back into a blurred photo, and the push towards
the diagnosis is taken anew, from pixels; the map itself was made on inner maps. Two baselines: the same map put
elsewhere (as lumpy, in the wrong place), and a spot in the middle, where most lesions are anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy.ndimage as ndi
import torch
from numpy.typing import NDArray

from skingpt_r1.dermbench.trust.corruptions import fingerprint
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.scaling import resize_map
from skingpt_r1.models.diagnose import Model
from skingpt_r1.models.encoder import IMAGE_SIZE, to_pixels
from skingpt_r1.models.occlusion import evidence_map, push
from skingpt_r1.models.preprocess import centre_square

Floats = NDArray[np.float32]
FRACTIONS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
MODES: Final = ("deletion", "insertion")
ORDERS: Final = ("evidence", "elsewhere", "middle")
_BLUR: Final = 0.12  # of the side: nothing of a lesion is left but a tint


@torch.inference_mode()
def curves(
    model: Model, pixels: Pixels, diagnosis: str, candidates: Sequence[str], seed: int = 0
) -> dict[str, list[float]]:
    """ "deletion/evidence" .. "insertion/middle" -> the push (logits) at each of FRACTIONS.

    diagnosis: what was named; candidates: what could have been.
    """
    square = centre_square(pixels, IMAGE_SIZE)
    lower = model.writer.encoder.lower(to_pixels(torch.from_numpy(square.copy())[None]))
    evidence = evidence_map(model.writer, lower, diagnosis, candidates).numpy()
    names = [diagnosis, *(name for name in candidates if name != diagnosis)]
    blurred = ndi.gaussian_filter(square.astype(np.float32), (_BLUR * IMAGE_SIZE, _BLUR * IMAGE_SIZE, 0))
    drawn = (seed, fingerprint(square))  # another place in every picture
    maps = {"evidence": evidence, "elsewhere": elsewhere(evidence, drawn), "middle": middle(evidence.shape)}
    found: dict[str, list[float]] = {}
    for order in ORDERS:
        for mode in MODES:
            pictures = np.stack([hidden(square, blurred, maps[order], f, mode == "insertion") for f in FRACTIONS])
            lowers = model.writer.encoder.lower(to_pixels(torch.from_numpy(pictures)))
            found[f"{mode}/{order}"] = [round(float(p), 4) for p in push(model.writer, lowers, names)]
    return found


def hidden(square: Pixels, blurred: Floats, ranking: Floats, fraction: float, insertion: bool) -> Pixels:
    """The picture [S, S, 3] with the first `fraction` of the cells blurred, or (insertion) only those not blurred."""
    count = round(fraction * ranking.size)
    first = np.zeros(ranking.size, dtype=np.float32)
    first[np.argsort(-ranking, axis=None, kind="stable")[:count]] = 1
    share = resize_map(first.reshape(ranking.shape), square.shape[:2])[..., None]
    share = 1 - share if insertion else share
    return np.clip(square * (1 - share) + blurred * share, 0, 255).round().astype(np.uint8)


def elsewhere(evidence: Floats, seed: Sequence[int]) -> Floats:
    """The map turned and shifted at random: as lumpy as itself, and about nothing."""
    rng = np.random.default_rng(seed)
    turned = np.rot90(evidence, int(rng.integers(1, 4)))
    height, width = evidence.shape
    shift = (int(rng.integers(height // 4, height - height // 4)), int(rng.integers(width // 4, width - width // 4)))
    return np.ascontiguousarray(np.roll(turned, shift, (0, 1)))


def middle(shape: tuple[int, ...]) -> Floats:
    """A round spot in the middle."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2)
    return np.asarray(-away, dtype=np.float32)


def area(values: Sequence[float]) -> float:
    """Mean height of a curve over FRACTIONS (trapezoids)."""
    return float(np.trapezoid(values, FRACTIONS))
