"""The public sets as Cases. Expected counts: README.md of the data folder, counted by its makers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from skingpt_r1.knowledge.diagnoses import get
from skingpt_r1.records import CaseError, Modality, SkinGPTError
from skingpt_r1.sources import registry

ROWS = {
    "ham10000": (2640, 299, 756),
    "ham10000_hires": (1095, 126, 0),
    "isic2017": (1991, 149, 299),
    "pad_ufes_20": (748, 108, 99),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_splits_and_diagnoses(data_root: Path, name: str) -> None:
    cases = registry.load(name, data_root)
    splits = Counter(case.split for case in cases)
    assert (splits["train"], splits["val"], splits["test"]) == ROWS[name]
    assert len({case.id for case in cases}) == len(cases)
    for case in cases:
        assert case.dataset == name and Path(case.image).is_file()
        assert case.diagnosis is not None and get(case.diagnosis).name == case.diagnosis
    assert {case.modality for case in cases} == {registry.SOURCES[name].modality}


def test_history_of_pad_is_honest(data_root: Path) -> None:
    cases = {case.id: case for case in registry.load("pad_ufes_20", data_root)}
    grew = Counter(case.history.grew for case in cases.values())
    assert grew == {True: 439, False: 352, None: 164}  # True, False, UNK in cases.csv
    assert all(case.modality is Modality.CLINICAL and case.concepts is None for case in cases.values())
    known = {name for case in cases.values() for name in case.history.known()}
    assert known == {
        "age", "sex", "site", "skin_type",
        "itch", "grew", "hurt", "changed", "bleed", "elevation", "diameter_mm",
    }  # fmt: skip
    first = cases["PAT_1006_53_385"]
    assert (first.history.age, first.history.sex, first.history.site) == (63, None, "forearm")
    assert (first.label, first.diagnosis, first.group) == ("ACK", "actinic keratosis", "PAT_1006")


def test_concepts_only_where_an_expert_looked(data_root: Path) -> None:
    cases = registry.load("ham10000", data_root)
    assert sum(case.concepts is not None for case in cases) == 1493  # concept_annotated is True in cases.csv
    assert {case.label for case in cases if case.concepts is not None} <= {"mel", "nv"}
    assert sum(case.mask is not None for case in cases) == 2940 - 1  # masks/ holds the training rows
    assert not any(case.history.age == 0 for case in cases)


def _write(root: Path, rows: str, source: str = "pad_ufes_20") -> Path:
    folder = root / source
    folder.mkdir(parents=True)
    (folder / "cases.csv").write_text(rows, encoding="utf-8")
    return root


def test_biopsied_never_reaches_a_case(tmp_path: Path) -> None:
    header = "image_id,file,label,split,age,sex,site,biopsed,itch,diameter_1_mm,diameter_2_mm\n"
    root = _write(tmp_path, header + "P1,images/P1.jpg,BCC,train,60,UNK,FACE,True,UNK,4.0,9.5\n")
    (case,) = registry.load("pad_ufes_20", root)
    assert case.history.known() == {"age": 60.0, "site": "face", "diameter_mm": 9.5}
    assert "biopsed" not in repr(dataclasses.replace(case, image=""))


def test_unusable_rows_name_the_place(tmp_path: Path) -> None:
    header = "image_id,file,label,split,age\n"
    root = _write(tmp_path, header + "P1,images/P1.jpg,BCC,train,60\nP2,images/P2.jpg,BCC,train,600\n")
    with pytest.raises(CaseError, match=r"cases\.csv:3: .*age=600"):
        registry.load("pad_ufes_20", root)
    root = _write(tmp_path / "second", "image_id,file,label\nP1,images/P1.jpg,BCC\n")
    with pytest.raises(CaseError, match="no column split"):
        registry.load("pad_ufes_20", root)


def test_where_data_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = _write(tmp_path / "shared" / "data", "image_id,file,label,split\n")
    other = _write(tmp_path / "other", "image_id,file,label,split\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv(registry.ENVIRONMENT, raising=False)
    assert registry.data_root(None) == beside
    monkeypatch.setenv(registry.ENVIRONMENT, str(other))
    assert registry.data_root(None) == other
    assert registry.data_root(beside) == beside
    with pytest.raises(SkinGPTError, match=r"own pictures.*doi"):
        registry.data_root(tmp_path / "here")
    with pytest.raises(SkinGPTError, match="no source 'ham'"):
        registry.load("ham", other)
