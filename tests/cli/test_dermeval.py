"""`skingpt dermeval` through the real command; the judge is the tests' own, which knows nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skingpt_r1.dermeval.rubric import DIMENSIONS
from tests.cli.test_diagnose import ROOT, skingpt
from tests.dermeval.judges import TEXT
from tests.sources.pictures import lesion

JUDGED = """
from skingpt_r1.dermeval import judging
from tests.dermeval.judges import FakeJudge
fake = FakeJudge()
judging.load_judge = lambda *_, **__: fake
from skingpt_r1.cli.main import main
main()
"""


def judged(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", JUDGED, *words]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(2):
        lesion(n).save(tmp_path / f"{n}.jpg")
    rows = [{"id": f"c{n}", "image": f"{n % 2}.jpg", "text": TEXT + "." * n} for n in range(6)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_score_then_agree(folder: Path) -> None:
    out = folder / "out.jsonl"
    done = judged("dermeval", "score", str(folder / "in.jsonl"), "--out", str(out), "--batch", "4")
    assert done.returncode == 0 and "6 of 6 cases judged" in done.stdout.replace("\n", ""), done.stderr
    assert "6/6" in done.stderr and "s left" in done.stderr
    again = judged("dermeval", "score", str(folder / "in.jsonl"), "--out", str(out))
    assert again.returncode == 2 and "--resume" in again.stderr and len(again.stderr.splitlines()) == 1
    assert judged("dermeval", "score", str(folder / "in.jsonl"), "--out", str(out), "--resume").returncode == 0

    rows = [f"c{n},{4 - n / 4},4,4,3,2,1" for n in range(6)]
    (folder / "human.csv").write_text("\n".join([f"id,{','.join(DIMENSIONS)}", *rows, "c9,5,5,5,5,5,9"]) + "\n")
    done = judged("dermeval", "agree", str(out), str(folder / "human.csv"), "--out", str(folder / "agreed"))
    assert done.returncode == 2 and "description_precision is '9'" in done.stderr and "Traceback" not in done.stderr
    assert "no spread" in done.stdout and "6 cases in both" in done.stdout
    told = json.loads((folder / "agreed" / "agreement.json").read_text())
    assert told["n"] == 6 and told["dimensions"]["safety"]["bias"] == {"value": 1, "low": 1, "high": 1}
    assert (folder / "agreed" / "bland-altman.png").stat().st_size > 20_000


def test_a_failed_case_is_exit_status_2(folder: Path) -> None:
    with (folder / "in.jsonl").open("a") as stream:
        stream.write('{"id": "gone", "image": "gone.jpg", "text": ""}\n')
    done = judged("dermeval", "score", str(folder / "in.jsonl"), "--out", str(folder / "out.jsonl"))
    assert done.returncode == 2 and "1 of 7 cases could not be judged" in done.stderr
    assert json.loads((folder / "out.jsonl").read_text().splitlines()[-1])["failed"] == "the text is empty."


def test_explain_tells_scores_intervals_critique_and_evidence(folder: Path) -> None:
    (folder / "text.txt").write_text(TEXT)
    words = ("dermeval", "explain", str(folder / "0.jpg"), str(folder / "text.txt"), "--history", "age=63")
    done = judged(*words)
    assert done.returncode == 0, done.stderr
    for part in ("Description Precision", "4.5 to 5.0", "irregular border", "support 0.21", "research and education"):
        assert part in done.stdout
    told = json.loads(judged(*words, "--json").stdout)
    assert told["scores"]["safety"] == 5 and told["evidence"] == ["irregular border: support 0.21"]


def test_explain_refuses_with_one_line(folder: Path) -> None:
    (folder / "empty.txt").write_text("")
    (folder / "latin.txt").write_bytes("Läsion".encode("latin-1"))
    (folder / "good.txt").write_text(TEXT)
    for image, text, reason in (
        ("0.jpg", "empty.txt", "the text is empty"),
        ("0.jpg", "latin.txt", "is not UTF-8"),
        ("0.jpg", "gone.txt", "cannot be read"),
        ("gone.jpg", "good.txt", "no such file"),
    ):
        done = judged("dermeval", "explain", str(folder / image), str(folder / text))
        assert done.returncode == 2 and reason in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_the_rubric_is_printed() -> None:
    told = skingpt("dermeval", "rubric")
    assert told.returncode == 0 and "Medical Groundedness: " in told.stdout and "earns: " in told.stdout
    assert len(json.loads(skingpt("dermeval", "rubric", "--json").stdout)["dimensions"]) == 6


def test_a_corpus_is_scored_by_it(folder: Path) -> None:
    (folder / "mine" / "melanoma").mkdir(parents=True)
    lesion(1).save(folder / "mine" / "melanoma" / "1.jpg")
    out = folder / "corpus"
    words = ("dermcot", "build", str(folder / "mine"), "--out", str(out), "--scorer", "dermeval", "--least-score", "0")
    done = judged(*words)
    assert done.returncode == 0, done.stderr
    (entry,) = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    assert entry["score"]["scorer"] == "fake 1" and entry["kept"]
    assert json.loads((out / "settings.json").read_text())["scorer"] == "fake 1"
    other = judged(*words[:5], "--least-score", "0", "--resume")
    assert other.returncode == 2 and "another scorer" in other.stderr


def test_a_backbone_that_is_missing_is_told_before_anything_is_looked_at(folder: Path) -> None:
    words = ("--corpus", str(folder), "--runs", str(folder / "runs"), "--backbone", str(folder / "Vision-R1-7B"))
    done = skingpt("dermeval", "train", *words)
    assert done.returncode == 2 and "Vision-R1-7B: no folder here" in done.stderr and "Traceback" not in done.stderr
