"""The table of diagnoses is whole, and answers to every spelling."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from skingpt_r1.knowledge import diagnoses
from skingpt_r1.knowledge.diagnoses import category_of, feared, get, lineage, preferred, table, urgency_of
from skingpt_r1.records import SkinGPTError, Urgency


def test_every_row_is_whole() -> None:
    assert 500 <= len(table()) <= 600
    for name, row in table().items():
        assert row.malignant in diagnoses.MALIGNANCY
        assert all(row.family), name
        assert row.source.startswith("textbook: ")
        assert row.icd10 is None or re.fullmatch(r"[A-Z]\d\d(\.\d)?", row.icd10), (name, row.icd10)
        assert row.icd11 is None or re.fullmatch(r"[1-9A-Z][A-Z][0-9A-Z]{2}(\.[0-9A-Z]+)?", row.icd11), (
            name,
            row.icd11,
        )
        for other in row.confused_with:
            assert other in table() and other != name, (name, other)
        assert name not in lineage(name)[1:]
        assert row.parent is None or row.parent in table(), (name, row.parent)
        assert len(set(row.synonyms)) == len(row.synonyms) and name not in row.synonyms, name
        assert all(form == form.strip() and form for form in (name, *row.synonyms)), name
        assert row.malignant != "malignant" or row.urgency in (Urgency.URGENT, Urgency.SOON), name


def test_every_spelling_leads_home() -> None:
    """Also proves that no two diagnoses share a spelling: the lookup refuses to build otherwise."""
    for name, forms in diagnoses.spellings().items():
        for form in forms:
            assert preferred(form) == preferred(form.upper()) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Naevi", "melanocytic nevus"),
        ("BCC", "basal cell carcinoma"),
        ("Basal-cell carcinomas", "basal cell carcinoma"),
        ("Bowen’s disease", "Bowen disease"),
        ("seborrhoeic keratoses", "seborrheic keratosis"),
        ("haemangioma", "hemangioma"),
        ("solar lentigines", "solar lentigo"),
        ("melanomata", "melanoma"),
        ("broken leg", None),
        ("", None),
    ],
)
def test_preferred(text: str, name: str | None) -> None:
    assert preferred(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bowens disease", "Bowen disease"),
        ("Henoch-Schönlein purpura", "Henoch-Schonlein purpura"),
        ("atopic eczemas", "atopic dermatitis"),
        ("hand, foot, and mouth disease", "hand foot and mouth disease"),
        ("tinea groin", "tinea cruris"),
        ("PRP", "pityriasis rubra pilaris"),
        ("Reiter's syndrome", "reactive arthritis"),
        ("oedema", None),
        ("aids", None),  # a verb of many texts
    ],
)
def test_preferred_beyond_tumours(text: str, name: str | None) -> None:
    assert preferred(text) == name


def test_what_adapters_were_taught_has_not_moved() -> None:
    """Trained weights hold these names, categories and kinds: a change here needs new adapters."""
    taught = {
        "actinic keratosis": ("keratinocytic, precancerous", ()),
        "basal cell carcinoma": ("keratinocytic, malignant suspected", ()),
        "benign keratosis": ("keratinocytic, benign", ()),
        "dermatofibroma": ("fibrohistiocytic", ()),
        "melanocytic nevus": ("melanocytic, benign", ()),
        "melanoma": ("melanocytic, malignant suspected", ()),
        "seborrheic keratosis": ("keratinocytic, benign", ("benign keratosis",)),
        "squamous cell carcinoma": ("keratinocytic, malignant suspected", ()),
        "vascular lesion": ("vascular", ()),
    }
    for name, (category, kind_of) in taught.items():
        assert (category_of(name), lineage(name)[1:]) == (category, kind_of)


def test_every_label_of_the_open_tables_is_known(data_root: Path) -> None:
    annotations = data_root / "annotations"
    tables = {"fitzpatrick17k/fitzpatrick17k.csv": "label", "derm7pt/meta.csv": "diagnosis"}
    for file, column in tables.items():
        with (annotations / file).open(encoding="utf-8", newline="") as stream:
            labels = {row[column] for row in csv.DictReader(stream)}
        assert {label for label in labels if preferred(label) is None} <= {"miscellaneous"}, file


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SkinGPTError, match="dermatofibroma"):
        get("dermatofibrom")


def test_categories() -> None:
    assert category_of("melanoma") == "melanocytic, malignant suspected"
    assert category_of("melanocytic nevus") == "melanocytic, benign"
    assert category_of("basal cell carcinoma") == "keratinocytic, malignant suspected"
    assert category_of("seborrheic keratosis") == "keratinocytic, benign"
    assert category_of("actinic keratosis") == "keratinocytic, precancerous"
    assert category_of("vascular lesion") == "vascular"
    assert category_of("dermatofibroma") == "fibrohistiocytic"


def test_urgency_rises_and_never_falls() -> None:
    assert urgency_of("melanocytic nevus", []) == Urgency.SELF_WATCH
    assert urgency_of("melanocytic nevus", [("bleed", "yes")]) == Urgency.SOON
    assert urgency_of("actinic keratosis", [("hurt", "yes")]) == Urgency.URGENT
    assert urgency_of("melanocytic nevus", [], ["melanoma"], confident=False) == Urgency.SOON
    assert urgency_of("melanoma", [], ["melanocytic nevus"], confident=False) == Urgency.URGENT
    assert urgency_of("melanocytic nevus", [], ["melanotherapy"], confident=False) == Urgency.SELF_WATCH
    order = [Urgency.URGENT, Urgency.SOON, Urgency.ROUTINE, Urgency.SELF_WATCH]
    for name, row in table().items():
        for flag in row.red_flags:
            raised = urgency_of(name, flag.claims, list(row.confused_with), confident=False)
            assert order.index(raised) <= order.index(row.urgency)


def test_a_malignant_rival_of_one_in_ten_is_feared() -> None:
    chances = {"melanocytic nevus": 0.7, "melanoma": 0.1, "basal cell carcinoma": 0.09, "seborrheic keratosis": 0.11}
    assert feared(chances, "melanocytic nevus") == {"melanoma": 0.1}
    assert feared({"melanoma": 0.9}, "melanoma") == {}
    assert urgency_of("melanocytic nevus", [], ["melanoma"], confident=False) is Urgency.SOON
