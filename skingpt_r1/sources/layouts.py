"""Rows of published sets as their makers hand them out: which table, which columns, what a cell means.

A layout reads tables only; pictures are looked for by `published`. A label is never guessed: where dermatologists name
several conditions alike, or a row is marked as wrong or not to be used, the row is left out with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from skingpt_r1.records import CaseError, Modality
from skingpt_r1.sources.columns import recorded
from skingpt_r1.sources.tables import Table, read_table

UNUSABLE: Final = "Do not consider this image"  # column of SkinCon
WRONG: Final = "3 Wrongly labelled"  # cell of column qc of Fitzpatrick17k
SKIN_TYPES: Final = ("I", "II", "III", "IV", "V", "VI")
_TONES: Final = {"12": "I-II", "34": "III-IV", "56": "V-VI"}
_SEVEN_POINTS: Final = (
    "pigment_network", "streaks", "pigmentation", "regression_structures", "dots_and_globules", "blue_whitish_veil",
    "vascular_structures",
)  # fmt: skip
_SYMPTOMS: Final = {"itch": "itching", "bleed": "bleeding", "hurt": "pain", "grew": "increasing_size"}
_LONGEST_LIST: Final = 10_000  # characters of a cell that is read as a Python literal


@dataclass(frozen=True, slots=True)
class Draft:
    """A row before its picture is found. pictures: where it may be, below the folder, tried in order.

    cells: of History. described: skin type and age as bands, where the set records no more. left_out: why it is not
    used, None where it is.
    """

    id: str
    pictures: tuple[str, ...]
    label: str | None
    modality: Modality = Modality.CLINICAL
    group: str | None = None
    split: str | None = None
    cells: Mapping[str, str | None] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)
    concepts: tuple[str, ...] | None = None
    left_out: str | None = None


def fitzpatrick17k(folder: Path, column: str) -> Iterator[Draft]:
    """`fitzpatrick17k.csv`; pictures are named by their MD5."""
    table = _table(folder, ("fitzpatrick17k.csv",), ("md5hash", "fitzpatrick_scale", column))
    for _, row in table.rows:
        name = row["md5hash"]
        wrong = "marked as wrongly labelled (qc)" if row.get("qc") == WRONG else None
        yield Draft(
            name, _places(f"{name}.jpg"), row[column], described=_type(row["fitzpatrick_scale"]), left_out=wrong
        )


def skincon(folder: Path, column: str) -> Iterator[Draft]:
    """`annotations_fitzpatrick17k.csv`, 48 concepts a picture, with the diagnoses of `fitzpatrick17k.csv` beside it."""
    marks = _table(folder, ("annotations_fitzpatrick17k.csv", "fitzpatrick17k_skincon_annotations.csv"), ("ImageID",))
    labels = {row["md5hash"]: row for _, row in _table(folder, ("fitzpatrick17k.csv",), ("md5hash", column)).rows}
    if UNUSABLE not in marks.columns:
        raise CaseError(f"{marks.path}: no column {UNUSABLE!r}. Use the table of skincon-dataset.github.io.")
    concepts = marks.columns[marks.columns.index("ImageID") + 1 : marks.columns.index(UNUSABLE)]
    for _, row in marks.rows:
        name = Path(row["ImageID"]).stem
        told = labels.get(name, {})
        unusable = f"marked {UNUSABLE!r}" if row.get(UNUSABLE) == "1" else None
        yield Draft(
            name,
            _places(row["ImageID"]),
            told.get(column),
            described=_type(told.get("fitzpatrick_scale", "")),
            concepts=tuple(concept for concept in concepts if row.get(concept) == "1"),
            left_out=unusable or (None if told else "not among the diagnoses (fitzpatrick17k.csv)"),
        )


def ddi(folder: Path, column: str) -> Iterator[Draft]:
    """`ddi_metadata.csv`; skin tone is recorded in three pairs of Fitzpatrick types."""
    table = _table(folder, ("ddi_metadata.csv",), ("DDI_file", "skin_tone", column))
    for _, row in table.rows:
        label: str | None = row[column]
        if column == "malignant":
            label = {"true": "malignant", "1": "malignant", "false": "benign", "0": "benign"}.get(row[column].lower())
        tone = _TONES.get(row["skin_tone"].strip())
        yield Draft(row["DDI_file"], _places(row["DDI_file"]), label, described={"skin_type": tone} if tone else {})


def derm7pt(folder: Path, column: str) -> Iterator[Draft]:
    """The dermoscopic pictures of `meta/meta.csv`."""
    return _derm7pt(folder, column, "derm", Modality.DERMOSCOPY)


def derm7pt_clinical(folder: Path, column: str) -> Iterator[Draft]:
    """The clinical pictures of the same cases."""
    return _derm7pt(folder, column, "clinic", Modality.CLINICAL)


def _derm7pt(folder: Path, column: str, picture: str, modality: Modality) -> Iterator[Draft]:
    table = _table(folder, ("meta/meta.csv",), (picture, column))
    splits = _derm7pt_splits(folder / "meta")
    for position, (_, row) in enumerate(table.rows):
        yield Draft(
            row[picture],
            _places(row[picture]),
            row[column],
            modality,
            group=recorded(row.get("case_num")) or str(position),
            split=splits.get(position),
            cells={"sex": row.get("sex"), "site": row.get("location")},
            concepts=tuple(f"{name}: {row[name]}" for name in _SEVEN_POINTS if recorded(row.get(name))),
        )


def _derm7pt_splits(folder: Path) -> dict[int, str]:
    """Split by row position, counted from 0 as the published index files do; empty where there are none."""
    found: dict[int, str] = {}
    for name, split in (("train", "train"), ("valid", "val"), ("test", "test")):
        if not (path := folder / f"{name}_indexes.csv").is_file():
            continue
        for line, row in _checked(read_table(path), ("indexes",)).rows:
            if not row["indexes"].strip().isdecimal():
                raise CaseError(f"{path}:{line}: {row['indexes']!r} is no row number.")
            if found.setdefault(int(row["indexes"]), split) != split:
                raise CaseError(f"{path}:{line}: row {row['indexes']} is in {found[int(row['indexes'])]} already.")
    return found


def scin(folder: Path, column: str) -> Iterator[Draft]:
    """`scin_cases.csv` with `scin_labels.csv`: the first picture of each case, the condition that weighs most."""
    needed = ("case_id", "image_1_path")
    cases = _table(folder, ("scin_cases.csv", "dataset_scin_cases.csv"), needed)
    labels = _table(folder, ("scin_labels.csv", "dataset_scin_labels.csv"), ("case_id", column))
    told = {row["case_id"]: row for _, row in labels.rows}
    for _, row in cases.rows:
        judged = told.get(row["case_id"], {})
        label = _heaviest(judged.get(column, ""))
        path = row.get("image_1_path", "")
        sex = row.get("sex_at_birth", "").lower()
        own = recorded(row.get("fitzpatrick_skin_type"))
        parts = [part for part in row if part.startswith("body_parts_") and row[part] == "YES"]
        yield Draft(
            row["case_id"],
            (*_places(path), *_places(path.removeprefix("dataset/")), *_places(Path(path).name)),
            label,
            cells={
                "sex": sex if sex in ("female", "male") else None,
                "site": parts[0].removeprefix("body_parts_").replace("_", " ") if len(parts) == 1 else None,
                "skin_type": own.removeprefix("FST") if own and re.fullmatch("FST[1-6]", own) else None,
                **{k: "yes" for k, word in _SYMPTOMS.items() if row.get(f"condition_symptoms_{word}") == "YES"},
            },
            described=_band(row.get("age_group", "")) | _agreed(judged),
            left_out=None if label else "no single condition weighs most",
        )


def _heaviest(cell: str) -> str | None:
    """The only heaviest key of a written {condition: weight}; None where several weigh as much, or none is there."""
    try:
        weights = ast.literal_eval(cell) if len(cell) <= _LONGEST_LIST else None
        ranked = sorted(((float(w), str(name)) for name, w in weights.items()), reverse=True)  # type: ignore[union-attr]
    except (ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError):
        return None
    alone = len(ranked) == 1 or (len(ranked) > 1 and ranked[0][0] > ranked[1][0])
    return ranked[0][1] if alone else None


def _agreed(row: Mapping[str, str]) -> dict[str, str]:
    """The skin type on which all dermatologists who gave one agree."""
    said = {recorded(row.get(f"dermatologist_fitzpatrick_skin_type_label_{n}")) for n in (1, 2, 3)} - {None}
    (only,) = said if len(said) == 1 else (None,)
    return _type(only.removeprefix("FST")) if only else {}


def _band(age_group: str) -> dict[str, str]:
    years = re.fullmatch(r"AGE_(\d+)_TO_(\d+)", age_group)
    above = re.fullmatch(r"AGE_(\d+)_OR_ABOVE", age_group)
    if years:
        return {"age": f"{years[1]}-{years[2]}"}
    return {"age": f"{above[1]} and over"} if above else {}


def _type(scale: str) -> dict[str, str]:
    """Fitzpatrick 1..6 as the picture's raters gave it; -1 and others are unknown."""
    return {"skin_type": SKIN_TYPES[int(scale) - 1]} if scale.strip() in tuple("123456") else {}


def _places(name: str) -> tuple[str, ...]:
    return (name, f"images/{name}", f"data/finalfitz17k/{name}") if name else ()


def _table(folder: Path, names: Sequence[str], needed: Sequence[str]) -> Table:
    """The first of the tables that is there. Raises CaseError where none is, or a column is lacking."""
    for name in names:
        if (path := folder / name).is_file():
            return _checked(read_table(path), needed)
    raise CaseError(f"{folder}: no {names[0]} there; name the folder that holds it as published.")


def _checked(table: Table, needed: Sequence[str]) -> Table:
    if lacking := [name for name in needed if name not in table.columns]:
        raise CaseError(f"{table.path}: no column {', '.join(lacking)}. Columns: {', '.join(table.columns)[:400]}.")
    cut_off = [line for line, row in table.rows if any(name not in row for name in needed)]
    if table.problems or cut_off:
        why = table.problems[0] if table.problems else f"{table.path}:{cut_off[0]}: the row is cut off."
        raise CaseError(f"{why} The table is not as published; get it again.")
    return table
