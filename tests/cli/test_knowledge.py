"""The contract of `skingpt knowledge`, through the real command."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from skingpt_r1.cli.main import main

GOOD = {"id": "a", "narrative": "In conclusion, this is most consistent with **Psoriasis vulgaris**."}


def skingpt(*words: str) -> subprocess.CompletedProcess[str]:
    """The whole command, errors and exit status included, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["skingpt", "knowledge", *words])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def lines_of(path: Path, *lines: dict[str, object] | bytes) -> Path:
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines) + b"\n")
    return path


def test_good_lines_are_done_and_bad_ones_named(tmp_path: Path) -> None:
    file = lines_of(
        tmp_path / "mixed.jsonl",
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        {"id": 2, "narrative": "It is psoriasis or scabies."},
        b"",
        b'{"id": "latin", "narrative": "caf\xe9"}',
        {"id": "a", "narrative": "It is scabies."},
        {"narrative": "no id"},
        b'{"id": "broken", "narrative": "Mela',
        {"id": "x", "text": "no narrative"},
        b"[1, 2]",
        {"id": ["list"], "narrative": "It is scabies."},
        {"id": "\ud800", "narrative": "The diagnosis is scabies."},
    )
    done = skingpt("extract", str(file))
    assert done.returncode == 2
    first, second, last = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {"id": "a", "diagnosis": "psoriasis", "span": [46, 64]}
    assert GOOD["narrative"][46:64] == "Psoriasis vulgaris"
    assert second == {"id": 2, "diagnosis": None, "span": None, "reason": "several final answers: psoriasis, scabies"}
    assert (last["id"], last["diagnosis"]) == ("\ud800", "scabies")
    complaints = done.stderr.splitlines()
    told = {
        4: "UTF-8",
        5: "line 1",
        6: "without id",
        7: "not JSON",
        8: "without narrative",
        9: "object",
        10: "whole number",
    }
    assert len(complaints) == len(told), done.stderr
    for complaint, (number, words) in zip(complaints, told.items(), strict=True):
        assert f"{file}:{number}: " in complaint and words in complaint


def test_out_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    assert skingpt("extract", str(tmp_path / "missing.jsonl"), "--out", str(out)).returncode == 2
    assert out.read_text() == "before"
    file = lines_of(tmp_path / "in.jsonl", GOOD, b"{")
    done = skingpt("extract", str(file), "--out", str(out))
    assert done.returncode == 2 and done.stdout == ""
    assert [json.loads(line)["diagnosis"] for line in out.read_text().splitlines()] == ["psoriasis"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "holds no line"), (b"\n\n", "holds no line"), (b"\xff\xfe{\x00}\x00", "UTF-16")]
)
def test_a_file_without_a_usable_line_gets_one_sentence(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(content)
    done = skingpt("extract", str(file))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and told in done.stderr and str(file) in done.stderr


def test_packed_files_are_read_and_torn_ones_named(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(json.dumps({**GOOD, "id": i}).encode() + b"\n" for i in range(2000)))
    whole, torn = tmp_path / "whole.jsonl.gz", tmp_path / "torn.jsonl.gz"
    whole.write_bytes(packed)
    torn.write_bytes(packed[: len(packed) // 2])
    done = skingpt("extract", str(whole))
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2000 and done.stderr == ""
    done = skingpt("extract", str(torn))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_show_tells_what_the_table_and_the_counts_hold() -> None:
    shown = skingpt("show", "naevi")
    assert shown.returncode == 0
    for words in ("melanocytic nevus", "D22", "2F20", "self-watch", "speaks against it", "Laplace"):
        assert words in shown.stdout
    found = json.loads(skingpt("show", "melanoma", "--json").stdout)
    assert found["family"] == ["neoplastic", "melanocytic", "malignant melanocytic"]
    first = found["findings"][0]
    assert set(first) == {"concept", "value", "lr", "low", "high", "n", "source", "telling"}
    assert first["low"] > 1 and first["n"] > 100 and "Derm7pt" in first["source"]
    marked = found["expert_features"]
    assert set(marked[0]) == {"concept", "value", "p", "low", "high", "present", "n", "source", "small"}
    tables = {table["name"]: table for table in found["expert_tables"]}
    assert set(tables) == {row["source"] for row in marked}
    assert all(table["licence"] and table["note"] for table in tables.values())


def test_show_tells_what_experts_mark_within_a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = skingpt("show", "acne").stdout
    for words in ("commonest features of acne", "lesion: comedo", "of 121", "SkinCon", "DermXDB", "Wilson", "~"):
        assert words in shown, words
    assert "No table counts" not in shown
    assert max(map(len, shown.splitlines())) <= 100
    assert "No table counts findings of it." in skingpt("show", "tinea nigra").stdout


def test_compare_tells_what_only_experts_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    plot = tmp_path / "plot.png"
    done = skingpt("compare", "acne", "psoriasis", "--plot", str(plot))
    assert done.returncode == 0 and "acne against psoriasis, as experts marked" in done.stdout
    assert "e+0" not in done.stdout and max(map(len, done.stdout.splitlines())) <= 100
    assert plot.read_bytes().startswith(b"\x89PNG")
    found = json.loads(skingpt("compare", "acne", "psoriasis", "--json").stdout)
    assert found["findings"] == [] and len(found["expert_findings"]) > 20 and found["expert_smoothing"]


def test_no_ratio_comes_from_criteria_that_were_asked_for_within_one_diagnosis() -> None:
    found = json.loads(skingpt("compare", "melanoma", "nevus", "--json").stdout)
    sources = {f["source"] for f in found["findings"] + found["expert_findings"]}
    assert found["expert_findings"] and not any("HAM10000 concepts" in source for source in sources)


def test_compare_shows_and_draws(tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    done = skingpt("compare", "melanoma", "mole", "--plot", str(plot))
    assert done.returncode == 0 and "melanoma against melanocytic nevus" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    found = json.loads(skingpt("compare", "melanoma", "mole", "--json").stdout)
    assert (found["one"], found["other"]) == ("melanoma", "melanocytic nevus") and found["findings"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "melanom"), "Did you mean: melanoma"),
        (("compare", "melanoma", "nevvus"), "Did you mean: melanocytic nevus"),
        (("compare", "melanoma", "wart"), "No table counts findings of both"),
        (("compare", "melanoma", "MEL"), "same diagnosis"),
    ],
)
def test_wrong_words_get_one_line(words: tuple[str, ...], told: str) -> None:
    done = skingpt(*words)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and told in done.stderr
