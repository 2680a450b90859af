"""Recognition in figures: each a pure function of labels, probabilities and nothing else.

nan where the rows tell nothing (no malignant one among them); `statistics.estimate` leaves such draws out. Labels may
be text or column numbers. What a system did not answer is no label: hand in a word that no label set has, or -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
BINS = 10


def accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Share that is right."""
    return _mean(np.asarray(predicted) == np.asarray(truth))


def recalls(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Share found of each label in `truth`, in sorted order."""
    said, true = np.asarray(predicted), np.asarray(truth)
    _, row = np.unique(true, return_inverse=True)
    found: Floats = np.bincount(row, said == true) / np.bincount(row)
    return found


def balanced_accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean recall over the labels in `truth`."""
    return _mean(recalls(predicted, truth))


def macro_f1(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean F1 (harmonic mean of precision and recall) over the labels in `truth`; one never predicted counts 0."""
    said, true = np.asarray(predicted), np.asarray(truth)
    names, row = np.unique(true, return_inverse=True)
    hit = np.bincount(row, said == true)
    called = np.array([(said == name).sum() for name in names])
    return _mean(2 * hit / (np.bincount(row) + called)) if len(names) else float("nan")


def auroc(score: ArrayLike, positive: ArrayLike) -> float:
    """Chance that a positive row scores above a negative one, ties counting half; nan where either is lacking."""
    is_positive = np.asarray(positive, dtype=bool)
    n, others = int(is_positive.sum()), int((~is_positive).sum())
    if not n or not others:
        return float("nan")
    _, place, tied = np.unique(np.asarray(score, dtype=float), return_inverse=True, return_counts=True)
    rank = (np.cumsum(tied) - (tied - 1) / 2)[place]  # ties at their mean rank
    return float((rank[is_positive].sum() - n * (n + 1) / 2) / (n * others))


def macro_auroc(probability: ArrayLike, truth: ArrayLike) -> float:
    """Mean AUROC of each label against the rest. probability: [N, K]; truth: [N] columns; labels without rows left out.

    One against rest, every label alike (Fawcett 2006, section 9), whatever the rows sum to.
    """
    shares, column = np.asarray(probability, dtype=float), np.asarray(truth)
    each = np.array([auroc(shares[:, k], column == k) for k in range(shares.shape[1])])
    return _mean(each[~np.isnan(each)])


def sensitivity(said_positive: ArrayLike, positive: ArrayLike) -> float:
    """Share of the positive rows that were called positive."""
    return _mean(np.asarray(said_positive, dtype=bool)[np.asarray(positive, dtype=bool)])


def specificity(said_negative: ArrayLike, positive: ArrayLike) -> float:
    """Share of the negative rows that were called negative; a row that got no answer was not."""
    return _mean(np.asarray(said_negative, dtype=bool)[~np.asarray(positive, dtype=bool)])


@dataclass(frozen=True, slots=True)
class Scored:
    """score: [N], higher is more likely positive. groups: the patient or lesion of each row."""

    score: Floats
    positive: NDArray[np.bool_]
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Rows that score at least `value` are called positive. Made by `threshold_for` from rows that it remembers."""

    value: float
    sensitivity: float
    chosen_on: frozenset[str]


def threshold_for(wanted: float, validation: Scored) -> Threshold:
    """The highest threshold at which the validation rows have at least the sensitivity wanted, above 0 up to 1.

    Raises ValueError where there is no positive row to choose it on.
    """
    positives = np.sort(validation.score[validation.positive])[::-1]
    if not len(positives) or not 0 < wanted <= 1:
        raise ValueError(f"sensitivity {wanted} of {len(positives)} positive validation rows")
    needed = int(np.ceil(wanted * len(positives) - 1e-9))
    return Threshold(float(positives[needed - 1]), wanted, frozenset(validation.groups))


def shared_patients(threshold: Threshold, reported: Scored) -> frozenset[str]:
    """Patients or lesions of the rows that helped to choose the threshold; there must be none."""
    return threshold.chosen_on.intersection(reported.groups)


def _of_others(threshold: Threshold, reported: Scored) -> None:
    if shared := shared_patients(threshold, reported):
        raise ValueError(f"the threshold was chosen on {sorted(shared)[0]!r} too; report other patients")


def specificity_at(threshold: Threshold, reported: Scored) -> float:
    """Specificity of other rows. Raises ValueError where a patient of theirs helped to choose the threshold."""
    _of_others(threshold, reported)
    return specificity(reported.score < threshold.value, reported.positive)


def sensitivity_at(threshold: Threshold, reported: Scored) -> float:
    """The sensitivity that other rows really have. Raises ValueError as `specificity_at` does."""
    _of_others(threshold, reported)
    return sensitivity(reported.score >= threshold.value, reported.positive)


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Mean distance of confidence from the share right, over bins of equal width, by the rows in each."""
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if not len(sure):
        return float("nan")
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, sure - hit)).sum() / len(sure))


def calibration_error_by_chance(
    confidence: ArrayLike, draws: int = 1000, seed: int = 0, bins: int = BINS
) -> tuple[float, float]:
    """(mean, 95th percentile) of the expected calibration error where every confidence is true.

    It is never 0 on few rows: what lies within it tells nothing against a system.
    """
    sure = np.asarray(confidence, dtype=float)
    if not len(sure):
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    errors = [expected_calibration_error(sure, rng.random(len(sure)) < sure, bins) for _ in range(draws)]
    return float(np.mean(errors)), float(np.quantile(errors, 0.95))


def brier(probability: ArrayLike, truth: ArrayLike) -> float:
    """Mean squared distance of [N, K] probabilities from the truth, 0..2 (Brier 1950). truth: [N] columns."""
    shares, column = np.asarray(probability, dtype=float), np.asarray(truth)
    return _mean(((shares - np.eye(shares.shape[1])[column]) ** 2).sum(1)) if len(shares) else float("nan")


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
