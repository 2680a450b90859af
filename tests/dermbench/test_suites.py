"""What a suite holds: references from experts alone, the same bytes every time, and only the pictures that it names."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.dermbench.suites import manifest, openly, published
from skingpt_r1.dermbench.suites.card import card, markdown, write_card
from skingpt_r1.dermbench.suites.reference import reference_of
from skingpt_r1.dermcot.stages import given
from skingpt_r1.narrative.lint import Severity, lint
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Case, CaseError, History, Modality, SkinGPTError
from skingpt_r1.sources.registry import load
from tests.dermbench.small import cases, small_suite
from tests.sources.pictures import lesion


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network of ours refuses to be loaded here: a reference must come about without."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was asked")

    for name in ("segmenter.load_segmenter", "concepts.load_concepts", "diagnose.load", "segmenter.frozen_encoder"):
        monkeypatch.setattr(f"skingpt_r1.models.{name}", refuse)
    monkeypatch.setattr("skingpt_r1.models.segmenter.Segmenter.probability", refuse)
    monkeypatch.setattr("skingpt_r1.dermcot.build.confusions", refuse)


BARE = Case("1", "/nowhere/1.jpg", Modality.DERMOSCOPY, "ham10000", label="mel", diagnosis="melanoma")


def test_nothing_is_invented_where_nothing_was_recorded() -> None:
    made = reference_of(BARE)  # there is no picture to look at
    read = parse(made.text)
    assert made.made == ("label",)
    assert [c.key for c in read.claims] == [("modality", "dermoscopy", True)]
    assert (read.diagnosis, read.confidence, str(read.urgency)) == ("melanoma", "moderate", "urgent")
    assert read.hypotheses[0].diagnosis == "melanoma" and len(read.hypotheses) >= 3
    with pytest.raises(CaseError, match="no diagnosis"):
        reference_of(dataclasses.replace(BARE, diagnosis=None))


def test_history_concepts_and_mask_are_told_and_nothing_else(tmp_path: Path) -> None:
    history = History(age=71, site="back", bleed=True, grew=False, skin_type=2)
    told = parse(reference_of(BARE, history).text)
    keys = {c.key for c in told.claims}
    assert {k for k in keys if k[0] in HISTORY_CONCEPTS} == {
        ("age", "71", True), ("site", "back", True), ("bleed", "yes", True), ("grew", "yes", False),
    }  # fmt: skip
    seen = reference_of(dataclasses.replace(BARE, concepts=("TRBL", "ESA", "no such code")))
    structures = {c.value for c in parse(seen.text).claims if c.concept == "structure"}
    assert structures == {"thick reticular or branched lines", "eccentric structureless area"}
    assert "concepts" in seen.made
    lesion(3).save(tmp_path / "3.png")
    texts = []
    for name, radius in (("small", 30), ("large", 85)):
        y, x = np.mgrid[:150, :200]
        Image.fromarray((((x - 100) ** 2 + (y - 75) ** 2 < radius**2) * 255).astype(np.uint8)).save(
            tmp_path / name, "PNG"
        )
        case = dataclasses.replace(BARE, image=str(tmp_path / "3.png"), mask=str(tmp_path / name))
        made = reference_of(case)
        assert made.made[:2] == ("label", "mask")
        texts.append({c.value for c in parse(made.text).claims if c.concept == "size"})
    assert texts == [{"small"}, {"large"}]  # measured inside the mask that the expert drew


def test_a_suite_is_the_same_bytes_every_time_and_notices_edits(tmp_path: Path) -> None:
    suite = small_suite(tmp_path, 7)
    path = tmp_path / "suite" / manifest.MANIFEST
    first = path.read_bytes()
    assert small_suite(tmp_path, 7).digest == suite.digest and path.read_bytes() == first
    assert manifest.read(tmp_path / "suite") == suite
    assert str(tmp_path).encode() not in first  # paths are below the data folder
    told = dict(json.loads(first.splitlines()[2]))
    assert told["id"] == "ham10000/1" and told["image"] == "images/1.png" and told["group"] == "ham10000/P1"
    assert told["history"] == {"age": 41.0, "site": "back"} and "41" in told["with_history"]
    assert "41" not in told["reference"]
    path.write_bytes(first.replace(b"melanoma", b"melanomi", 1))
    with pytest.raises(SkinGPTError, match="changed after it was built"):
        manifest.read(tmp_path / "suite")
    path.write_bytes(first[:-40])
    with pytest.raises(SkinGPTError, match=r"manifest\.jsonl:8: damaged"):
        manifest.read(tmp_path / "suite")
    with pytest.raises(SkinGPTError, match="skingpt bench build"):
        manifest.read(tmp_path / "elsewhere")


def test_pictures_are_looked_for_and_compared(tmp_path: Path) -> None:
    suite = small_suite(tmp_path, 3)
    assert [p.name for p in manifest.pictures(suite, tmp_path).values()] == ["0.png", "1.png", "2.png"]
    lesion(9).save(tmp_path / "images" / "1.png")
    with pytest.raises(SkinGPTError, match=r"another picture .*1 of 3"):
        manifest.pictures(suite, tmp_path)
    (tmp_path / "images" / "0.png").unlink()
    with pytest.raises(SkinGPTError, match="--data"):
        manifest.pictures(suite, tmp_path)


def test_a_limit_keeps_the_shares(tmp_path: Path) -> None:
    rows = [openly.row_of(case, tmp_path) for case in cases(tmp_path, 3)]
    many = [dataclasses.replace(rows[0 if n % 4 else 1], id=f"r{n}") for n in range(40)]
    kept = manifest.stratified(many, 12)
    assert Counter(r.label for r in kept) == {"nv": 9, "mel": 3}
    assert kept == manifest.stratified(many[:], 12) and [r.id for r in kept] == sorted(
        (r.id for r in kept), key=lambda i: int(i[1:])
    )
    assert {r.id for r in manifest.stratified(many, 8)} < {r.id for r in kept}
    assert manifest.stratified(many, None) == many == manifest.stratified(many, 99)
    full = manifest.Suite("s", "1", None, tuple(many))
    assert full.digest != dataclasses.replace(full, limit=40).digest


def test_the_card_names_rows_licences_limits_and_digest(tmp_path: Path) -> None:
    suite = small_suite(tmp_path, 7)
    told = card(suite)
    assert told["rows"] == {"ham10000": {"bcc": 2, "mel": 2, "nv": 3}} and told["digest"] == suite.digest
    assert told["reference_made_from"] == {"label": 7}
    assert told["reference_with_history_made_from"]["history"] == 3
    text = markdown(told)
    assert "CC BY-NC 4.0" in text and suite.digest in text and "No model has a say" in text
    write_card(suite, tmp_path / "card")
    assert json.loads((tmp_path / "card" / "card.json").read_text()) == told


def test_the_open_suite_of_the_real_folders(data_root: Path) -> None:
    mine = [
        case
        for name in ("ham10000", "pad_ufes_20", "isic2017")
        for case in [c for c in load(name, data_root) if c.split == "test"][:25]
    ]
    suite = openly.suite_of(mine, data_root)
    assert {row.source for row in suite.rows} == {"ham10000", "isic2017", "pad_ufes_20"}
    for row, case in zip(suite.rows, mine, strict=True):
        for text, history in ((row.reference, History()), (row.with_history, case.history)):
            if text is None:
                continue
            wrong = [
                f
                for f in lint(text, given(dataclasses.replace(case, history=history), ()))
                if f.severity is Severity.ERROR
            ]
            assert not wrong, (row.id, wrong)
            assert parse(text).diagnosis == case.diagnosis
    assert all((row.with_history is not None) == (row.source == "pad_ufes_20") for row in suite.rows)


def texts(path: Path, rows: list[dict[str, str]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def test_published_texts_meet_the_users_pictures(tmp_path: Path) -> None:
    images = tmp_path / "dermnet"
    for n, place in enumerate(("Acne/a1.jpg", "Moles/b2.jpg", "twice/c3.jpg", "again/c3.jpg")):
        (images / place).parent.mkdir(parents=True, exist_ok=True)
        lesion(n).save(images / place)
    rows = [
        {
            "id": "1",
            "category": "Acne",
            "diagnosis": "PityriasisAlba",
            "image_path": "Acne/a1.jpg",
            "narrative": "Pale.",
        },
        {
            "id": "2",
            "category": "Nevi",
            "diagnosis": "x",
            "image_path": "elsewhere/b2.jpg",
            "narrative": "b2.jpg shows it.",
        },
        {"id": "3", "category": "Nevi", "diagnosis": "x", "image_path": "else/c3.jpg", "narrative": "Twice."},
        {"id": "4", "category": "Nevi", "diagnosis": "x", "image_path": "gone.jpg", "narrative": "Gone."},
        {"id": "5", "category": "Nevi", "diagnosis": "x", "image_path": "gone.jpg", "narrative": " "},
    ]
    found = published.build(images, texts(tmp_path / "texts.jsonl.gz", rows))
    assert [row.id for row in found.suite.rows] == ["1", "2"]
    assert [row.image for row in found.suite.rows] == ["Acne/a1.jpg", "Moles/b2.jpg"]
    assert found.suite.rows[0].diagnosis == "pityriasis alba" and found.suite.rows[1].diagnosis is None
    assert found.suite.rows[1].reference == "b2.jpg shows it." and found.suite.rows[1].flags
    assert found.missing == ("else/c3.jpg", "gone.jpg")  # a name that two files have matches neither
    assert len(found.problems) == 1 and ":5: has no narrative" in found.problems[0]
    with pytest.raises(SkinGPTError, match="dermnetnz"):
        published.build(tmp_path / "none", tmp_path / "texts.jsonl.gz")
    with pytest.raises(SkinGPTError, match="yuhos16"):
        published.build(images, tmp_path / "no.jsonl.gz")
    with pytest.raises(SkinGPTError, match="none of the 1 pictures"):
        published.build(images, texts(tmp_path / "other.gz", rows[3:4]))
    with pytest.raises(SkinGPTError, match="stands twice"):
        published.build(images, texts(tmp_path / "twice.gz", [rows[0], rows[0]]))
    with pytest.raises(SkinGPTError, match=r"no text can be used; the first.* has no narrative"):
        published.build(images, texts(tmp_path / "none.gz", rows[4:]))
    whole = (tmp_path / "texts.jsonl.gz").read_bytes()
    (tmp_path / "half.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SkinGPTError, match="get it again"):
        published.build(images, tmp_path / "half.gz")
    (tmp_path / "split.jsonl").write_text(json.dumps({**rows[0], "narrative": "\ud83d"}) + "\n" + json.dumps(rows[1]))
    assert "half a character" in published.build(images, tmp_path / "split.jsonl").problems[0]


def test_two_texts_of_one_file_name_get_no_picture_by_it(tmp_path: Path) -> None:
    lesion(0).save(tmp_path / "a.jpg")  # a flat copy, in which one picture took the other's place
    rows = [
        {"id": c, "category": c, "diagnosis": "x", "image_path": f"{c}/a.jpg", "narrative": "A."}
        for c in ("Acne", "Nevi")
    ]
    rows.append({**rows[0], "id": "3", "image_path": "a.jpg"})
    found = published.build(tmp_path, texts(tmp_path / "t.gz", rows))
    assert [row.id for row in found.suite.rows] == ["3"] and len(found.missing) == 2
