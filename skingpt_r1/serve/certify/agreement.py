"""How far two blind raters agree, by dimension, and who is strict.

Point values come from `krippendorff` (alpha, interval scale) and `pingouin` (ICC(1,1): raters differ from case to
case). Intervals are percentiles of a bootstrap over cases; for it the two formulas are written out for pairs, and tests
hold them against the two libraries. Where scores do not vary nothing can be said, and nothing is.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermeval.rubric import rubric

Pairs = NDArray[np.float64]  # [N, 2], the scores of the two raters of each case
RESAMPLES: Final = 2_000
_LEAST: Final = 5  # cases; below it no figure is given


@dataclass(frozen=True, slots=True)
class Pair:
    """The two blind answers to one case: who, and the scores by dimension."""

    raters: tuple[str, str]
    scores: tuple[Mapping[str, float], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % bootstrap interval; None where the data cannot tell."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


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


def alpha(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Krippendorff's alpha, interval scale, of [..., N, 2]; nan without variation."""
    observed = ((x[..., 0] - x[..., 1]) ** 2).mean(-1)
    expected = 2 * x.reshape(*x.shape[:-2], -1).var(-1, ddof=1)
    return _ratio(expected - observed, expected)


def icc(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ICC(1,1) of [..., N, 2], one-way random effects; nan without variation."""
    between = 2 * x.mean(-1).var(-1, ddof=1)
    within = ((x[..., 0] - x[..., 1]) ** 2).mean(-1) / 2
    return _ratio(between - within, between + within)


def library_alpha(pairs: Pairs) -> float:
    """What `krippendorff` says; nan without variation."""
    import krippendorff

    if np.unique(pairs).size < 2:
        return math.nan
    return float(krippendorff.alpha(reliability_data=pairs.T, level_of_measurement="interval"))


def library_icc(pairs: Pairs) -> float:
    """What `pingouin` says; nan without variation."""
    import pandas as pd
    import pingouin

    if np.unique(pairs).size < 2:
        return math.nan
    n = len(pairs)
    long = pd.DataFrame({"case": np.repeat(np.arange(n), 2), "rater": np.tile([0, 1], n), "score": pairs.reshape(-1)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect agreement divides by zero on the way
        table = pingouin.intraclass_corr(long, targets="case", raters="rater", ratings="score")
    return float(table["ICC"].iloc[0])


def _dimension(key: str, name: str, pairs: Pairs, seed: int) -> DimensionAgreement:
    n = len(pairs)
    if n < _LEAST:
        return DimensionAgreement(key, name, n, Estimate(), Estimate(), None)
    drawn = pairs[np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))]  # [R, N, 2]
    near = float((np.abs(pairs[:, 0] - pairs[:, 1]) <= 1).mean())
    return DimensionAgreement(
        key,
        name,
        n,
        _estimate(library_alpha(pairs), alpha(drawn)),
        _estimate(library_icc(pairs), icc(drawn)),
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
    if len(each) < _LEAST:
        return Bias(name, len(each), Estimate(float(each.mean())), means)
    drawn = each[np.random.default_rng(seed).integers(0, len(each), (RESAMPLES, len(each)))].mean(1)
    return Bias(name, len(each), _estimate(float(each.mean()), drawn), means)


def _estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    if math.isnan(value):
        return Estimate()
    usable = drawn[~np.isnan(drawn)]
    if usable.size < 0.9 * drawn.size:
        return Estimate(value)
    low, high = np.percentile(usable, (2.5, 97.5))
    return Estimate(value, float(low), float(high))


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    over, under = np.asarray(over), np.asarray(under)
    return np.divide(over, under, out=np.full(under.shape, np.nan), where=under > 1e-12)
