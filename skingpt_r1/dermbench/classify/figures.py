"""Figures of one run, each with its 95 % interval over patients, and the same by subgroup.

A case without an answer is a wrong one in every figure of labels but those named "answered", so that nobody gains by
leaving out what is hard; one that was not asked or not judged yet (pending) counts in accuracy only: its label may not
be known. Figures of probabilities and of confidence are of the cases that came with one, and are left out where an
answer came without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skingpt_r1.dermbench import metrics
from skingpt_r1.dermbench.classify.answers import Answer, Run, State
from skingpt_r1.dermbench.classify.sets import malignant
from skingpt_r1.dermbench.statistics import LEAST, Rows, estimates, exact_at_the_edge
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.sources.layouts import SKIN_TYPES

SENSITIVITY: Final = 0.9  # at which specificity is told
_AGES: Final = ((0, 30), (30, 45), (45, 60), (60, 75), (75, 121))  # years, from and below
_SHARES: Final = frozenset((
    "accuracy", "accuracy_answered", "sensitivity", "specificity", "specificity_at", "sensitivity_at",
))  # fmt: skip
GROUPINGS: Final = ("skin_type", "age", "sex", "site", "modality")


@dataclass(frozen=True, slots=True)
class Subgroup:
    """by: what divides ("skin_type"). n: cases that were asked. Estimates are empty where n is below LEAST."""

    by: str
    value: str
    n: int
    accuracy: Estimate
    balanced_accuracy: Estimate


@dataclass(frozen=True, slots=True)
class Figures:
    """expected: cases. found: name -> estimate; a figure that cannot be said is lacking, and `why` says so."""

    system: str
    source: str
    split: str
    expected: int
    states: Mapping[str, int]
    chance: float | None
    found: Mapping[str, Estimate]
    why: Mapping[str, str]
    subgroups: tuple[Subgroup, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    baseline: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class _Wanted:
    """Figures that are asked for, to be told together: those of the same rows are drawn once."""

    metrics: dict[str, tuple[Sequence[Answer], Callable[[Rows], float]]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, answers: Sequence[Answer], metric: Callable[[Rows], float], lacking: str) -> None:
        """lacking: why there is none, if there is none."""
        self.metrics[name] = (answers, metric)
        self.why[name] = lacking

    def told(self) -> dict[str, Estimate]:
        """What can be said; `why` keeps the rest."""
        rows: dict[tuple[str, ...], dict[str, Callable[[Rows], float]]] = {}
        for name, (answers, metric) in self.metrics.items():
            if answers:
                rows.setdefault(tuple(answer.group for answer in answers), {})[name] = metric
        found: dict[str, Estimate] = {}
        for groups, several in rows.items():
            for name, told in estimates(several, groups).items():
                if told.value is not None:
                    found[name] = exact_at_the_edge(told, groups) if name in _SHARES else told
        self.why = {name: reason for name, reason in self.why.items() if name not in found}
        return {name: found[name] for name in self.metrics if name in found}


def figures(run: Run, validation: Run | None = None) -> Figures:
    """All figures of a run. validation: the same system on other patients, for the threshold of a chosen sensitivity.

    Raises ValueError where validation is of another system or set; where it shares a patient, no threshold is told.
    """
    wanted = _Wanted()
    every, asked = list(run.answers), [a for a in run.answers if a.state is not State.PENDING]
    answered = run.of(State.ANSWERED, State.UNREADABLE)
    for name, rows in (("accuracy", every), ("accuracy_answered", answered)):
        wanted.add(name, rows, _share(rows), "no case")
    if not run.open_ended:
        _labels(wanted, run, asked, answered)
        _probabilities(wanted, run, answered)
        _threshold(wanted, run, answered, validation)
    curve = _confidence(wanted, _all_or_none([a for a in answered if a.confidence is not None], run))
    found = wanted.told()
    return Figures(
        system=run.system,
        source=run.source,
        split=run.split,
        expected=len(every),
        states={state.value: len(run.of(state)) for state in State},
        chance=None if run.open_ended or not run.labels else 1 / len(run.labels),
        found=found,
        why=wanted.why,
        subgroups=tuple(subgroups(asked, run.open_ended)),
        curve=curve,
        baseline=run.baseline,
        notes=run.notes,
    )


def subgroups(answers: Sequence[Answer], open_ended: bool = False) -> list[Subgroup]:
    """Accuracy and balanced accuracy of the cases of each value; what is not recorded is its own value."""
    told: list[Subgroup] = []
    for by in GROUPINGS:
        value = [_value(by, answer.described.get(by)) for answer in answers]
        if set(value) <= {_UNKNOWN}:
            continue
        for name in sorted(set(value), key=_order):
            mine = [a for a, v in zip(answers, value, strict=True) if v == name]
            accuracy = balanced = Estimate()
            if len(mine) >= LEAST:
                wanted = _Wanted()
                wanted.add("accuracy", mine, _share(mine), "")
                if not open_ended:
                    said, truth = _coded(mine, sorted({a.truth or "" for a in mine}))
                    metric = _over(metrics.balanced_accuracy, said, truth)
                    wanted.add("balanced_accuracy", mine, metric, "")
                found = wanted.told()
                accuracy, balanced = found["accuracy"], found.get("balanced_accuracy", Estimate())
            told.append(Subgroup(by, name, len(mine), accuracy, balanced))
    return told


def _labels(wanted: _Wanted, run: Run, asked: list[Answer], answered: list[Answer]) -> None:
    names = list(run.labels)
    for rows, suffix in ((asked, ""), (answered, "_answered")):
        said, truth = _coded(rows, names)
        wanted.add(f"balanced_accuracy{suffix}", rows, _over(metrics.balanced_accuracy, said, truth), "no case")
    said, truth = _coded(asked, names)
    wanted.add("macro_f1", asked, _over(metrics.macro_f1, said, truth), "no case")
    bad = malignant(run.labels)
    known = [a for a in asked if a.truth in bad]
    for name, truly, lacking in (
        ("sensitivity", True, "no malignant case"),
        ("specificity", False, "no case that is not malignant"),
    ):
        mine = [a for a in known if bad[a.truth or ""] is truly]
        wanted.add(name, mine, _mean([bad.get(a.said or "") is truly for a in mine]), lacking)


def _probabilities(wanted: _Wanted, run: Run, answered: list[Answer]) -> None:
    names = list(run.labels)
    rows = _all_or_none([a for a in answered if a.probability is not None and a.truth in run.labels], run)
    lacking = "the system tells no probability of every label"
    shares = np.array([[(a.probability or {})[name] for name in names] for a in rows])
    truth = np.array([names.index(a.truth or "") for a in rows], dtype=int)
    wanted.add("auroc", rows, _over(metrics.macro_auroc, shares, truth), lacking)
    wanted.add("brier", rows, _over(metrics.brier, shares, truth), lacking)


def _threshold(wanted: _Wanted, run: Run, answered: list[Answer], validation: Run | None) -> None:
    for name in ("specificity_at", "sensitivity_at"):
        wanted.why[name] = "no run of this system on split val"
    if validation is None:
        return
    if (validation.system, validation.source) != (run.system, run.source):
        raise ValueError(f"thresholds of {validation.system} on {validation.source} are not {run.system}'s")
    chosen_on = _malignancy(validation, validation.of(State.ANSWERED))
    rows = _all_or_none([a for a in answered if a.probability is not None], run)
    reported = _malignancy(run, rows)
    if chosen_on is None or reported is None or not chosen_on.positive.any():
        wanted.why |= dict.fromkeys(("specificity_at", "sensitivity_at"), "no probability of malignancy")
        return
    threshold = metrics.threshold_for(SENSITIVITY, chosen_on)
    if metrics.shared_patients(threshold, reported):
        wanted.why |= dict.fromkeys(("specificity_at", "sensitivity_at"), "split val shares patients with these rows")
        return
    called = reported.score >= threshold.value
    rows = [a for a in rows if a.truth in malignant(run.labels)]
    for name, truly in (("specificity_at", False), ("sensitivity_at", True)):
        mine = np.flatnonzero(reported.positive == truly)
        wanted.add(name, [rows[i] for i in mine], _mean(called[mine] == truly), "no such case")


def _malignancy(run: Run, answers: Sequence[Answer]) -> metrics.Scored | None:
    """Summed probability of the malignant labels; None where the system tells none."""
    bad = malignant(run.labels)
    rows = [a for a in answers if a.truth in bad and a.probability is not None]
    if not rows:
        return None
    score = np.array([sum(p for label, p in (a.probability or {}).items() if bad.get(label)) for a in rows])
    return metrics.Scored(score, np.array([bad[a.truth or ""] for a in rows]), [a.group for a in rows])


def _confidence(wanted: _Wanted, rows: list[Answer]) -> tuple[tuple[float, float], ...]:
    sure = np.array([a.confidence for a in rows], dtype=float)
    right = np.array([a.right for a in rows], dtype=bool)
    lacking = "the system tells no confidence"
    wanted.add("calibration_error", rows, _over(metrics.expected_calibration_error, sure, right), lacking)
    wanted.add("aurc", rows, _over(metrics.aurc, sure, right), lacking)
    coverage, risk = metrics.risk_coverage(sure, right)
    places = sorted({round(len(rows) * tenth / 10) for tenth in range(1, 11)} - {0})
    return tuple((float(coverage[n - 1]), float(risk[n - 1])) for n in places)


def _share(answers: Sequence[Answer]) -> Callable[[Rows], float]:
    return _mean([answer.right for answer in answers])


def _mean(hits: ArrayLike) -> Callable[[Rows], float]:
    told = np.asarray(hits, dtype=float)
    return lambda rows: float(told[rows].mean())


def _over(metric: Callable[[Any, Any], float], one: NDArray[Any], other: NDArray[Any]) -> Callable[[Rows], float]:
    return lambda rows: metric(one[rows], other[rows])


def _all_or_none(rows: list[Answer], run: Run) -> list[Answer]:
    """Of some answers only, a figure would be of those that suit."""
    return rows if len(rows) >= len(run.of(State.ANSWERED)) else []


def _coded(answers: Sequence[Answer], names: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(said, truth) as numbers; -1 was not said, or is none of the names."""
    place = {name: i for i, name in enumerate(names)}
    said = np.array([place.get(a.said or "", -1) for a in answers], dtype=np.intp)
    return said, np.array([place.get(a.truth or "", -2) for a in answers], dtype=np.intp)


_UNKNOWN: Final = "not recorded"


def _value(by: str, recorded: Any) -> str:
    if recorded is None:
        return _UNKNOWN
    if by == "skin_type" and not isinstance(recorded, str):
        return SKIN_TYPES[int(recorded) - 1]
    if by == "age" and not isinstance(recorded, str):
        low, high = next((band for band in _AGES if recorded < band[1]), _AGES[-1])
        return f"{low}-{high - 1}" if high < 121 else f"{low} and over"
    return str(recorded)


def _order(value: str) -> tuple[int, float, str]:
    """Bands by their number, words by the alphabet, what is not recorded last."""
    head = value.split("-")[0].split(" ")[0]
    if head in SKIN_TYPES:
        return 0, SKIN_TYPES.index(head), value
    return (2, 0.0, "") if value == _UNKNOWN else (0, float(head), value) if head.isdecimal() else (1, 0.0, value)
