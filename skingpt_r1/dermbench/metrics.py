"""Recognition in figures: each a pure function of labels, probabilities and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def balanced_accuracy(predicted: Sequence[str], truth: Sequence[str]) -> float:
    """Mean recall over the labels in `truth`."""
    said, true = np.asarray(predicted), np.asarray(truth)
    return float(np.mean([(said[true == label] == label).mean() for label in sorted(set(truth))]))
