"""Label sets of the benchmarks and of users: a data set's spelling on one side, our diagnoses on the other.

A label may cover more than its own diagnosis: kinds of it ("angiokeratoma" is a vascular lesion), and what
the data set's authors put there (HAM10000 files Bowen disease under akiec, PAD-UFES-20 under SCC).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from skingpt_r1.knowledge.diagnoses import did_you_mean, lineage, preferred, table
from skingpt_r1.records import SkinGPTError


@dataclass(frozen=True, slots=True)
class LabelSet:
    """labels: the set's spelling -> preferred name, in the set's order; also: further diagnosis -> label."""

    name: str
    labels: Mapping[str, str]
    also: Mapping[str, str] = field(default_factory=dict)


BUILT_IN: Final[dict[str, LabelSet]] = {
    "ham10000": LabelSet(
        "ham10000",
        {
            "akiec": "actinic keratosis",
            "bcc": "basal cell carcinoma",
            "bkl": "benign keratosis",
            "df": "dermatofibroma",
            "mel": "melanoma",
            "nv": "melanocytic nevus",
            "vasc": "vascular lesion",
        },
        also={"Bowen disease": "akiec"},
    ),
    "pad_ufes_20": LabelSet(
        "pad_ufes_20",
        {
            "ACK": "actinic keratosis",
            "BCC": "basal cell carcinoma",
            "MEL": "melanoma",
            "NEV": "melanocytic nevus",
            "SCC": "squamous cell carcinoma",
            "SEK": "seborrheic keratosis",
        },
        also={"Bowen disease": "SCC", "benign keratosis": "SEK"},
    ),
    "isic2017": LabelSet(
        "isic2017",
        {
            "melanoma": "melanoma",
            "nevus": "melanocytic nevus",
            "seborrheic_keratosis": "seborrheic keratosis",
        },
        also={"benign keratosis": "seborrheic_keratosis"},
    ),
}


def label_set(name_or_file: str | Path) -> LabelSet:
    """A built-in label set by name, or one read from a text file: a label a line, or "label = diagnosis".

    Blank lines and lines that start with # are skipped. Raises SkinGPTError on what it cannot read.
    """
    if str(name_or_file) in BUILT_IN:
        return BUILT_IN[str(name_or_file)]
    path = Path(name_or_file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SkinGPTError(
            f"{str(name_or_file)!r} is neither a label set ({', '.join(BUILT_IN)}) nor a readable text file ({error})."
        ) from error
    labels: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        label, equals, diagnosis = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        labels |= {_new(label, labels, f"{path}:{number}"): _known(diagnosis if equals else label, f"{path}:{number}")}
    if not labels:
        raise SkinGPTError(f'{path}: no label. Write one a line, or "label = diagnosis".')
    return LabelSet(path.stem, labels)


@functools.cache
def categories() -> LabelSet:
    """The 23 categories of DermNet's picture folders, as certified texts by others carry them.

    `table/categories.json` lists for each category diagnoses and families ("infectious/fungal infection"); a
    diagnosis goes by its own name before its family, and by the narrowest family.
    Not among the BUILT_IN sets: those are what the shipped model was taught.
    """
    text = resources.files("skingpt_r1.knowledge").joinpath("table", "categories.json").read_text(encoding="utf-8")
    listed: dict[str, list[str]] = json.loads(text)
    home = {entry: category for category, entries in listed.items() for entry in entries}
    also: dict[str, str] = {}
    for name, row in table().items():
        families = ["/".join(row.family[:depth]) for depth in (3, 2, 1)]
        places = [*lineage(name), *families]
        if (place := next((entry for entry in places if entry in home), None)) is not None:
            also[name] = home[place]
    labels = {category: next(e for e in entries if e in table()) for category, entries in listed.items()}
    return LabelSet("dermnet", labels, also)


def match(labels: LabelSet, diagnosis: str) -> str | None:
    """The set's label for a diagnosis (any spelling), the narrowest that covers it; None if none does."""
    if (name := preferred(diagnosis)) is None:
        return None
    own = {meaning: label for label, meaning in reversed(list(labels.labels.items()))}
    for ancestor in lineage(name):
        if (label := own.get(ancestor) or labels.also.get(ancestor)) is not None:
            return label
    return None


def _new(label: str, labels: Mapping[str, str], place: str) -> str:
    if not label or label in labels:
        raise SkinGPTError(f"{place}: the label {label!r} is empty or stands twice. Write each label once.")
    return label


def _known(diagnosis: str, place: str) -> str:
    name = preferred(diagnosis) or preferred(diagnosis.replace("_", " "))
    if name is None:
        raise SkinGPTError(f'{place}: no diagnosis {diagnosis!r}. {did_you_mean(diagnosis)} Write "label = diagnosis".')
    return name
