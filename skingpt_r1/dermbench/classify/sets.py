"""Which pictures are asked about, and which labels may be answered: a public set's rows, or a user's folder.

A source is written as one word: "ham10000", "isic2017", "pad_ufes_20"; "ddi:FOLDER" for a folder in a published layout
("fitzpatrick17k/three_partition_label:FOLDER" takes another of its label columns); "table:FILE.csv" or just a path for
pictures of one's own. Nothing is tested on "train".
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources import registry
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.published import LAYOUTS, TABLE, read_published
from skingpt_r1.sources.streams import cache_dir, sha256_of

TITLES: Final = {
    "ham10000": "HAM10000 (subset)",
    "isic2017": "ISIC-2017 (subset)",
    "pad_ufes_20": "PAD-UFES-20 (subset)",
}
SPLITS: Final = ("val", "test")
_SAY_SO: Final = {"malignant": True, "benign": False, "non-neoplastic": False}  # labels that are the answer themselves


@dataclass(frozen=True, slots=True)
class Labelled:
    """Cases of one split. labels: every candidate -> its diagnosis in the knowledge table, None where it has none.

    described: case id -> skin type and age where the set records bands only. problems: rows and labels, a line each.
    """

    name: str
    cases: tuple[Case, ...]
    labels: Mapping[str, str | None]
    described: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Of rows, labels and pictures: what answers and their truth depend on."""
        rows = (f"{key(c)}\0{c.label}\0{c.group}\0{sha256_of(Path(c.image))}\n" for c in self.cases)
        return hashlib.sha256("".join([json.dumps(dict(self.labels)), *rows]).encode()).hexdigest()[:16]


def labelled_cases(
    source: str, split: str = "test", limit: int | None = None, runs: Path = Path("runs"), root: Path | None = None
) -> Labelled:
    """The labelled cases of a split, `limit` of them in a fixed shuffled order.

    runs: what has been computed of the public sets' pictures; needed for "val", whose rows that touch a test row are
    left out. root: of the public sets. Raises SkinGPTError where there is nothing to ask about.
    """
    if split not in SPLITS:
        raise SkinGPTError(f"split {split!r}: a system is tested on test, and a threshold chosen on val.")
    found = _public(source, split, runs, root) if source in registry.SOURCES else _folder(source, split)
    cases = [case for case in found.cases if case.label]
    random.Random(0).shuffle(cases)
    if limit is not None:
        cases = cases[:limit]
    if not cases:
        raise SkinGPTError(f"{source}: no labelled row of split {split!r}.")
    return Labelled(found.name, tuple(cases), found.labels, found.described, found.problems)


def training_cases(source: str, runs: Path, root: Path | None = None) -> dict[str, list[Case]]:
    """Rows "train" and "val" of a set, without those that touch another split.

    Empty where a folder has no published splits. Needs `runs` as `labelled_cases` does.
    """
    if source in registry.SOURCES:
        cases: Sequence[Case] = registry.load(source, root)
        apart = touching(runs, root)
    else:
        cases = _read(source).cases
        apart = _of_tested_patients(cases)
    usable = [case for case in cases if key(case) not in apart and case.label]
    return {split: [case for case in usable if case.split == split] for split in ("train", "val")}


def touching(runs: Path, root: Path | None) -> frozenset[str]:
    """ "dataset/id" of the public sets' rows that share a patient or a photograph with a row of a stronger split."""
    from skingpt_r1.distill.data import gather  # loads torch

    return gather(root, runs).dropped


def malignant(labels: Mapping[str, str | None]) -> dict[str, bool]:
    """Whether each label is malignant by the knowledge table; a label that the table does not know is left out.

    A precancer (actinic keratosis) is not malignant.
    """
    known = table()
    told = {
        label: known[name].malignant == "malignant"
        for label, name in labels.items()
        if name is not None and name in known
    }
    return {label: value for label, value in _SAY_SO.items() if label in labels} | told


def described(case: Case, found: Labelled) -> dict[str, Any]:
    """What subgroups are made of. A band that the set records stands where no number does."""
    known = {name: getattr(case.history, name) for name in ("skin_type", "age", "sex", "site")}
    bands = found.described.get(case.id, {})
    told = {name: value if value is not None else bands.get(name) for name, value in known.items()}
    return {name: value for name, value in told.items() if value is not None} | {"modality": case.modality.value}


def _public(source: str, split: str, runs: Path, root: Path | None) -> Labelled:
    cases = [case for case in registry.load(source, root) if case.split == split]
    if split == "val":
        apart = touching(runs, root)
        cases = [case for case in cases if key(case) not in apart]
    return Labelled(source, tuple(cases), dict(label_set(registry.SOURCES[source].label_set).labels))


def _folder(source: str, split: str) -> Labelled:
    found = _read(source)
    meaning = {case.label: case.diagnosis for case in found.cases if case.label}
    apart = _of_tested_patients(found.cases)
    cases = tuple(case for case in found.cases if case.split == split and key(case) not in apart)
    return Labelled(found.name, cases, dict(sorted(meaning.items())), found.described, found.problems)


def _of_tested_patients(cases: Sequence[Case]) -> frozenset[str]:
    """ "dataset/id" of a folder's rows that share a patient or a lesion with a row of a stronger split."""
    strongest: dict[str, int] = {}
    for case in cases:
        if case.group:
            strongest[case.group] = max(strongest.get(case.group, 0), _strength(case))
    return frozenset(key(c) for c in cases if c.group and _strength(c) < strongest[c.group])


def _strength(case: Case) -> int:
    return ("train", "val", "test").index(case.split or "train")


def _read(source: str) -> Labelled:
    """All rows of a folder. Its name is the layout's, or the folder's own."""
    layout, colon, place = source.partition(":")
    layout, _, column = layout.partition("/")
    if not colon or layout not in (*LAYOUTS, TABLE):
        layout, place, column = TABLE, source, ""
        if not Path(place).exists():
            sets, folders = ", ".join(registry.SOURCES), ", ".join(LAYOUTS)
            raise SkinGPTError(f"{source!r} is no set ({sets}), no LAYOUT:FOLDER ({folders}) and no path.")
    told = read_published(layout, Path(place), cache_dir() / "pictures", column or None)
    name = (Path(place).resolve().stem if layout == TABLE else layout) + (f"/{column}" if column else "")
    return Labelled(name, told.cases, {}, told.described, told.problems)
