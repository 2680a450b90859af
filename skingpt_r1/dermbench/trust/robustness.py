"""Does it say the same of the same lesion: how often a worse photo changes the diagnosis, or the urgency?

The lesion and its history stay what they were, so every change is an error of one of the two readings. As a baseline
stands the rate at which the diagnosis differs between two different patients of the same data set. What harms is
another diagnosis told as if nothing were the matter: those where the model abstains are also counted apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from skingpt_r1.dermbench.trust.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from skingpt_r1.dermbench.trust.journal import Line
from skingpt_r1.dermbench.trust.readings import PLAIN, Wanted
from skingpt_r1.dermbench.trust.section import Figure, Section, bar, figure, mean_of
from skingpt_r1.records import Case


def _other_diagnosis(plain: Line, worse: Line) -> bool:
    return bool(plain["diagnosis"] != worse["diagnosis"])


CHANGES: Final[Mapping[str, Callable[[Line, Line], bool]]] = {  # of a reading and that of a worse photo
    "diagnosis changed": _other_diagnosis,
    "diagnosis changed, and not abstained": lambda plain, worse: (
        _other_diagnosis(plain, worse) and not worse["abstained"]
    ),
    "urgency changed": lambda plain, worse: bool(plain["urgency"] != worse["urgency"]),
}


def wanted(cases: Sequence[Case], seed: int = 0, names: Sequence[str] = tuple(CORRUPTIONS)) -> Iterator[Wanted]:
    """The plain picture of each case, then every corruption at every severity."""
    for case in cases:
        yield Wanted(case)
        for name in names:
            for severity in SEVERITIES:
                change = functools.partial(corrupted, name=name, severity=severity, seed=seed)
                yield Wanted(case, f"{name}/{severity}/{seed}", change)


def measure(lines: Sequence[Line], seed: int = 0) -> Section:
    """lines: of `wanted`, in any order; a case without its plain reading is left out."""
    plain = {line["key"]: line for line in lines if line["edit"] == PLAIN}
    by_edit: dict[str, list[Line]] = {}
    for line in lines:
        if line["edit"] != PLAIN and line["key"] in plain:
            by_edit.setdefault(line["edit"].rpartition("/")[0], []).append(line)
    figures: list[Figure] = []
    rates: dict[str, dict[str, list[dict[str, object]]]] = {what: {} for what in CHANGES}
    other = _between_patients(list(plain.values()))
    for edit, changed in sorted(by_edit.items()):
        name, _, severity = edit.partition("/")
        for what in rates:
            found = _rate(f"{name}, severity {severity}: {what}", what, changed, plain, other[what], seed)
            figures.append(found)
            rates[what].setdefault(name, []).append({"severity": int(severity), **bar(found)})
    everything = [line for changed in by_edit.values() for line in changed]
    overall = [_rate(f"all together: {what}", what, everything, plain, other[what], seed, card=True) for what in rates]
    return Section(
        key="robustness",
        title="Does a worse photo change the answer?",
        meaning="The same lesion, photographed badly: the curves show how often the model then names another "
        "diagnosis, or asks for another urgency. A lesion does not change because the photo does, so every change "
        "is an error; the middle plot leaves out those where the model says that it cannot tell. A curve that climbs "
        "steeply names what to watch for when you take the photo.",
        figures=(*overall, *figures),
        series={"rates": rates, "between_patients": other},
        seed=seed,
        limits=(
            "Corruptions are drawn by a program; real hair, rulers and ink look otherwise.",
            "Where nothing else is said, a picture that is refused or abstained from counts by what it would have got.",
        ),
    )


def _rate(
    name: str, what: str, changed: Sequence[Line], plain: dict[str, Line], other: float | None, seed: int,
    card: bool = False,
) -> Figure:  # fmt: skip
    differs = np.array([CHANGES[what](plain[line["key"]], line) for line in changed])
    groups = [line["group"] for line in changed]
    told = "" if other is None else f"between two patients: {other:.2f}"
    return figure(name, mean_of(differs), groups, seed, against=told, card=card)


def _between_patients(lines: Sequence[Line]) -> dict[str, float | None]:
    """How often two different patients of one set get another answer: what a picture that tells nothing would do."""
    pairs = [(a, b) for a in lines for b in lines if a["set"] == b["set"] and a["group"] != b["group"]]
    return {
        what: round(float(np.mean([changes(a, b) for a, b in pairs])), 4) if pairs else None
        for what, changes in CHANGES.items()
    }
