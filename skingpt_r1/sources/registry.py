"""The four public picture sets that we can read, as Cases.

Each is a folder with `cases.csv` (column `split` is the split), `images/` and sometimes `masks/`.
Three columns are read with care. `biopsed` (PAD-UFES-20) never becomes history: nearly all
cancers were biopsied, so it tells the label. `concepts` (HAM10000) counts only where an expert
looked. Age 0 in HAM10000 means "not recorded": it is written for benign keratoses, which no
newborn has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.records import Case, CaseError, Modality, SkinGPTError
from skingpt_r1.sources.columns import history_from, recorded, split_name
from skingpt_r1.sources.tables import read_table

ENVIRONMENT = "SKINGPT_DATA"

_SYMPTOMS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")


@dataclass(frozen=True, slots=True)
class Source:
    """A picture set. folder: below the data root. label_set: name in the knowledge table.

    scope: what results on it may claim. download: where the original is published.
    """

    name: str
    folder: str
    modality: Modality
    licence: str
    citation: str
    scope: str
    label_set: str
    download: str
    loader: Callable[[Source, Path], list[Case]]


def load(name: str, root: Path | None = None) -> list[Case]:
    """All cases of a source, in the order of its table. Raises SkinGPTError if it is not there."""
    if name not in SOURCES:
        raise SkinGPTError(f"There is no source {name!r}. Use one of: {', '.join(SOURCES)}.")
    source = SOURCES[name]
    return source.loader(source, data_root(root) / source.folder)


def available(root: Path | None = None) -> list[Source]:
    """The sources whose table is under the data root."""
    place = data_root(root)
    return [source for source in SOURCES.values() if (place / source.folder / "cases.csv").is_file()]


def data_root(explicit: Path | None = None) -> Path:
    """The folder that holds the sources: the argument, else $SKINGPT_DATA, else ../shared/data.

    "Beside" is tried from the current directory and from the repository. Raises SkinGPTError.
    """
    if explicit is not None or os.environ.get(ENVIRONMENT):
        place = explicit or Path(os.environ[ENVIRONMENT])
        if _holds_source(place):
            return place
        raise SkinGPTError(f"{place}: none of {', '.join(SOURCES)} is in this folder. {_where_from()}")
    beside = (Path.cwd().parent, Path(__file__).resolve().parents[3])
    for place in (parent / "shared" / "data" for parent in beside):
        if _holds_source(place):
            return place
    raise SkinGPTError(f"No open data found (no --data, no ${ENVIRONMENT}, no ../shared/data). {_where_from()}")


def _holds_source(place: Path) -> bool:
    return any((place / source.folder / "cases.csv").is_file() for source in SOURCES.values())


def _where_from() -> str:
    origins = "; ".join(f"{s.name}: {s.download}" for s in SOURCES.values())
    return (
        "Use your own pictures (a folder for each class, or a CSV table: skingpt data check PATH), or "
        f"download the originals ({origins}) and put <source>/cases.csv and <source>/images/ there."
    )


def _load_table(source: Source, folder: Path) -> list[Case]:
    table = read_table(folder / "cases.csv")
    needed = {"image_id", "file", "label", "split"}
    if lacking := sorted(needed - set(table.columns)):
        raise CaseError(f"{table.path}: no column {', '.join(lacking)}. See `skingpt data list` for its origin.")
    meaning = label_set(source.label_set).labels
    cases: list[Case] = []
    for line, row in table.rows:
        try:
            cases.append(_case(source, folder, row, meaning.get(row["label"])))
        except CaseError as error:
            raise CaseError(f"{table.path}:{line}: {error}") from error
    return cases


def _case(source: Source, folder: Path, row: dict[str, str], diagnosis: str | None) -> Case:
    cells: dict[str, str | None] = {name: row.get(name) for name in ("age", "sex", "site", "skin_type", *_SYMPTOMS)}
    if source.name.startswith("ham10000") and float(recorded(cells["age"]) or 0) == 0:
        cells["age"] = None
    diameters = [d for name in ("diameter_1_mm", "diameter_2_mm") if (d := recorded(row.get(name)))]
    cells["diameter_mm"] = max(diameters, key=float, default=None)
    mask = folder / "masks" / f"{row['image_id']}.png"
    annotated = row.get("concept_annotated") == "True"
    return Case(
        id=row["image_id"],
        image=str(folder / row["file"]),
        modality=source.modality,
        dataset=source.name,
        history=history_from(cells),
        label=row["label"],
        diagnosis=diagnosis,
        group=recorded(row.get("patient_or_lesion_id")),
        split=split_name(row["split"]),
        mask=str(mask) if mask.is_file() else None,
        concepts=tuple(c for c in row.get("concepts", "").split(";") if c) if annotated else None,
    )


_HAM = (
    "Tschandl P., Rosendahl C., Kittler H. The HAM10000 dataset, a large collection of multi-source "
    "dermatoscopic images of common pigmented skin lesions. Sci Data 5:180161 (2018)"
)
_HAM_SCOPE = 'pigmented lesions under dermoscopy, mostly light skin; a subset: name it "HAM10000 (subset)"'

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="ham10000",
            folder="ham10000",
            modality=Modality.DERMOSCOPY,
            licence="CC BY-NC 4.0",
            citation=_HAM,
            scope=f"{_HAM_SCOPE}; centre-cropped, some hair removed digitally",
            label_set="ham10000",
            download="doi:10.7910/DVN/DBW86T",
            loader=_load_table,
        ),
        Source(
            name="ham10000_hires",
            folder="ham10000_hires",
            modality=Modality.DERMOSCOPY,
            licence="CC BY-NC 4.0",
            citation=_HAM,
            scope=f"{_HAM_SCOPE}; whole frames, no test rows, shares lesions with ham10000",
            label_set="ham10000",
            download="doi:10.7910/DVN/DBW86T",
            loader=_load_table,
        ),
        Source(
            name="isic2017",
            folder="isic2017",
            modality=Modality.DERMOSCOPY,
            licence="CC0",
            citation=(
                "Codella N. et al. Skin lesion analysis toward melanoma detection: a challenge at ISBI 2017, "
                "hosted by the International Skin Imaging Collaboration. arXiv:1710.05006 (2017)"
            ),
            scope="melanoma, nevus and seborrheic keratosis under dermoscopy; frames squashed to a square",
            label_set="isic2017",
            download="https://challenge.isic-archive.com/data/#2017",
            loader=_load_table,
        ),
        Source(
            name="pad_ufes_20",
            folder="pad_ufes_20",
            modality=Modality.CLINICAL,
            licence="CC BY 4.0",
            citation=(
                "Pacheco A. G. C. et al. PAD-UFES-20: a skin lesion dataset composed of patient data and "
                "clinical images collected from smartphones. Data in Brief 32:106221 (2020)"
            ),
            scope="neoplastic lesions on smartphone photographs from Brazil, hardly any skin type V or VI",
            label_set="pad_ufes_20",
            download="doi:10.17632/zr7vgbcyr2.1",
            loader=_load_table,
        ),
    )
}
TESTED: Final = ("ham10000", "isic2017", "pad_ufes_20")
"""Those with test rows of their own."""
