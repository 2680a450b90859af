"""Splits in which no patient, lesion or photograph is on two sides.

What must stay together is found transitively: two lesions of one patient, and the near-duplicate
of either in another folder, are one block. A block goes to one split as a whole, so the shares of
a small set are only as close to the fractions as its blocks allow.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Iterable, Sequence

from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.clustering import related

SPLITS = ("train", "val", "test")


def split_cases(
    cases: Sequence[Case],
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    duplicates: Iterable[Iterable[str]] = (),
) -> list[Case]:
    """The same cases in the same order, each with its split; `duplicates` are clusters of case keys.

    fractions: of train, val, test, summing to 1. Iterative stratification (Sechidis et al. 2011)
    over blocks: rare labels first, each block to the split that lacks its labels most.
    """
    if len(fractions) != 3 or min(fractions) < 0 or not abs(sum(fractions) - 1) <= 1e-6:
        raise SkinGPTError(f"fractions {fractions}: give train, val and test, none negative, summing to 1.")
    blocks = related(cases, duplicates)
    totals = Counter(case.label for case in cases)
    need = {
        name: Counter({label: share * n for label, n in totals.items()})
        for name, share in zip(SPLITS, fractions, strict=True)
        if share > 0
    }
    dice = random.Random(seed)
    dice.shuffle(blocks)
    blocks.sort(key=lambda block: (min(totals[cases[n].label] for n in block), -len(block)))
    chosen: dict[int, str] = {}
    for block in blocks:
        labels = Counter(cases[n].label for n in block)
        rarest = min(labels, key=lambda label: (totals[label], label or ""))
        split = max(need, key=lambda name: (need[name][rarest], sum(need[name].values())))
        need[split].subtract(labels)
        chosen |= dict.fromkeys(block, split)
    return [dataclasses.replace(case, split=chosen[n]) for n, case in enumerate(cases)]


def keep_apart(cases: Sequence[Case], duplicates: Iterable[Iterable[str]] = ()) -> tuple[list[Case], list[Case]]:
    """(kept, dropped) for given splits: test rows stay, and whatever touches one from elsewhere goes.

    Dropped: train and val rows that share a group, an ISIC id or a near-duplicate cluster with a
    test row, and train rows that do so with a val row. A row without a split counts as train. Order is kept.
    """
    gone: set[int] = set()
    for block in related(cases, duplicates):
        split = {n: cases[n].split or "train" for n in block}
        for weaker, stronger in (("train", "test"), ("val", "test"), ("train", "val")):
            if stronger in split.values():
                gone.update(n for n in block if split[n] == weaker)
    kept = [case for n, case in enumerate(cases) if n not in gone]
    return kept, [case for n, case in enumerate(cases) if n in gone]


def leaks(cases: Sequence[Case], duplicates: Iterable[Iterable[str]] = ()) -> list[list[Case]]:
    """Blocks of related cases that lie on more than one side, for a report."""
    blocks = ([cases[n] for n in block] for block in related(cases, duplicates))
    return [block for block in blocks if len({case.split for case in block if case.split}) > 1]
