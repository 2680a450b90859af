"""The cases that a corpus may hold, and what was kept together or left out on the way to them.

Train and val rows only, none that shares a patient, a lesion or a near-duplicate with a test row, in whichever of the
data sets that lies. Everything is looked at together: a photograph that two folders share is one photograph.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skingpt_r1.knowledge.diagnoses import did_you_mean
from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.records import Case, Modality, SkinGPTError
from skingpt_r1.sources.clustering import Pair, clusters, key, related
from skingpt_r1.sources.folder import read_folder
from skingpt_r1.sources.splits import keep_apart, split_cases


@dataclass(frozen=True, slots=True)
class Labelled:
    """cases: of train and val, usable. problems: one line a row that was left out. merged: for the build's report."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...]
    merged: Mapping[str, Any]


def users_cases(
    sources: Sequence[Path],
    mapping: Mapping[str, str] | None,
    modality: Modality,
    fractions: tuple[float, float, float] | None,
    duplicates: Callable[[Sequence[Case]], list[Pair]],
    labels: LabelSet | None = None,
) -> Labelled:
    """Cases of folders and tables. fractions: of train, val and test, where no source has splits. Raises CaseError."""
    reports = [read_folder(path, mapping, modality, labels) for path in sources]
    cases = [case for report in reports for case in report.cases]
    problems = [line for report in reports for line in report.problems]
    names = Counter(report.cases[0].dataset for report in reports)
    if twice := [name for name, n in names.items() if n > 1]:
        raise SkinGPTError(f"two sources are called {twice[0]!r}; rename one, so that their cases can be told apart.")
    pairs = duplicates(cases)
    if fractions is not None:
        if any(case.split for case in cases):
            raise SkinGPTError("--split: the rows have splits already; leave out the option or the column.")
        cases = split_cases(cases, fractions, duplicates=clusters(pairs))
    return usable(cases, pairs, problems)


def public_cases(root: Path | None, runs: Path) -> Labelled:
    """Cases of the public sets; what their own splits make us leave out is no problem of the user's."""
    from skingpt_r1.distill.data import gather

    gathered = gather(root, runs)
    return dataclasses.replace(usable(gathered.cases, gathered.pairs, []), problems=())


def usable(cases: Sequence[Case], pairs: Sequence[Pair], problems: Sequence[str]) -> Labelled:
    """What is left of all cases that were read."""
    groups = clusters(pairs)
    kept, dropped = keep_apart(cases, groups)
    reasons = _reasons(cases, dropped, pairs)
    told = [f"{name}: {why}; left out." for name, why in reasons.items()]
    return Labelled(
        tuple(case for case in kept if case.split != "test"),
        (*problems, *told),
        merging(cases, pairs, reasons, problems),
    )


def merging(
    cases: Sequence[Case], pairs: Sequence[Pair], left_out: Mapping[str, str], problems: Sequence[str]
) -> dict[str, Any]:
    """For a report: what counts as one and stays on one side of a split, what was left out, labels nobody knows.

    problems: lines of rows that could not be read. kept_together: blocks of cases joined by patient, lesion, ISIC id or
    near-duplicate, transitively.
    """
    blocks = [block for block in related(cases, clusters(pairs)) if len(block) > 1]
    unknown = Counter(case.label for case in cases if case.label and case.diagnosis is None)
    alike = sorted(sorted(group) for group in clusters(pairs))
    return {
        "near_duplicates": alike,
        "across_datasets": sum(len({name.partition("/")[0] for name in group}) > 1 for group in alike),
        "kept_together": {"groups": len(blocks), "cases": sum(map(len, blocks))},
        "test_rows": sum(case.split == "test" for case in cases),
        "left_out": dict(left_out),
        "problems": list(problems),
        "unknown_labels": {label: {"rows": n, "nearest": did_you_mean(label)} for label, n in unknown.most_common()},
    }


def _reasons(cases: Sequence[Case], dropped: Sequence[Case], pairs: Sequence[Pair]) -> dict[str, str]:
    """Key of each dropped case -> what it shares, and with which row of which split."""
    if not dropped:
        return {}
    scores = {frozenset(pair[:2]): pair[2] for pair in pairs}
    block_of = {n: block for block in related(cases, clusters(pairs)) for n in block}
    gone = {id(case) for case in dropped}
    found = {}
    for n, case in enumerate(cases):
        if id(case) not in gone:
            continue
        weight = {"test": 2, "val": 1}
        mine = weight.get(case.split or "", 0)
        others = [cases[m] for m in block_of[n] if weight.get(cases[m].split or "", 0) > mine]
        others.sort(key=lambda other: (-weight[other.split or ""], not _link(case, other, scores)))
        link = _link(case, others[0], scores) or "is joined through others"
        found[key(case)] = f"{case.split or 'unsplit'} row {link} with the {others[0].split} row {key(others[0])}"
    return found


def _link(case: Case, other: Case, scores: Mapping[frozenset[str], float]) -> str:
    if case.group and case.group == other.group:
        return "shares a patient or lesion"
    score = scores.get(frozenset((key(case), key(other))))
    return "" if score is None else f"is a near-duplicate ({score:.2f})"


def sampled(cases: Sequence[Case], limit: int) -> Sequence[Case]:
    """At most `limit`, by hash of the key, in the order given: a smaller corpus is part of a larger one. 0: all."""
    if not limit or limit >= len(cases):
        return cases
    chosen = set(sorted((key(c) for c in cases), key=lambda k: hashlib.sha256(k.encode()).digest())[:limit])
    return [case for case in cases if key(case) in chosen]
