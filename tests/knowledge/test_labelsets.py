"""Label sets speak the data sets' spelling."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.knowledge.labelsets import BUILT_IN, categories, label_set, match
from skingpt_r1.records import SkinGPTError


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_know_their_diagnoses(name: str) -> None:
    labels = label_set(name)
    assert set(labels.labels.values()) | set(labels.also) <= set(table())
    assert set(labels.also.values()) <= set(labels.labels)
    for label, diagnosis in labels.labels.items():
        assert match(labels, diagnosis) == label


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_are_the_data_sets_own(name: str, data_root: Path) -> None:
    with (data_root / name / "cases.csv").open(encoding="utf-8") as file:
        assert {row["label"] for row in csv.DictReader(file)} == set(label_set(name).labels)


@pytest.mark.parametrize(
    ("name", "diagnosis", "label"),
    [
        ("ham10000", "angiokeratoma", "vasc"),
        ("ham10000", "solar lentigo", "bkl"),
        ("ham10000", "Bowen's disease", "akiec"),
        ("ham10000", "squamous cell carcinoma", None),
        ("pad_ufes_20", "Bowen disease", "SCC"),
        ("pad_ufes_20", "lentigo maligna", "MEL"),
        ("isic2017", "dysplastic nevi", "nevus"),
        ("isic2017", "basal cell carcinoma", None),
        ("isic2017", "nonsense", None),
    ],
)
def test_match(name: str, diagnosis: str, label: str | None) -> None:
    assert match(label_set(name), diagnosis) == label


def test_a_file_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# my clinic\nMM = melanoma\nBCC\n\nseborrheic_keratosis\n", encoding="utf-8")
    assert label_set(path).labels == {
        "MM": "melanoma",
        "BCC": "basal cell carcinoma",
        "seborrheic_keratosis": "seborrheic keratosis",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("melanom\n", r"mine\.txt:1.*melanoma"),
        ("x = gout\n", "no diagnosis 'gout'"),
        ("BCC\nBCC\n", "mine.txt:2.*twice"),
        ("= melanoma\n", "empty"),
        ("\n", "no label"),
    ],
)
def test_a_faulty_file_says_where(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SkinGPTError, match=told):
        label_set(path)


@pytest.mark.parametrize("name", ["nowhere.txt", "", "a\x00b", "."])
def test_no_such_set(name: str) -> None:
    with pytest.raises(SkinGPTError, match="ham10000"):
        label_set(name)


def test_categories_hold_nearly_every_diagnosis() -> None:
    labels = categories()
    assert len(labels.labels) == 23
    assert set(labels.also.values()) == set(labels.labels)
    assert len(set(table()) - set(labels.also)) < 10
    for diagnosis, category in {
        "tinea groin": "Tinea Ringworm Candidiasis and other Fungal Infections",
        "BCC": "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions",
        "cherry angioma": "Vascular Tumors",
        "hives": "Urticaria Hives",
        "nail melanoma": "Melanoma Skin Cancer Nevi and Moles",
    }.items():
        assert match(labels, diagnosis) == category
