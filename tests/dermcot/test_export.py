"""An exported corpus, read back by the libraries that others will read it with."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import numpy as np
import pytest
from PIL import Image

from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.export import Form, export
from skingpt_r1.dermcot.stages import BuildConfig
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import Case, History, Modality, SkinGPTError
from tests.dermcot.test_build import tools

NAMES = ("melanoma", "melanocytic nevus", "basal cell carcinoma")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cases in two splits; every picture carries a camera's EXIF with a person's name."""
    folder = tmp_path_factory.mktemp("corpus")
    cases = []
    for i in range(12):
        exif = Image.Exif()
        exif[0x013B] = "Jane Doe"  # Artist
        path = folder / f"p{i}.jpg"
        Image.fromarray(np.full((40, 50, 3), 20 * i, np.uint8)).save(path, exif=exif)
        name = NAMES[i % 3]
        cases.append(
            Case(
                f"../p {i}",
                str(path),
                Modality.DERMOSCOPY,
                "mine",
                History(age=40 + i),
                name,
                name,
                split="val" if i % 4 == 0 else "train",
            )
        )
    build(BuildConfig(history_share=1), tools(), cases, folder / "built", resume=False)
    return folder / "built"


@pytest.fixture(scope="module")
def exported(corpus: Path) -> Path:
    folder, problems = export(corpus, corpus.parent / "given", list(Form))
    assert not problems
    return folder


def test_rows_name_pictures_inside_the_folder_without_their_metadata(exported: Path) -> None:
    rows = [json.loads(line) for line in (exported / "corpus.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    for row in rows:
        picture = (exported / row["image"]).resolve()
        assert picture.is_relative_to(exported.resolve())
        assert b"Jane" not in picture.read_bytes()
        assert parse(row["text"]).diagnosis == row["diagnosis"]
        assert not Path(row["image"]).is_absolute()
    means = [np.asarray(Image.open(exported / row["image"])).mean() for row in rows]
    assert means == pytest.approx([20 * i for i in range(12)], abs=2)  # each row has its own picture


def test_hugging_face_datasets_reads_the_parquet_files(exported: Path, tmp_path: Path) -> None:
    import datasets

    files = {split: str(exported / "data" / f"{split}.parquet") for split in ("train", "val")}
    read = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
    assert {split: len(rows) for split, rows in read.items()} == {"train": 9, "val": 3}
    first = read["train"][0]
    assert first["image"].size == (50, 40)
    assert json.loads(first["history"]) == {"age": 41.0}
    assert first["text"].startswith("<think>")


def test_sharegpt_has_one_picture_a_conversation_and_an_index(exported: Path) -> None:
    index = json.loads((exported / "dataset_info.json").read_text())
    assert set(index) == {"dermcot_train", "dermcot_val"}
    for entry in index.values():
        assert entry["formatting"] == "sharegpt"
        turns = json.loads((exported / entry["file_name"]).read_text())
        for row in turns:
            asked, said = row["conversations"]
            assert (asked["from"], said["from"]) == ("human", "gpt")
            assert asked["value"].count("<image>") == len(row["images"]) == 1
            assert "age 4" in asked["value"] or "age 5" in asked["value"]
            assert row["id"] not in asked["value"] and "melan" not in asked["value"]  # no leak
            assert (exported / row["images"][0]).is_file()


def test_croissant_is_valid_and_gives_the_rows(exported: Path) -> None:
    read = mlcroissant.Dataset(exported / "croissant.json")
    assert not read.metadata.ctx.issues.errors
    rows = list(read.records("cases"))
    assert len(rows) == 12
    assert rows[1]["cases/diagnosis"] == b"melanocytic nevus"
    assert rows[0]["cases/score"] == pytest.approx(5, abs=1)


def test_the_card_tells_the_run(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    for told in (
        "\n12 cases",
        "9 train, 3 val",
        "| melanoma | 4 |",
        "| seed | 0 |",
        "data/val.parquet",
        "no dermatologist",
    ):
        assert told in card


def test_a_picture_that_is_gone_is_told_and_the_others_are_exported(corpus: Path, tmp_path: Path) -> None:
    lines = (corpus / "corpus.jsonl").read_text().splitlines()
    for name in ("settings.json", "report.json"):
        (tmp_path / name).write_text((corpus / name).read_text())
    gone = json.loads(lines[0])
    gone["case"]["image"] = str(tmp_path / "gone.jpg")
    (tmp_path / "corpus.jsonl").write_text("\n".join([json.dumps(gone), *lines[1:], lines[1]]) + "\n")
    folder, problems = export(tmp_path, tmp_path / "given", [Form.SHAREGPT])
    assert len(problems) == 2
    assert "corpus.jsonl:1" in problems[0] and "gone.jpg" in problems[0]
    assert "corpus.jsonl:13" in problems[1] and "ids of their own" in problems[1]
    assert len((folder / "corpus.jsonl").read_text().splitlines()) == 11
    assert not (folder / "data").exists()


def test_nothing_half_written(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("skingpt_r1.dermcot.export._parquet", full)
    with pytest.raises(OSError, match="No space"):
        export(corpus, tmp_path / "given", list(Form))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_says_why(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match="no finished corpus"):
        export(tmp_path, tmp_path / "given", [])
    (tmp_path / "there").mkdir()
    with pytest.raises(SkinGPTError, match="exists already"):
        export(corpus, tmp_path / "there", [])


def test_lines_that_are_no_entries_get_one_line_each_and_the_others_are_exported(corpus: Path, tmp_path: Path) -> None:
    lines = (corpus / "corpus.jsonl").read_bytes().splitlines(keepends=True)
    for name in ("settings.json", "report.json"):
        (tmp_path / name).write_text((corpus / name).read_text())
    entry = json.loads(lines[0])
    bad = [
        b'{"schema": 1, "case": {"id": "p\n',
        b'{"id": "na\xefve"}\n',
        b"[1, 2]\n",
        json.dumps({**entry, "text": None}).encode() + b"\n",
        json.dumps({**entry, "case": {**entry["case"], "split": "../../etc"}}).encode() + b"\n",
        json.dumps({**entry, "score": None}).encode() + b"\n",
        b'{"text": "' + b"a" * (200 * 2**20) + b'"}\n',
    ]
    (tmp_path / "corpus.jsonl").write_bytes(b"".join([*lines[:6], *bad, *lines[6:]]))
    folder, problems = export(tmp_path, tmp_path / "given", [Form.SHAREGPT])
    assert len((folder / "corpus.jsonl").read_text().splitlines()) == 12
    assert [f"corpus.jsonl:{n}:" in problem for n, problem in enumerate(problems, 7)] == [True] * 7, problems
    words = ("malformed JSON", "not UTF-8", "no entry", "no entry", "no entry", "no entry", "200 MB long")
    assert [word in problem for word, problem in zip(words, problems, strict=True)] == [True] * 7


def test_a_damaged_report_is_told(corpus: Path, tmp_path: Path) -> None:
    for name in ("settings.json", "report.json", "corpus.jsonl"):
        (tmp_path / name).write_bytes((corpus / name).read_bytes())
    (tmp_path / "report.json").write_text('{"cases": ')
    with pytest.raises(SkinGPTError, match=r"report\.json: cannot be read"):
        export(tmp_path, tmp_path / "given", [])
