"""Folders of published sets that a user has got for himself, as Cases: SkinCon, Derm7pt, DDI, SCIN and others.

The split is the published one. Where there is none every row is "test": such a set is there to be tested on, and no
training of ours may take it up by chance. A label that the knowledge table has not stays as it is, without a diagnosis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.records import Case, CaseError, SkinGPTError
from skingpt_r1.sources import layouts
from skingpt_r1.sources.columns import history_from
from skingpt_r1.sources.dermamnist import MEANINGS, dermamnist
from skingpt_r1.sources.folder import read_folder, with_diagnoses
from skingpt_r1.sources.layouts import Draft

TABLE: Final = "table"


@dataclass(frozen=True, slots=True)
class Published:
    """described: case id -> what the set records of it in bands ("skin_type": "III-IV"). problems: a line each."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...]
    described: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A published set. columns: those that may be its label, the usual one first. expects: what the folder holds."""

    name: str
    columns: tuple[str, ...]
    expects: str
    origin: str
    rows: Callable[[Path, str, Path], Iterator[Draft]]
    meanings: Mapping[str, str] | None = None


def read_published(name: str, folder: Path, cache: Path, column: str | None = None) -> Published:
    """Cases of a user's folder. column: of the label, where not the usual one. cache: for pictures that are unpacked.

    Raises CaseError where the folder is not as published, SkinGPTError on an unknown layout or column.
    """
    if not folder.exists():
        raise CaseError(f"{folder}: no such folder; check the path.")
    if name == TABLE:
        report = read_folder(folder, {"label": column} if column else None)
        return Published(tuple(replace(c, split=c.split or "test") for c in report.cases), report.problems, {})
    if name not in LAYOUTS:
        raise SkinGPTError(f"There is no layout {name!r}. Use one of: {', '.join((*LAYOUTS, TABLE))}.")
    layout = LAYOUTS[name]
    if (chosen := column or layout.columns[0]) not in layout.columns:
        raise SkinGPTError(f"{name}: its label can be {', '.join(layout.columns)}, not {column!r}.")
    cases: list[Case] = []
    seen: set[str] = set()
    described: dict[str, Mapping[str, str]] = {}
    left_out: dict[str, list[str]] = {}
    for draft in layout.rows(folder, chosen, cache):
        reason = draft.left_out or ("their id stood before" if draft.id in seen else None)
        try:
            case = _case(name, (folder, cache), draft)
        except CaseError as error:
            reason = reason or str(error)
        if reason is not None:
            left_out.setdefault(reason, []).append(draft.id)
            continue
        seen.add(draft.id)
        cases.append(case)
        described[case.id] = draft.described
    problems = [
        f"{folder}: {len(ids)} rows left out, {reason}: {', '.join(ids[:3])}." for reason, ids in left_out.items()
    ]
    if not cases:
        raise CaseError(f"{folder}: no usable row. {problems[0] if problems else ''} Expected: {layout.expects}")
    published = Counter(case.split for case in cases)
    if published.keys() == {None}:
        cases = [replace(case, split="test") for case in cases]
    meanings = LabelSet(name, layout.meanings) if layout.meanings else None
    cases, unknown = with_diagnoses(cases, meanings)
    return Published(tuple(cases), tuple(problems + unknown), described)


def _case(name: str, roots: tuple[Path, Path], draft: Draft) -> Case:
    picture = next((path for path in _places(*roots, draft) if path.is_file()), None)
    if picture is None:
        raise CaseError("their picture is not in the folder")
    if not draft.label or not draft.label.strip():
        raise CaseError("they have no label")
    return Case(
        id=draft.id,
        image=str(picture),
        modality=draft.modality,
        dataset=name,
        history=history_from(draft.cells),
        label=draft.label.strip(),
        group=f"{name}:{draft.group or draft.id}",
        split=draft.split,
        concepts=draft.concepts,
    )


def _places(folder: Path, cache: Path, draft: Draft) -> Iterator[Path]:
    """Where the picture may be: in the folder, whatever the table says, or among what we unpacked ourselves."""
    for name in draft.pictures:
        path = folder / name
        inside = path.is_relative_to(folder) or path.is_relative_to(cache)
        if inside and "\0" not in name and len(name) < 500 and ".." not in Path(name).parts:
            yield path


_FITZPATRICK: Final = ("label", "nine_partition_label", "three_partition_label")
LAYOUTS: Final[dict[str, Layout]] = {
    layout.name: layout
    for layout in (
        Layout(
            "fitzpatrick17k", _FITZPATRICK, "fitzpatrick17k.csv and images/MD5HASH.jpg",
            "https://github.com/mattgroh/fitzpatrick17k", lambda f, c, _: layouts.fitzpatrick17k(f, c),
        ),
        Layout(
            "skincon", _FITZPATRICK,
            "annotations_fitzpatrick17k.csv, fitzpatrick17k.csv and images/MD5HASH.jpg",
            "https://skincon-dataset.github.io", lambda f, c, _: layouts.skincon(f, c),
        ),
        Layout(
            "derm7pt", ("diagnosis",), "meta/meta.csv, meta/{train,valid,test}_indexes.csv and images/",
            "https://derm.cs.sfu.ca", lambda f, c, _: layouts.derm7pt(f, c),
        ),
        Layout(
            "derm7pt_clinical", ("diagnosis",), "meta/meta.csv, meta/{train,valid,test}_indexes.csv and images/",
            "https://derm.cs.sfu.ca", lambda f, c, _: layouts.derm7pt_clinical(f, c),
        ),
        Layout(
            "ddi", ("disease", "malignant"), "ddi_metadata.csv and images/000001.png",
            "https://ddi-dataset.github.io", lambda f, c, _: layouts.ddi(f, c),
        ),
        Layout(
            "scin", ("weighted_skin_condition_label",), "scin_cases.csv, scin_labels.csv, images/ (or dataset/images/)",
            "https://github.com/google-research-datasets/scin", lambda f, c, _: layouts.scin(f, c),
        ),
        Layout(
            "dermamnist", ("label",), "dermamnist.npz or dermamnist_224.npz", "doi:10.5281/zenodo.10519652",
            lambda f, _, cache: dermamnist(f, cache), MEANINGS,
        ),
    )
}  # fmt: skip
