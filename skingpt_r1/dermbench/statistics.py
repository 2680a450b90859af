"""Doubt, for every number: bootstrap intervals over patients, paired tests, ranks.

What is drawn is always a whole group (a patient, a lesion): pictures of one patient are right or wrong together. A
paired comparison draws the same groups for both systems, so what they find hard alike cancels out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skingpt_r1.dermeval.agreement import Estimate

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Metric = Callable[[Rows], float]  # row numbers, some of them several times -> the figure on those rows
REPEATS: Final = 1_000
LEAST: Final = 10  # cases, of as many patients or lesions; of fewer nothing is claimed


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same cases.

    difference: ours less theirs, with its 95 % interval. p: two-sided, sign-flip permutation of whole groups. effect:
    mean of the groups' differences over their standard deviation (Cohen's d for pairs); None where they do not vary.
    """

    n: int
    groups: int
    difference: Estimate
    p: float
    effect: float | None


def members(groups: Sequence[str]) -> list[Rows]:
    """Row numbers of each group, in the order in which the groups appear."""
    found: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return [np.asarray(rows, dtype=np.intp) for rows in found.values()]


def draws(groups: Sequence[str], repeats: int = REPEATS, seed: int = 0) -> Iterator[Rows]:
    """The rows of each bootstrap draw of as many groups as there are."""
    blocks = members(groups)
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        yield np.concatenate([blocks[i] for i in rng.integers(0, len(blocks), len(blocks))])


def interval(metric: Metric, groups: Sequence[str], repeats: int = REPEATS, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of metric(row numbers), drawing whole groups; draws that are nan are left out."""
    return _bounds(np.array([metric(rows) for rows in draws(groups, repeats, seed)]))


def estimate(metric: Metric, groups: Sequence[str], repeats: int = REPEATS, seed: int = 0) -> Estimate:
    """The figure on all rows, and its interval; neither where the rows tell nothing."""
    return estimates({"": metric}, groups, repeats, seed)[""]


def estimates(
    metrics: Mapping[str, Metric], groups: Sequence[str], repeats: int = REPEATS, seed: int = 0
) -> dict[str, Estimate]:
    """What `estimate` says of each of several figures of the same rows, at the cost of drawing once."""
    every = np.arange(len(groups))
    known = {name: value for name, metric in metrics.items() if groups and not np.isnan(value := metric(every))}
    drawn = [[metrics[name](rows) for name in known] for rows in draws(groups, repeats, seed)] if known else []
    told = dict.fromkeys(metrics, Estimate())
    for name, column in zip(known, np.array(drawn).T, strict=True):
        told[name] = with_interval(known[name], _bounds(column))
    return told


def exact_at_the_edge(found: Estimate, groups: Sequence[str]) -> Estimate:
    """A share with its interval; where every row agrees a bootstrap sees no doubt at all.

    A share of 0 or 1 gets the exact interval (Clopper and Pearson 1934) of as many trials as there are groups.
    """
    far = 0.025 ** (1 / max(1, len(set(groups))))
    if found.value == 0.0:
        return Estimate(0.0, 0.0, 1 - far)
    return Estimate(1.0, far, 1.0) if found.value == 1.0 else found


def with_interval(value: float, bounds: tuple[float, float]) -> Estimate:
    """The figure with its interval, without one where that is nan."""
    return Estimate(float(value)) if np.isnan(bounds[0]) else Estimate(float(value), *bounds)


def compare(ours: ArrayLike, theirs: ArrayLike, groups: Sequence[str], seed: int = 0) -> Comparison:
    """Mean scores of two systems on the same cases, [N] each. Raises ValueError where they are not as many, or none."""
    one, other = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not one.shape == other.shape == (len(groups),) or not groups:
        raise ValueError(f"scores {one.shape} and {other.shape} for {len(groups)} cases")
    apart = one - other
    blocks = members(groups)
    sums = np.array([apart[rows].sum() for rows in blocks])
    rng = np.random.default_rng(seed)
    flipped = np.abs((rng.choice((-1.0, 1.0), (10 * REPEATS, len(blocks))) * sums).sum(1))
    as_far = int((flipped >= abs(sums.sum()) - 1e-12).sum())
    means = np.array([apart[rows].mean() for rows in blocks])
    spread = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return Comparison(
        n=len(groups),
        groups=len(blocks),
        difference=estimate(lambda rows: float(apart[rows].mean()), groups, seed=seed),
        p=(as_far + 1) / (len(flipped) + 1),
        effect=float(means.mean()) / spread if spread > 1e-12 else None,
    )


def difference(ours: Metric, theirs: Metric, groups: Sequence[str], seed: int = 0) -> Estimate:
    """Difference of two figures on the same rows, where they are no mean over cases (balanced accuracy, AUROC)."""
    return estimate(lambda rows: ours(rows) - theirs(rows), groups, seed=seed)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values adjusted for having asked several times (Holm 1979), by the same names."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p, key=lambda n: p[n])):
        highest = max(highest, min(1.0, (len(p) - place) * p[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p}


def ranks(scores: Mapping[str, ArrayLike], groups: Sequence[str], seed: int = 0) -> dict[str, Estimate]:
    """Rank of each system by its mean score, 1 is best, ties at their mean rank; all scored the same cases, [N]."""
    table = np.array([np.asarray(mine, dtype=float) for mine in scores.values()])
    if not len(table) or table.shape[1] != len(groups):
        raise ValueError(f"scores {table.shape} for {len(groups)} cases")
    drawn = np.array([_places(table[:, rows].mean(1)) for rows in draws(groups, seed=seed)])
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    now = _places(table.mean(1))
    return {name: Estimate(float(now[i]), float(low[i]), float(high[i])) for i, name in enumerate(scores)}


def _bounds(values: Floats) -> tuple[float, float]:
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def _places(means: Floats) -> Floats:
    above = (means[None] > means[:, None] + 1e-12).sum(1)
    level = (np.abs(means[None] - means[:, None]) <= 1e-12).sum(1)
    return 1 + above + (level - 1) / 2
