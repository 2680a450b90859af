"""`skingpt data` on small folders made here: what it prints, writes and returns."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from skingpt_r1.cli.data import app
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.folder import read_folder
from tests.sources.pictures import lesion


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


def _collection(folder: Path) -> Path:
    """Two patients a label; a copy of a training picture, resized, is a test row."""
    rows = ["image,label,patient,split,age"]
    for n, label in enumerate(["melanoma", "melanoma", "nevus", "nevus"]):
        folder.mkdir(exist_ok=True)
        lesion(n).save(folder / f"{n}.png")
        rows.append(f"{n}.png,{label},p{n},train,{50 + n}")
    lesion(0).resize((120, 120)).save(folder / "copy.png")
    rows.append("copy.png,melanoma,p9,test,50")
    (folder / "rows.csv").write_text("\n".join(rows))
    return folder / "rows.csv"


def test_check_finds_the_leak_the_label_and_the_broken_picture(tmp_path: Path) -> None:
    table = _collection(tmp_path / "mine")
    (tmp_path / "mine" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with table.open("a") as rows:
        rows.write("\nbroken.png,warzt,p10,val,40\n")
    result = _run("check", table)
    assert result.exit_code == 1
    assert "on two sides: rows/0.png (train), rows/copy.png (test)" in result.stdout
    assert "label 'warzt' (1 rows)" in result.stdout
    assert "broken.png: " in result.stdout
    assert "5 pictures" not in result.stdout and "6 pictures" in result.stdout


def test_check_of_a_clean_collection_succeeds(tmp_path: Path) -> None:
    for n, label in enumerate(["melanoma", "nevus"]):
        (tmp_path / "mine" / label).mkdir(parents=True)
        lesion(n).save(tmp_path / "mine" / label / "1.png")
    result = _run("check", tmp_path / "mine")
    assert (result.exit_code, "0 problems" in result.stdout) == (0, True)


def test_split_keeps_copies_together_and_is_read_back(tmp_path: Path) -> None:
    table = _collection(tmp_path / "mine")
    out = tmp_path / "made" / "split.csv"
    result = _run("split", table, "--out", out, "--fractions", "0.5,0,0.5", "--seed", "1")
    assert result.exit_code == 0, result.output
    report = read_folder(out)
    assert not report.problems
    split = {Path(case.image).stem: case.split for case in report.cases}
    assert split["0"] == split["copy"] and set(split.values()) == {"train", "test"}
    first = next(case for case in report.cases if case.id == "0.png")
    assert (first.label, first.group, first.history.age) == ("melanoma", "split:p0", 50)


def test_errors_reach_the_caller_unprinted(tmp_path: Path) -> None:
    assert isinstance(_run("check", tmp_path / "nowhere").exception, SkinGPTError)
    assert isinstance(_run("list", "--data", tmp_path).exception, SkinGPTError)
    table = _collection(tmp_path / "mine")
    out = tmp_path / "out.csv"
    assert isinstance(_run("split", table, "--out", out, "--fractions", "1").exception, SkinGPTError)
    assert isinstance(_run("split", table, "--out", out, "--column", "image").exception, SkinGPTError)
    assert not out.exists()


def test_list_shows_the_public_sets(data_root: Path) -> None:
    result = _run("list", "--data", data_root)
    assert result.exit_code == 0, result.output
    for part in ("ham10000_hires", "2,640 / 299 / 756", "CC BY-NC 4.0", "BCC 293"):
        assert part in result.stdout
