"""How far two blind raters agree, by dimension, and who is strict.

Alpha and ICC(1,1), because raters differ from case to case; both from `dermeval.agreement`, where each has its formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skingpt_r1.dermeval.agreement import (
    LEAST,
    Estimate,
    Floats,
    alpha,
    bootstrap,
    estimate,
    icc_1_1,
    library_alpha,
    library_icc,
)
from skingpt_r1.dermeval.rubric import rubric


@dataclass(frozen=True, slots=True)
class Pair:
    """The two blind answers to one case: who, and the scores by dimension."""

    raters: tuple[str, str]
    scores: tuple[Mapping[str, float], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class DimensionAgreement:
    """alpha: Krippendorff's, 1 perfect, 0 as chance. icc: ICC(1,1). within: share of cases at most a point apart."""

    key: str
    name: str
    n: int
    alpha: Estimate
    icc: Estimate
    within: float | None


@dataclass(frozen=True, slots=True)
class Bias:
    """How much higher (lower if negative) one rater scores than whoever rated the same case. n: cases."""

    rater: str
    n: int
    overall: Estimate
    by_dimension: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """All of it. n: cases with two answers."""

    n: int
    dimensions: tuple[DimensionAgreement, ...]
    biases: tuple[Bias, ...]


def agreement(pairs: Sequence[Pair], seed: int = 0) -> Agreement:
    """Agreement of pairs of blind answers."""
    rows = tuple(
        _dimension(d.key, d.name, np.array([[p.scores[0][d.key], p.scores[1][d.key]] for p in pairs]), seed)
        for d in rubric().dimensions
    )
    raters = sorted({name for p in pairs for name in p.raters})
    return Agreement(len(pairs), rows, tuple(_bias(name, pairs, seed) for name in raters))


def _dimension(key: str, name: str, pairs: Floats, seed: int) -> DimensionAgreement:
    n = len(pairs)
    if n < LEAST:
        return DimensionAgreement(key, name, n, Estimate(), Estimate(), None)
    near = float((np.abs(pairs[:, 0] - pairs[:, 1]) <= 1).mean())
    return DimensionAgreement(
        key,
        name,
        n,
        estimate(library_alpha(pairs), bootstrap(pairs, alpha, seed)),
        estimate(library_icc(pairs), bootstrap(pairs, icc_1_1, seed)),
        near,
    )


def _bias(name: str, pairs: Sequence[Pair], seed: int) -> Bias:
    keys = [d.key for d in rubric().dimensions]
    rows = []
    for pair in pairs:
        for side in (0, 1):
            if pair.raters[side] == name:
                rows.append([pair.scores[side][k] - pair.scores[1 - side][k] for k in keys])
    more = np.array(rows)  # [N, 6]
    means = dict(zip(keys, more.mean(0).tolist(), strict=True))
    each = more.mean(1)
    if len(each) < LEAST:
        return Bias(name, len(each), Estimate(float(each.mean())), means)
    drawn = bootstrap(each, lambda d: d.mean(-1), seed)
    return Bias(name, len(each), estimate(float(each.mean()), drawn), means)
