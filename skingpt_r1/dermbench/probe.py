"""Logistic regression and nearest neighbours on features that nobody trains: the least a system must beat.

Both give every label the same say, however common it is (balanced accuracy is what is compared). The regression is
multinomial with an L2 penalty, on standardised features; it gives what scikit-learn's `LogisticRegression` with
class_weight="balanced" gives, and a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
STRENGTH: Final = 0.003
_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Probe:
    """labels: a column each, sorted. mean, scale: of the features, [D]. weight: [D, K]. bias: [K]."""

    labels: tuple[str, ...]
    mean: Floats
    scale: Floats
    weight: Floats
    bias: Floats

    def probability(self, features: ArrayLike) -> Floats:
        """[N, D] -> [N, K], rows sum to 1."""
        scaled = (np.asarray(features, dtype=float) - self.mean) / self.scale
        shares: Floats = scipy.special.softmax(scaled @ self.weight + self.bias, axis=1)
        return shares


def fit(features: ArrayLike, labels: Sequence[str], strength: float = STRENGTH) -> Probe:
    """Fit [N, D] features to N labels. strength: inverse of the L2 penalty (C). Raises ValueError on one label only."""
    x, names, row = _checked(features, labels)
    mean, scale = x.mean(0), x.std(0)
    scale[scale < 1e-9] = 1.0
    x = (x - mean) / scale
    count = np.bincount(row)
    share = (len(row) / (len(names) * count))[row]
    truth = np.eye(len(names))[row]
    size = x.shape[1] * len(names)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight, bias = flat[:size].reshape(x.shape[1], -1), flat[size:]
        logs = scipy.special.log_softmax(x @ weight + bias, axis=1)
        apart = share[:, None] * (np.exp(logs) - truth)
        value = strength * float(-(share * logs[np.arange(len(row)), row]).sum()) + 0.5 * float((weight**2).sum())
        slope = np.concatenate([(strength * (x.T @ apart) + weight).ravel(), strength * apart.sum(0)])
        return value, slope

    start = np.zeros(size + len(names))
    options = {"maxiter": _STEPS, "gtol": 1e-7, "ftol": 1e-12}
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return Probe(tuple(names), mean, scale, found[:size].reshape(x.shape[1], -1), found[size:])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """labels: a column each, sorted. known: unit vectors, [N, D]. row: label of each. k: how many are asked."""

    labels: tuple[str, ...]
    known: Floats
    row: NDArray[np.intp]
    k: int

    def probability(self, features: ArrayLike) -> Floats:
        """[N, D] -> [N, K]: share of each label among the k nearest by cosine, a rare label's vote weighing more."""
        near = np.argsort(-_unit(np.asarray(features, dtype=float)) @ self.known.T, axis=1, kind="stable")[:, : self.k]
        weight = 1 / np.bincount(self.row, minlength=len(self.labels))
        votes = np.stack([(self.row[near] == label).sum(1) * weight[label] for label in range(len(self.labels))], 1)
        shares: Floats = votes / votes.sum(1, keepdims=True)
        return shares


def neighbours(features: ArrayLike, labels: Sequence[str], k: int) -> Neighbours:
    """Keep [N, D] features with their N labels. Raises ValueError where k is not among 1..N."""
    x, names, row = _checked(features, labels)
    if not 1 <= k <= len(row):
        raise ValueError(f"k = {k} of {len(row)} pictures")
    return Neighbours(tuple(names), _unit(x), row, k)


def _checked(features: ArrayLike, labels: Sequence[str]) -> tuple[Floats, list[str], NDArray[np.intp]]:
    x = np.asarray(features, dtype=float)
    names, row = np.unique(np.asarray(labels), return_inverse=True)
    if x.ndim != 2 or len(x) != len(row) or len(names) < 2:
        raise ValueError(f"features {x.shape} for {len(labels)} rows of {len(names)} labels")
    return x, [str(name) for name in names], row.astype(np.intp)


def _unit(x: Floats) -> Floats:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length < 1e-12, 1.0, length)
