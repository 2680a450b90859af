"""The table of diagnoses is whole, and answers to every spelling."""

from __future__ import annotations

import re

import pytest

from skingpt_r1.knowledge import diagnoses
from skingpt_r1.knowledge.diagnoses import category_of, get, lineage, preferred, table, urgency_of
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
    order = [Urgency.URGENT, Urgency.SOON, Urgency.ROUTINE, Urgency.SELF_WATCH]
    for name, row in table().items():
        for flag in row.red_flags:
            raised = urgency_of(name, flag.claims, list(row.confused_with), confident=False)
            assert order.index(raised) <= order.index(row.urgency)
