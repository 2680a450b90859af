"""Two systems by one judge, paired by case: overall, by dimension with Holm's correction, by category of disease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skingpt_r1.dermbench.leaderboard.standing import scores_of
from skingpt_r1.dermbench.reading import Runs
from skingpt_r1.dermbench.statistics import LEAST, Comparison, compare, holm
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS, rubric
from skingpt_r1.records import SkinGPTError


@dataclass(frozen=True, slots=True)
class Line:
    """n: cases that both have. told: None on fewer than LEAST patients. p: adjusted where several are asked."""

    name: str
    n: int
    told: Comparison | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Paired:
    """ours, theirs: names. only: cases scored for one alone. overall: the mean of the six."""

    ours: str
    theirs: str
    judge: str
    only: tuple[int, int]
    overall: Line
    dimensions: tuple[Line, ...]
    categories: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain fields; null where nothing is claimed."""
        return asdict(self)


def compare_systems(runs: Runs, ours: str, theirs: str, judge: str | None = None) -> Paired:
    """The paired comparison. Raises SkinGPTError on an unknown name, or where the two share no scored case."""
    by = runs.judge(judge)
    one, other = (scores_of(runs.system(name), by) for name in (ours, theirs))
    both = [key for key in one if key in other]
    if not both:
        raise SkinGPTError(f"{ours}, {theirs}: {by} scored no case of both; run both on the same suite.")

    def line(name: str, dimension: str, keys: Sequence[str]) -> Line:
        groups = [runs.cases[key].group for key in keys]
        if len(set(groups)) < LEAST:
            return Line(name, len(keys), None, None)
        told = compare([one[k][dimension] for k in keys], [other[k][dimension] for k in keys], groups)
        return Line(name, len(keys), told, told.p)

    names = {d.key: d.name for d in rubric().dimensions}
    categories = sorted({runs.cases[key].category for key in both} - {""})
    return Paired(
        ours,
        theirs,
        by,
        (len(one) - len(both), len(other) - len(both)),
        line("mean of the six", MEAN, both),
        _adjusted([line(names[key], key, both) for key in DIMENSIONS]),
        _adjusted([line(c, MEAN, [key for key in both if runs.cases[key].category == c]) for c in categories]),
    )


def _adjusted(lines: Sequence[Line]) -> tuple[Line, ...]:
    p = holm({line.name: line.p for line in lines if line.p is not None})
    return tuple(Line(line.name, line.n, line.told, p.get(line.name)) for line in lines)
