"""Where each system stands by each judge: means with intervals, ranks with intervals, what failed and what waits.

A mean is over the cases that the judge scored; failed (the system wrote nothing) and pending (the judge gave no score,
or the system was never asked) are counted beside it and enter nothing. Ranks are of systems, not of controls, on the
cases that all of them have, and are not given on fewer than `statistics.LEAST` patients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermbench.reading import Runs, SystemRun, Verdict, Written
from skingpt_r1.dermbench.statistics import LEAST, REPEATS, members, ranks
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS

KEYS: Final = (MEAN, *DIMENSIONS)
UNSCORED: Final = Verdict(None, reason="not judged")
_NOT_ASKED: Final = "the system was not asked"
_AT_ONCE: Final = 4_000_000  # drawn groups in memory


@dataclass(frozen=True, slots=True)
class Row:
    """One system by one judge.

    means: by dimension and `mean`. rank: None for controls and on too few cases. failed: reasons, counted. pending: the
    same. seconds, tokens: mean of a case; cost: US dollars in all; None where the logs do not say.
    """

    system: str
    control: bool
    scored: int
    failed: Mapping[str, int]
    pending: Mapping[str, int]
    means: Mapping[str, Estimate]
    rank: Estimate | None
    seconds: float | None
    tokens: float | None
    cost: float | None
    cached: int

    @property
    def open(self) -> bool:
        """Whether any case failed or waits."""
        return bool(self.failed or self.pending)

    @property
    def n_failed(self) -> int:
        """Cases of which the system wrote nothing."""
        return sum(self.failed.values())

    @property
    def n_pending(self) -> int:
        """Cases that wait for a text or a score."""
        return sum(self.pending.values())


@dataclass(frozen=True, slots=True)
class Board:
    """All systems by one judge, best first, controls last. shared: cases that all ranked systems have scored."""

    judge: str
    rows: tuple[Row, ...]
    cases: int
    shared: int


def boards(runs: Runs) -> list[Board]:
    """A board for each judge in the logs."""
    return [_board(runs, judge) for judge in runs.judges]


def verdict(written: Written | None, judge: str) -> Verdict:
    """What the judge said, `UNSCORED` where it said nothing."""
    return UNSCORED if written is None else written.verdicts.get(judge, UNSCORED)


def scores_of(run: SystemRun, judge: str) -> dict[str, Mapping[str, float]]:
    """The scores of the cases that have any, by case id."""
    told = ((key, verdict(w, judge).scores) for key, w in run.written.items() if not w.failed)
    return {key: scores for key, scores in told if scores is not None}


def mean_estimates(values: NDArray[np.float64], groups: Sequence[str], seed: int = 0) -> list[Estimate]:
    """Means of the columns of [N, D] with 95 % bootstrap intervals over groups; none of fewer than LEAST groups.

    All columns, and every system on the same cases, see the same draws.
    """
    if not len(values):
        return [Estimate()] * values.shape[1]
    means = values.mean(0)
    blocks = members(groups)
    if len(blocks) < LEAST:
        return [Estimate(float(m)) for m in means]
    sums = np.array([values[rows].sum(0) for rows in blocks])  # [G, D]
    sizes = np.array([len(rows) for rows in blocks])
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(blocks))
    drawn = []
    for start in range(0, REPEATS, step):
        picked = rng.integers(0, len(blocks), (min(step, REPEATS - start), len(blocks)))
        drawn.append(sums[picked].sum(1) / sizes[picked].sum(1)[:, None])
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5), axis=0)
    return [Estimate(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]


def _board(runs: Runs, judge: str) -> Board:
    scored = {run.name: scores_of(run, judge) for run in runs.systems}
    competing = {run.name: scored[run.name] for run in runs.systems if not run.control and scored[run.name]}
    shared = sorted(set.intersection(*(set(s) for s in competing.values()))) if competing else []
    places: dict[str, Estimate] = {}
    groups = [runs.cases[key].group for key in shared]
    if len(set(groups)) >= LEAST:
        places = ranks({name: [s[key][MEAN] for key in shared] for name, s in competing.items()}, groups)
    rows = [_row(runs, run, judge, scored[run.name], places.get(run.name)) for run in runs.systems]
    rows.sort(key=lambda r: (r.control, -(r.means[MEAN].value if r.means[MEAN].value is not None else -1.0)))
    return Board(judge, tuple(rows), len(runs.cases), len(shared))


def _row(
    runs: Runs, run: SystemRun, judge: str, scored: Mapping[str, Mapping[str, float]], rank: Estimate | None
) -> Row:
    keys = sorted(scored)
    values = np.array([[scored[key][name] for name in KEYS] for key in keys]).reshape(len(keys), len(KEYS))
    means = mean_estimates(values, [runs.cases[key].group for key in keys])
    failed: Counter[str] = Counter(w.failed for w in run.written.values() if w.failed)
    waiting = [k for k in runs.cases if k not in scored and not (k in run.written and run.written[k].failed)]
    pending = Counter(_why(run.written.get(key), judge) for key in waiting)
    written = [w for w in run.written.values() if not w.failed]
    return Row(
        system=run.name,
        control=run.control,
        scored=len(keys),
        failed=failed,
        pending=pending,
        means=dict(zip(KEYS, means, strict=True)),
        rank=rank,
        seconds=_mean([w.seconds for w in written]),
        tokens=_mean([w.tokens for w in written]),
        cost=_sum([w.cost for w in run.written.values()]),
        cached=sum(verdict(w, judge).cached is True for w in written),
    )


def _why(written: Written | None, judge: str) -> str:
    return _NOT_ASKED if written is None else verdict(written, judge).reason.partition(":")[0] or "not judged"


def _mean(of: Sequence[float | None]) -> float | None:
    told = [x for x in of if x is not None]
    return sum(told) / len(told) if told else None


def _sum(of: Sequence[float | None]) -> float | None:
    told = [x for x in of if x is not None]
    return sum(told) if told else None
