"""Anybody's pictures as Cases: a folder for each class, or a table with a mapping of its columns.

What concerns the whole (no picture, no such column) raises CaseError. What concerns a row or a
label becomes one line of `problems`, and the other rows are still read: a collection of thousands
always has a few missing files, and a user wants the list, not the first.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from skingpt_r1.images.reading import shown
from skingpt_r1.knowledge.diagnoses import did_you_mean, preferred
from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.records import Case, CaseError, History, Modality
from skingpt_r1.sources.columns import history_from, is_split, recorded, split_name
from skingpt_r1.sources.tables import Table, read_table

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif"})

_HISTORY = tuple(f.name for f in dataclasses.fields(History))
# What a column is called when the caller names none; the first that exists is taken.
_USUAL: dict[str, tuple[str, ...]] = {
    "image": ("image", "file", "path", "filename", "file_name", "image_path", "image_id", "img_id"),
    "id": ("id", "image_id", "img_id"),
    "label": ("label", "diagnosis", "dx", "diagnostic", "class"),
    "patient": ("patient", "patient_id", "patient_or_lesion_id", "lesion_id", "group"),
    "split": ("split",),
    "mask": ("mask",),
    "modality": ("modality",),
} | {name: (name,) for name in _HISTORY}


@dataclass(frozen=True, slots=True)
class FolderReport:
    """cases: what could be read, in file order. problems: one line each, with place and remedy."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...]


def read_folder(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    modality: Modality = Modality.CLINICAL,
    labels: LabelSet | None = None,
) -> FolderReport:
    """Cases of a CSV or Parquet table, or of a folder with one folder a class (also below train/val/test).

    mapping: our field -> the table's column; fields are image, id, label, patient, split, mask,
    modality and those of History. Fields that it leaves out are taken from columns of the usual
    names. A folder that holds a `cases.csv` or `cases.parquet` is read by it. modality: of rows that do not say it.
    labels: meaning of labels that the knowledge table has not. Raises CaseError.
    """
    for name in ("cases.csv", "cases.parquet"):
        if path.is_dir() and (path / name).is_file():
            path = path / name
    if path.is_dir():
        if mapping:
            raise CaseError(f"{path}: a column mapping needs a table; pass the table, not its folder.")
        drafts, problems = _from_classes(path, modality)
    elif path.is_file():
        drafts, problems = _from_table(read_table(path), mapping or {}, modality)
    else:
        raise CaseError(f"{path}: no such folder or table; check the path.")
    cases, doubtful = with_diagnoses(drafts, labels)
    return FolderReport(tuple(cases), tuple(problems + doubtful))


def _from_classes(root: Path, modality: Modality) -> tuple[list[Case], list[str]]:
    cases: list[Case] = []
    problems: list[str] = []
    for picture in sorted(_pictures(root)):
        parts = picture.relative_to(root).parts
        split = split_name(parts[0]) if len(parts) > 1 and is_split(parts[0]) else None
        folders = parts[1:-1] if split else parts[:-1]
        if not folders:
            problems.append(f"{picture}: lies in no class folder; move it into one named like its label.")
            continue
        name = picture.relative_to(root).as_posix()
        if not _is_text(name):
            problems.append(f"{shown(picture)}: its name is not UTF-8; rename it.")
            continue
        cases.append(Case(name, str(picture), modality, root.resolve().name, label=folders[0], split=split))
    if not cases:
        raise CaseError(
            f"{root}: no picture in a class folder. Expected {root}/<label>/<picture>.jpg "
            f"({', '.join(sorted(PICTURES))}), or pass a CSV or Parquet table."
        )
    return cases, problems


def _is_text(name: str) -> bool:
    """Whether a file name can be written down; bytes that are not UTF-8 cannot."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _pictures(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in PICTURES and not hidden and path.is_file():
            yield path


def _from_table(table: Table, mapping: Mapping[str, str], modality: Modality) -> tuple[list[Case], list[str]]:
    columns = _columns(table, mapping)
    cases: list[Case] = []
    problems = list(table.problems)
    seen: dict[str, int] = {}
    for line, row in table.rows:
        cells = {field: row.get(column) for field, column in columns.items()}
        try:
            case = _from_row(table.path, cells, modality)
        except CaseError as error:
            problems.append(f"{table.path}:{line}: {error}")
            continue
        if case.id in seen:
            problems.append(
                f"{table.path}:{line}: the id {case.id!r} stands in line {seen[case.id]} already; "
                "this row is left out. Give each picture one row and its own id."
            )
            continue
        seen[case.id] = line
        cases.append(case)
    if not cases:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise CaseError(f"{table.path}: no usable row. {problems[0]}{more}")
    return cases, problems


def _columns(table: Table, mapping: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(mapping) - set(_USUAL)):
        raise CaseError(f"column mapping: no field {', '.join(unknown)}. Fields: {', '.join(_USUAL)}.")
    if missing := sorted(set(mapping.values()) - set(table.columns)):
        raise CaseError(
            f"{table.path}: no column {', '.join(map(repr, missing))}. Columns: {', '.join(table.columns)}."
        )
    lower = {column.lower(): column for column in reversed(table.columns)}
    found = {field: next((lower[name] for name in usual if name in lower), None) for field, usual in _USUAL.items()}
    columns = {field: column for field, column in found.items() if column is not None} | dict(mapping)
    if "image" not in columns:
        raise CaseError(
            f"{table.path}: which column names the picture? Columns: {', '.join(table.columns)}. "
            "Say image=COLUMN in the mapping."
        )
    return columns


def _from_row(table: Path, cells: Mapping[str, str | None], modality: Modality) -> Case:
    if (file := recorded(cells.get("image"))) is None:
        raise CaseError("no picture is named; fill in the cell or remove the row.")
    dataset = table.parent.resolve().name if table.stem == "cases" else table.stem
    patient = recorded(cells.get("patient"))
    if kind := recorded(cells.get("modality")):
        if kind.lower() not in set(Modality):
            raise CaseError(f"modality {kind!r}: use {' or '.join(Modality)}.")
        modality = Modality(kind.lower())
    mask = recorded(cells.get("mask"))
    return Case(
        id=recorded(cells.get("id")) or file,
        image=str(find_picture(table.parent, file)),
        modality=modality,
        dataset=dataset,
        history=history_from({name: cells.get(name) for name in _HISTORY}),
        label=recorded(cells.get("label")),
        group=f"{dataset}:{patient}" if patient else None,
        split=split_name(cells.get("split")),
        mask=str(find_picture(table.parent, mask)) if mask else None,
    )


def find_picture(folder: Path, name: str) -> Path:
    """The file of a cell: as written, or below images/, with or without its ending."""
    tried = [folder / name, folder / "images" / name]
    if Path(name).suffix.lower() not in PICTURES:
        tried += [place.with_name(place.name + ending) for place in tried for ending in sorted(PICTURES)]
    for place in tried:
        try:
            if place.is_file():
                return place
        except (OSError, ValueError):  # a name too long, or with a NUL
            break
    raise CaseError(f"no file {name!r} in {folder} or its images/; correct the name or copy the file there.")


def with_diagnoses(cases: list[Case], labels: LabelSet | None) -> tuple[list[Case], list[str]]:
    """Cases with their preferred diagnosis, and one line for each label that the knowledge table has not."""
    counts = Counter(case.label for case in cases if case.label)
    meaning = {
        label: (labels.labels.get(label) if labels else None) or preferred(label) or preferred(label.replace("_", " "))
        for label in counts
    }
    problems = [
        f"label {label!r} ({counts[label]} rows) is not in the knowledge table. {did_you_mean(label)} "
        f'Map it in a label-set file: "{label} = diagnosis".'
        for label, diagnosis in meaning.items()
        if diagnosis is None
    ]
    unlabelled = sum(case.label is None for case in cases)
    if 0 < unlabelled < len(cases):
        problems.append(f"{unlabelled} rows have no label; they can be diagnosed, but not trained or scored on.")
    return [
        dataclasses.replace(case, diagnosis=meaning[case.label]) if case.label else case for case in cases
    ], problems
