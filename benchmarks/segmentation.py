"""How well the lesion is outlined: our segmenter against Otsu's threshold and GrabCut, on rows it never saw.

    pip install opencv-python-headless   # GrabCut, only needed here
    python -m benchmarks.segmentation

Dice and IoU against expert masks on the official `val` rows of ham10000 and ham10000_hires: no `test` row
has a mask, and val rows neither trained nor stopped the segmenter. Rows with a near-duplicate among the
training rows are left out: the shipped segmenter was trained before the search became as strict as it is. IoU of
boxes on the PAD-UFES-20 `test` rows, whose boxes students drew. Every method's largest connected part counts.
Intervals: 95 %, bootstrap over lesions or patients.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label

from benchmarks.results import keep, no_options
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.distill.data import gather
from skingpt_r1.distill.masked import Outlined, outlined_cases, true_mask
from skingpt_r1.distill.segment import box_iou, dice_and_iou
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.segmenter import load_segmenter
from skingpt_r1.sources.clustering import key

log = logging.getLogger(__name__)
Mask = NDArray[np.bool_]
Method = Callable[[Pixels], Mask]


def largest(mask: Mask) -> Mask:
    """The largest connected part."""
    parts = label(mask)
    if parts.max() == 0:
        return mask
    return np.asarray(parts == np.bincount(parts.ravel())[1:].argmax() + 1)


def otsu(pixels: Pixels) -> Mask:
    """Otsu's threshold on smoothed grey values; the darker side is the lesion."""
    grey = gaussian(pixels.mean(2), 2)
    return np.asarray(grey < threshold_otsu(grey))


def grab_cut(pixels: Pixels) -> Mask:
    """GrabCut (Rother et al. 2004), told that the lesion is somewhere in the middle 80 %."""
    height, width = pixels.shape[:2]
    marks = np.zeros((height, width), np.uint8)
    middle = (width // 10, height // 10, width * 8 // 10, height * 8 // 10)
    cv2.setRNGSeed(0)
    blue_first = np.ascontiguousarray(pixels[:, :, ::-1])
    cv2.grabCut(blue_first, marks, middle, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    return np.asarray((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD))


def measured(method: Method, rows: list[Outlined]) -> NDArray[np.float64]:
    """[N, 2] Dice and IoU, or IoU of boxes twice where only a box is known."""
    found: list[tuple[float, float]] = []
    for row in rows:
        pixels = read_photo(row.case.image).pixels
        mask = largest(method(pixels))
        if row.box is None:
            found.append(dice_and_iou(mask, true_mask(row.case, mask.shape)))
        else:
            found.append((box_iou(mask, row.box),) * 2)
    return np.array(found)


def told(values: NDArray[np.float64], groups: list[str]) -> dict[str, object]:
    """Mean with its interval, median, n."""
    low, high = interval(lambda rows: float(values[rows].mean()), groups)
    mean, median = float(values.mean()), float(np.median(values))
    return {
        "mean": round(mean, 4),
        "interval": [round(low, 4), round(high, 4)],
        "median": round(median, 4),
        "below_half": int((values < 0.5).sum()),
        "n": len(values),
    }


def linked() -> set[str]:
    """Keys of the val and test rows that have a near-duplicate among the training rows."""
    found = gather(None, Path("runs"))
    training = {key(case) for case in found.cases if case.split == "train"}
    return {one for a, b, _ in found.pairs for one, other in ((a, b), (b, a)) if other in training} - training


def main() -> None:
    """Measure and keep results/segmentation.json."""
    no_options(__doc__)
    leaked = linked()
    segmenter = load_segmenter()
    methods: dict[str, Method] = {
        "segmenter": lambda pixels: segmenter.probability(pixels) >= 0.5,
        "otsu": otsu,
        "grabcut": grab_cut,
    }
    val = [row for row in outlined_cases("val") if row.box is None and key(row.case) not in leaked]
    sets = {name: [row for row in val if row.case.dataset == name] for name in ("ham10000", "ham10000_hires")}
    sets["pad_ufes_20"] = [row for row in outlined_cases("test") if row.box is not None and key(row.case) not in leaked]
    figures: dict[str, dict[str, object]] = {}
    for name, rows in sets.items():
        groups = [row.case.group or row.case.id for row in rows]
        for method, call in methods.items():
            began = time.perf_counter()
            values = measured(call, rows)
            seconds = (time.perf_counter() - began) / len(rows)
            measures = ("dice", "iou") if name != "pad_ufes_20" else ("box_iou",)
            scores = {m: told(values[:, i], groups) for i, m in enumerate(measures)}
            figures.setdefault(name, {})[method] = {**scores, "seconds_a_photo": round(seconds, 3)}
            log.info("%s %s %s", name, method, figures[name][method])
    log.info("kept in %s", keep("segmentation", {"seed": 0, "left_out": sorted(leaked), "figures": figures}))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
