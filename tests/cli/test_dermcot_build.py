"""`skingpt dermcot build` and `export` through the real command, on what people really hand in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_diagnose import ROOT, skingpt
from tests.dermcot.server import Reply, serving
from tests.sources.pictures import lesion


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A semicolon table in which hardly a row is like the next."""
    for n in range(5):
        lesion(n).save(tmp_path / f"{n}.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:900])
    table = [
        "\ufefffile;befund;patient;note".encode(),
        "0.jpg;melanoma;Müller;a".encode(),
        b"1.jpg;nevus;Smith;b",
        b"gone.jpg;nevus;Smith;c",
        b"1.jpg;nevus;Smith;the same id",
        "2.jpg;nevus;M\xfcller;another encoding".encode("latin-1"),
        b"3.jpg;blorp;Smith;e",
        b"4.jpg;nevus;Smith;" + b"f" * (2 * 2**20),
        b"cut.jpg;nevus;Smith;g",
        b"4.jpg;nevus;Smith;h;i;j",
    ]
    (tmp_path / "rows.csv").write_bytes(b"\r\n".join(table) + b"\r\n")
    return tmp_path / "rows.csv"


def test_good_rows_are_built_and_exported_and_each_bad_one_has_its_line(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    words = ("dermcot", "build", str(rows), "--column", "label=befund", "--out", str(out))
    done = skingpt(*words)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    complaints = [line for line in done.stderr.splitlines() if line.startswith("skingpt: ")]
    expected = (
        ":6: is not UTF-8",
        ":8: 2 MB long",
        ":10: 6 cells",
        ":4: no file 'gone.jpg'",
        ":5: the id '1.jpg'",
        "label 'blorp'",
    )
    assert len(complaints) == len(expected), complaints
    assert all(any(part in line for line in complaints) for part in expected), complaints
    report = json.loads((out / "report.json").read_text())
    assert (report["cases"], report["kept"]) == (4, 2)
    assert report["rejected"] == {"the label 'blorp' is no diagnosis of the knowledge table": 1, "not described": 1}
    assert len(report["merged"]["problems"]) == 6 and "blorp" in report["merged"]["unknown_labels"]
    again = skingpt(*words, "--resume")
    assert again.returncode == 2 and "2 of 4 cases kept" in again.stdout
    given = skingpt("dermcot", "export", str(out), "--out", str(tmp_path / "given"), "--form", "sharegpt")
    assert given.returncode == 0 and len((tmp_path / "given" / "corpus.jsonl").read_text().splitlines()) == 2


def test_a_model_behind_a_url_describes(tmp_path: Path) -> None:
    (tmp_path / "mine" / "melanoma").mkdir(parents=True)
    lesion(1).save(tmp_path / "mine" / "melanoma" / "1.jpg")
    words = ["dermcot", "build", str(tmp_path / "mine"), "--out", str(tmp_path / "out"), "--describer-model", "seer"]
    with serving(
        [Reply(b"", 429, {"Retry-After": "0"}), Reply("A lesion with dark brown areas. It is a melanoma.")]
    ) as server:
        command = [
            sys.executable,
            "-m",
            "skingpt_r1.cli.main",
            *words,
            "--describer",
            server.url,
            "--describer-key-env",
            "SEER",
        ]
        environment = {**os.environ, "SEER": "sk-secret"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 2 and server.requests[1][1]["Authorization"] == "Bearer sk-secret"
    (entry,) = [json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_text().splitlines()]
    assert entry["said"].startswith("A lesion with") and entry["dropped"][0][0] == "melanoma"
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["describer"].startswith("seer at 127.0.0.1:")
    assert all("sk-secret" not in path.read_text() for path in (tmp_path / "out").iterdir())
    done = skingpt("dermcot", "build", "--out", str(tmp_path / "x"), "--describer-model", "seer")
    assert done.returncode == 2 and "--describer URL" in done.stderr
    words[4] = str(tmp_path / "other")
    done = skingpt(*words, "--describer", server.url)  # nobody listens there any more
    assert done.returncode == 2 and "no connection" in done.stderr and "Traceback" not in done.stderr
