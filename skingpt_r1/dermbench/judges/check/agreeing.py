"""How far two judges agree, or a judge and people: bias, ICC, Krippendorff's alpha, limits of agreement, by dimension.

Point values are those of `dermeval.agreement`; the intervals draw whole cases, since several systems' texts on one case
are scored alike. Human scores come in a table of raters, by the pair's id ("system|case") or the case's where each case
has one text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skingpt_r1.dermbench.judges.check.running import Heard
from skingpt_r1.dermbench.judges.check.texts import Pair
from skingpt_r1.dermbench.statistics import Rows, interval, with_interval
from skingpt_r1.dermeval.agreement import FIGURES, LEAST, Estimate, limits_of_agreement
from skingpt_r1.dermeval.raters import MEAN, ScoreTable
from skingpt_r1.dermeval.rubric import DIMENSIONS

Scores = Mapping[str, Mapping[str, float]]  # pair id -> dimension or `mean` -> score


@dataclass(frozen=True, slots=True)
class Agreement:
    """one less other. n: texts that both scored. figures: by dimension or `mean`, then by name as in `FIGURES`.

    limits: Bland and Altman's, None for too few texts.
    """

    one: str
    other: str
    n: int
    cases: int
    figures: Mapping[str, Mapping[str, Estimate]]
    limits: Mapping[str, tuple[float, float] | None]


def heard_scores(heard: Heard) -> Scores:
    """What a judge gave at its first reading."""
    return {key: scores for key in heard.verdicts if (scores := heard.scores(key)) is not None}


def human_scores(table: ScoreTable, pairs: Sequence[Pair]) -> Scores:
    """The table's scores by pair; a case's own id counts where it has but one text."""
    texts = Counter(pair.case for pair in pairs)
    found: dict[str, Mapping[str, float]] = {}
    for pair in pairs:
        names = [pair.id, pair.case] if texts[pair.case] == 1 else [pair.id]
        if (six := next((table.scores[name] for name in names if name in table.scores), None)) is not None:
            found[pair.id] = {**dict(zip(DIMENSIONS, six, strict=True)), MEAN: sum(six) / len(six)}
    return found


def agreement(one: str, other: str, scores: Mapping[str, Scores], pairs: Sequence[Pair]) -> Agreement:
    """Of two names in `scores`, over the texts that both scored."""
    a, b = scores[one], scores[other]
    both = [pair for pair in pairs if pair.id in a and pair.id in b]
    groups = [pair.group for pair in both]
    figures: dict[str, dict[str, Estimate]] = {}
    limits: dict[str, tuple[float, float] | None] = {}
    for key in (*DIMENSIONS, MEAN):
        x = np.array([[a[pair.id][key], b[pair.id][key]] for pair in both]).reshape(len(both), 2)
        figures[key] = {name: _figure(name, x, groups) for name in FIGURES}
        limits[key] = limits_of_agreement(x)
    return Agreement(one, other, len(both), len(set(groups)), figures, limits)


def _figure(name: str, x: np.ndarray, groups: Sequence[str]) -> Estimate:
    point, formula = FIGURES[name]
    if len(x) < LEAST or np.isnan(value := point(x)):
        return Estimate()

    def metric(rows: Rows) -> float:
        return float(formula(x[rows]))

    return with_interval(value, interval(metric, groups))
