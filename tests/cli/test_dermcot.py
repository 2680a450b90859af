"""`skingpt dermcot lint` and `rules`, through the real command: formats, exit codes, and files that are broken."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from skingpt_r1.narrative.lint import RULES
from tests.cli.test_diagnose import skingpt

ANSWER = "<answer>psoriasis | low | soon: dermatologist within weeks</answer>"
GOOD = f"<think>A scaly red plaque. Psoriasis fits.</think>{ANSWER}"
BAD = GOOD.replace("A scaly", "The file name says so: a firm nodule is scaly, a")


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_findings_are_lines_and_a_table_ends_them(tmp_path: Path) -> None:
    done = skingpt(
        "dermcot", "lint", str(lines(tmp_path / "a.jsonl", {"id": "x", "narrative": BAD}, {"id": 2, "text": GOOD}))
    )
    assert done.returncode == 1, done.stderr
    first = next(line for line in done.stdout.splitlines() if "file-name-leak" in line)
    start = BAD.index("file name")
    assert first.startswith(f'x:{start}-{start + 9}: error file-name-leak: "file name"')
    assert "2 texts, 0 unreadable rows" in done.stdout
    assert "50.0%" in done.stdout
    assert done.stderr == ""


def test_json_and_rules_and_severity(tmp_path: Path) -> None:
    path = str(lines(tmp_path / "a.jsonl", {"id": "x", "narrative": BAD}))
    done = skingpt("dermcot", "lint", "--json", "--rule", "file-name-leak", path)
    *findings, last = (json.loads(line) for line in done.stdout.splitlines())
    assert [f["rule"] for f in findings] == ["file-name-leak"]
    assert BAD[findings[0]["start"] : findings[0]["end"]] == findings[0]["found"] == "file name"
    assert last == {"summary": {"texts": 1, "unreadable_rows": 0, "share_of_texts": {"file-name-leak": 1.0}}}
    done = skingpt("dermcot", "lint", "--rule", "repetition", "--severity", "error", path)
    assert done.returncode == 0
    done = skingpt("dermcot", "lint", "--rule", "nonsense", path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_other_peoples_formats(tmp_path: Path) -> None:
    alpaca = [{"instruction": "Look.", "input": "", "output": BAD, "history": [["a", "b"]]}]
    sharegpt = [
        {
            "conversations": [{"from": "human", "value": "file name?"}, {"from": "gpt", "value": BAD}],
            "images": ["a.jpg"],
        }
    ]
    chat = [{"id": "c", "messages": [{"role": "assistant", "content": [{"type": "text", "text": BAD}]}]}]
    for name, rows in (("alpaca", alpaca), ("sharegpt", sharegpt), ("chat", chat)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(rows, indent=1))
        done = skingpt("dermcot", "lint", "--json", "--rule", "file-name-leak", str(path))
        assert done.returncode == 1, (name, done.stderr)
        assert len(done.stdout.splitlines()) == 2, name
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps({"narrative": BAD}).encode()))
    assert skingpt("dermcot", "lint", str(packed)).returncode == 1


def test_the_case_of_a_row_is_used(tmp_path: Path) -> None:
    row = {
        "id": 1,
        "text": "It is a large lesion of a 45 year old.",
        "history": {"age": 71},
        "measured": [["size", "small"]],
    }
    done = skingpt("dermcot", "lint", "--json", str(lines(tmp_path / "a.jsonl", row)))
    rules = {json.loads(line).get("rule") for line in done.stdout.splitlines()}
    assert {"against-history", "against-measurement"} <= rules


def test_bad_rows_get_one_line_each_and_good_ones_are_done(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        json.dumps({"id": "good", "narrative": GOOD}).encode(),
        b'{"id": "latin", "narrative": "na\xefve"}',
        b'{"id": "no text"}',
        json.dumps({"id": "good", "narrative": GOOD}).encode(),
        b"[1, 2]",
        b'{"id": "empty", "narrative": "  "}',
        b'{"id": "cut", "narrative": "The',
        b'{"id": "long", "narrative": "' + b"a" * (9 * 2**20) + b'"}',
        b'{"id": "number", "narrative": 7}',
        b"[" * 100_000,
        b'{"id": "history", "narrative": "x", "history": {"shoe": 42}}',
        json.dumps({"id": "last\nrow\ud800", "narrative": BAD}).encode(),
    ]
    path.write_bytes(b"\n".join(rows))
    done = skingpt("dermcot", "lint", str(path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    complaints = done.stderr.splitlines()
    assert [f"a.jsonl:{n}:" in line for n, line in zip(range(2, 12), complaints, strict=True)] == [True] * 10, (
        complaints
    )
    assert "malformed JSON" in complaints[5]
    assert "2 texts, 10 unreadable rows" in done.stdout
    assert "file-name-leak" in done.stdout


def test_files_that_are_no_rows(tmp_path: Path) -> None:
    for name, content, word in (
        ("empty.jsonl", b"", "no rows"),
        ("list.json", b"[]", "no rows"),
        ("utf16.jsonl", '{"id": 1}'.encode("utf-16"), "UTF-16"),
        ("cut.json", b'[{"id": 1, "text": "It is dry."},\n {"id": 2, "te', "cut.json:2"),
        ("object.json", b'{\n "id": 1\n}', "one line"),
        ("broken.jsonl.gz", gzip.compress(b'{"id": 1}' * 99)[:30], "cannot be read"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        done = skingpt("dermcot", "lint", str(path))
        assert done.returncode == 2, name
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert word in done.stderr
    done = skingpt("dermcot", "lint", str(tmp_path / "missing.jsonl"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_the_rules_are_listed() -> None:
    done = skingpt("dermcot", "rules", "--json")
    assert [json.loads(line)["rule"] for line in done.stdout.splitlines()] == list(RULES)
    done = skingpt("dermcot", "rules")
    assert all(name in done.stdout for name in RULES)
