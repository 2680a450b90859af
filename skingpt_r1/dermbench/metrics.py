"""Recognition in figures: each a pure function of labels, probabilities and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
BINS = 10


def balanced_accuracy(predicted: Sequence[str], truth: Sequence[str]) -> float:
    """Mean recall over the labels in `truth`."""
    said, true = np.asarray(predicted), np.asarray(truth)
    return float(np.mean([(said[true == label] == label).mean() for label in sorted(set(truth))]))


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Mean distance of confidence from the share right, over bins of equal width, by the rows in each."""
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if not len(sure):
        return float("nan")
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, sure - hit)).sum() / len(sure))


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    """(coverage, share wrong among the surest so many), both [N]. Rows that are equally sure come in at their mean."""
    sure, wrong = np.asarray(confidence, dtype=float), 1.0 - np.asarray(right, dtype=float)
    _, tied = np.unique(-sure, return_inverse=True)
    mean_of_tie = np.bincount(tied, wrong) / np.maximum(np.bincount(tied), 1)
    n = np.arange(1, len(sure) + 1)
    return n / max(len(sure), 1), np.cumsum(mean_of_tie[np.sort(tied)]) / n


def aurc(confidence: ArrayLike, right: ArrayLike) -> float:
    """Area under the risk-coverage curve, 0 is best (Geifman, Uziel and El-Yaniv 2019)."""
    return _mean(risk_coverage(confidence, right)[1])


def _mean(values: ArrayLike) -> float:
    told = np.asarray(values, dtype=float)
    return float(told.mean()) if told.size else float("nan")
