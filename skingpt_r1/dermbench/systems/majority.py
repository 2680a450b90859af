"""The system that always says what is commonest: it looks at no picture and learned counts alone.

`frequencies.json` holds how often the rows of split train carry each label; rows of val and test were never counted.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from skingpt_r1.dermbench.systems.asking import Question, Told
from skingpt_r1.dermbench.systems.template import template
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet, match
from skingpt_r1.records import Case, Modality

Counts = Mapping[str, Mapping[str, int]]  # label set -> label -> rows


@functools.cache
def frequencies() -> Counts:
    """The table that ships."""
    file = resources.files("skingpt_r1.dermbench.systems").joinpath("frequencies.json")
    counts: Counts = json.loads(file.read_text(encoding="utf-8"))
    return counts


def counted(cases: Iterable[tuple[str, Case]]) -> dict[str, dict[str, int]]:
    """The table from (label set, case) pairs; only rows of split train count."""
    found: dict[str, Counter[str]] = {}
    for name, case in cases:
        if case.split == "train" and case.label is not None:
            found.setdefault(name, Counter())[case.label] += 1
    return {name: dict(sorted(of.items())) for name, of in sorted(found.items())}


def shares(labels: LabelSet | None) -> dict[str, float]:
    """Share of each diagnosis among the training rows, commonest first; sums to 1.

    Of the label set's own rows where it is a built-in one; else of all rows whose diagnosis is among its candidates;
    without candidates of all rows. Alike where no row is.
    """
    rows: Counter[str] = Counter()
    for name, of in frequencies().items():
        if labels is not None and labels.name in BUILT_IN and name != labels.name:
            continue
        meaning = BUILT_IN[name].labels
        rows.update({meaning[label]: n for label, n in of.items()})
    if labels is not None:
        names = dict.fromkeys(labels.labels.values())
        covered: Counter[str] = Counter(dict.fromkeys(names, 0))
        for diagnosis, n in rows.items():
            if (label := match(labels, diagnosis)) is not None:
                covered[labels.labels[label]] += n
        rows = covered
    total = rows.total()
    return {name: n / total if total else 1 / len(rows) for name, n in rows.most_common()}


class Majority:
    """Always the commonest diagnosis, told by the template."""

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        """The same for each."""
        chances = shares(labels)
        first = next(iter(chances))
        clinical = labels is not None and labels.name == "pad_ufes_20"
        text = template(list(chances), Modality.CLINICAL if clinical else Modality.DERMOSCOPY)
        label = None if labels is None else match(labels, first)
        return [Told(text, label, chances, chances[first], False) for _ in questions]
