"""Effects of a judge: differences of its mean score, each with n, an interval over cases, and what its sign means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermbench.judges.check.families import family_of
from skingpt_r1.dermbench.judges.check.probes import PROBES, Variant
from skingpt_r1.dermbench.judges.check.running import Heard
from skingpt_r1.dermbench.judges.check.texts import Pair
from skingpt_r1.dermbench.statistics import LEAST, Rows, estimate
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.raters import MEAN

RISES: Final = 0.25
"""Points of the mean from which on a score counts as risen: half a point in three of six dimensions."""
REPEATS: Final = "repeat"
ORDER: Final = "order"
OWN: Final = "own family"
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """One figure. unit: what value is. n: texts. cases: what is drawn together. sign: how to read it.

    told: the value; its interval is missing below LEAST texts. missing: why there is no value, empty if there is one.
    """

    name: str
    kind: str
    unit: str
    n: int
    cases: int
    told: Estimate
    sign: str
    missing: str = ""


def repeat_effects(base: Heard, pairs: Sequence[Pair]) -> Iterator[Effect]:
    """How far repeats of one question lie apart."""
    sign = "0: the judge says the same each time; the larger, the more a single score is luck"
    rows = [
        (pair, values)
        for pair in pairs
        if len(values := [v.scores[MEAN] for v in base.verdicts.get(pair.id, []) if v.scores is not None]) > 1
    ]
    if not rows:
        yield _none(REPEATS, "", sign, "no text was scored twice")
        return
    variances = np.array([np.var(values, ddof=1) for _, values in rows])
    spread = np.array([max(values) - min(values) for _, values in rows])
    of = [pair for pair, _ in rows]
    yield _effect(REPEATS, "", "standard deviation, points", of, lambda i: math.sqrt(float(variances[i].mean())), sign)
    yield _effect(REPEATS, "largest less smallest", "points", of, lambda i: float(spread[i].mean()), sign)


def probe_effects(base: Heard, altered: Heard, variants: Sequence[Variant]) -> Iterator[Effect]:
    """How the score moves when the text is altered and its worth is not."""
    for name, probe in PROBES.items():
        mine = [v for v in variants if v.probe == name]
        yield from _moved(name, "", mine, base, altered, probe.sign)
        kinds = list(dict.fromkeys(v.kind for v in mine if v.kind))
        for kind in kinds:
            yield from _moved(name, kind, [v for v in mine if v.kind == kind], base, altered, probe.sign)


def order_effects(base: Heard, reversed_: Heard | None, pairs: Sequence[Pair]) -> Iterator[Effect]:
    """What it does to read the criteria and the texts in the opposite order."""
    sign = "reversed less usual order; 0 on both lines: order does not matter"
    if reversed_ is None:
        yield _none(ORDER, "", sign, "this judge is not asked in words")
        return
    found = [(p, a[MEAN] - b[MEAN]) for p in pairs if (a := reversed_.scores(p.id)) and (b := base.scores(p.id))]
    if not found:
        yield _none(ORDER, "", sign, "no text was scored in both orders")
        return
    of, apart = [p for p, _ in found], np.array([d for _, d in found])
    yield _effect(ORDER, "", "points", of, _mean_of(apart), sign)
    yield _effect(ORDER, "size, whatever the sign", "points", of, _mean_of(np.abs(apart)), sign)


def own_family_effect(judge: str, family: str | None, heard: Mapping[str, Heard], pairs: Sequence[Pair]) -> Effect:
    """How much better than the other judges a judge likes its own kin, less how much it does so with others.

    judge: a key of `heard`. family: the judge's, None where it has none.
    """
    sign = "above 0: it favours texts of its own family, compared with the other judges"
    others = [h for name, h in heard.items() if name != judge]
    if family is None or not others:
        return _none(OWN, "", sign, "its family is not known" if others else "needs a second judge")
    found: list[tuple[Pair, bool, float]] = []
    for pair in pairs:
        mine = heard[judge].scores(pair.id)
        theirs = [scores for other in others if (scores := other.scores(pair.id)) is not None]
        if mine is not None and len(theirs) == len(others):
            apart = mine[MEAN] - float(np.mean([scores[MEAN] for scores in theirs]))
            found.append((pair, family_of(pair.model) == family, apart))
    own, differences = np.array([o for _, o, _ in found], dtype=bool), np.array([d for _, _, d in found])
    if not own.any() or own.all():
        return _none(OWN, family, sign, f"the texts are {'all' if found and own.all() else 'none'} of family {family}")

    def metric(rows: Rows) -> float:
        mine, values = own[rows], differences[rows]
        return float(values[mine].mean() - values[~mine].mean()) if mine.any() and not mine.all() else math.nan

    return _effect(OWN, family, f"points, {int(own.sum())} own texts", [p for p, _, _ in found], metric, sign)


def _moved(
    name: str, kind: str, variants: Sequence[Variant], base: Heard, altered: Heard, sign: str
) -> Iterator[Effect]:
    found = [
        (v.of, a[MEAN] - b[MEAN])
        for v in variants
        if (a := altered.scores(v.id)) is not None and (b := base.scores(v.of.id)) is not None
    ]
    if not found:
        yield _none(name, kind, sign, "no text was scored with and without it")
        return
    of, apart = [pair for pair, _ in found], np.array([d for _, d in found])
    yield _effect(name, kind, "points", of, _mean_of(apart), sign)
    if name == "injection" and not kind:
        rose = (apart >= RISES).astype(float)
        yield _effect(name, f"share that rose by {RISES:g} or more", "share", of, _mean_of(rose), sign)


def _mean_of(values: _Floats) -> Callable[[Rows], float]:
    return lambda rows: float(values[rows].mean())


def _effect(name: str, kind: str, unit: str, of: Sequence[Pair], metric: Callable[[Rows], float], sign: str) -> Effect:
    groups = [pair.group for pair in of]
    n, cases = len(of), len(set(groups))
    told = estimate(metric, groups) if cases >= LEAST else Estimate(metric(np.arange(n)))
    return Effect(name, kind, unit, n, cases, told, sign)


def _none(name: str, kind: str, sign: str, why: str) -> Effect:
    return Effect(name, kind, "", 0, 0, Estimate(), sign, why)
