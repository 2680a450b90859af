"""Other people's folders and tables: read what can be read, say plainly what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.records import CaseError, Modality
from skingpt_r1.sources.folder import read_folder


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), (200, 150, 140)).save(path)
    return path


def _table(folder: Path, text: str, encoding: str = "utf-8", name: str = "rows.csv") -> Path:
    for n in "abc":
        _picture(folder / f"{n}.jpg")
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def test_class_folders(tmp_path: Path) -> None:
    _picture(tmp_path / "melanoma" / "1.jpg")
    _picture(tmp_path / "nevus" / "deeper" / "1.PNG")
    _picture(tmp_path / "stray.jpg")
    _picture(tmp_path / ".thumbs" / "1.jpg")
    (tmp_path / "nevus" / "notes.txt").touch()
    report = read_folder(tmp_path, modality=Modality.DERMOSCOPY)
    assert [(c.id, c.label, c.diagnosis) for c in report.cases] == [
        ("melanoma/1.jpg", "melanoma", "melanoma"),
        ("nevus/deeper/1.PNG", "nevus", "melanocytic nevus"),
    ]
    assert {c.modality for c in report.cases} == {Modality.DERMOSCOPY}
    assert len(report.problems) == 1 and "stray.jpg" in report.problems[0]


def test_class_folders_below_splits(tmp_path: Path) -> None:
    _picture(tmp_path / "train" / "melanoma" / "1.jpg")
    _picture(tmp_path / "validation" / "melanoma" / "2.jpg")
    report = read_folder(tmp_path)
    assert [(c.label, c.split) for c in report.cases] == [("melanoma", "train"), ("melanoma", "val")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_encodings(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = ["Bild;Befund;Patient;Alter;Ort", "a.jpg;melanoma;Müller;63;Rücken", "b;nevus;Müller;;"]
    table = _table(tmp_path, "\r\n".join(lines).replace(";", delimiter), encoding)
    mapping = {"image": "Bild", "label": "Befund", "patient": "Patient", "age": "Alter", "site": "Ort"}
    first, second = read_folder(table, mapping).cases
    assert first.history.known() == {"age": 63.0, "site": "rücken"}
    assert first.group == second.group == "rows:Müller"
    assert (second.image, second.diagnosis) == (str(tmp_path / "b.jpg"), "melanocytic nevus")
    assert second.history.known() == {}


def test_usual_column_names_and_excel_line(tmp_path: Path) -> None:
    text = "sep=;\nFile;DX;sex;bleed;split;modality\na.jpg;BCC;F;yes;Training;dermoscopy\n"
    (case,) = read_folder(_table(tmp_path, text)).cases
    assert (case.label, case.diagnosis, case.split) == ("BCC", "basal cell carcinoma", "train")
    assert case.history.known() == {"sex": "female", "bleed": True}
    assert case.modality is Modality.DERMOSCOPY


def test_row_problems_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    text = (
        "image,label,age,split\na.jpg,melanoma,50,train\nmissing.jpg,nevus,50,train\na.jpg,nevus,50,train\n"
        "b.jpg,nevus,500,train\nb.jpg,nevus,50,someday\n,nevus,50,train\nc.jpg,melanomma,UNK,test\n"
    )
    report = read_folder(_table(tmp_path, text))
    assert [(c.id, c.diagnosis) for c in report.cases] == [("a.jpg", "melanoma"), ("c.jpg", None)]
    expected = ["3: no file 'missing.jpg'", "4: the id 'a.jpg'", "5: --history age=500", "6: split 'someday'",
                "7: no picture is named", "label 'melanomma' (1 rows)"]  # fmt: skip
    assert len(report.problems) == len(expected)
    for problem, part in zip(report.problems, expected, strict=True):
        assert part in problem
    assert "Did you mean: melanoma" in report.problems[-1]


def test_label_set_explains_labels(tmp_path: Path) -> None:
    _picture(tmp_path / "xyz" / "1.jpg")
    report = read_folder(tmp_path, labels=LabelSet("mine", {"xyz": "dermatofibroma"}))
    assert report.cases[0].diagnosis == "dermatofibroma" and not report.problems


@pytest.mark.parametrize(
    ("text", "mapping", "said"),
    [
        ("", None, "table is empty"),
        ("\n \n", None, "table is empty"),
        ("image,label\n", None, "header but no row"),
        ("image,label\n,\n", None, "header but no row|no usable row"),
        ("image,image\na.jpg,b.jpg\n", None, "stands twice"),
        ("image,label\na.jpg,nevus,extra\n", None, "rows.csv:2: 3 cells"),
        ("image,label\na.jpg,nevus\n", {"label": "diagnose"}, "no column 'diagnose'. Columns: image, label"),
        ("image,label\na.jpg,nevus\n", {"colour": "label"}, "no field colour"),
        ("photo_name,label\na.jpg,nevus\n", None, "which column names the picture"),
        ("image,label\nx.jpg,nevus\ny.jpg,nevus\n", None, r"no usable row.*x\.jpg.*1 more"),
        ("image\0,label\na.jpg,nevus\n", None, "not a text table"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, mapping: dict[str, str] | None, said: str) -> None:
    with pytest.raises(CaseError, match=said):
        read_folder(_table(tmp_path, text), mapping)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(CaseError, match="no picture in a class folder"):
        read_folder(tmp_path)
    _picture(tmp_path / "nevus" / "1.jpg")
    with pytest.raises(CaseError, match="needs a table"):
        read_folder(tmp_path, {"image": "file"})


def test_our_own_folders_are_readable_as_a_users(data_root: Path) -> None:
    report = read_folder(data_root / "pad_ufes_20", modality=Modality.CLINICAL)
    assert len(report.cases) == 955 and not report.problems  # rows in the README of the data
    assert {c.split for c in report.cases} == {"train", "val", "test"}
