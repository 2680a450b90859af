"""A corpus filtered anew is the corpus that the other judge would have built."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.rescoring import rescore
from skingpt_r1.dermcot.scoring import DermEvalScorer, LintScorer
from skingpt_r1.dermcot.stages import BuildConfig
from skingpt_r1.records import Case, SkinGPTError
from tests.cli.test_diagnose import skingpt
from tests.dermcot.test_build import cases, tools
from tests.dermeval.judges import FakeJudge
from tests.sources.pictures import lesion

FILES = ("journal.jsonl", "corpus.jsonl", "rejected.jsonl", "report.json")


def pictured(folder: Path, n: int, gone: int | None = None) -> list[Case]:
    made = [dataclasses.replace(case, image=str(folder / case.image)) for case in cases(n)]
    for place, case in enumerate(made):
        if place != gone:
            lesion(place % 3).save(case.image)
    return made


def test_rescoring_gives_the_bytes_of_a_build_by_that_judge(tmp_path: Path) -> None:
    rows = pictured(tmp_path, 80, gone=3)
    rows[1] = dataclasses.replace(rows[1], label="blorp", diagnosis=None)
    judge = DermEvalScorer(FakeJudge)
    build(BuildConfig(), tools(), rows, tmp_path / "lint", resume=False)
    config = BuildConfig(scorer=judge.name, least_score=3.0)
    build(config, tools(scorer=judge), rows, tmp_path / "built", resume=False)
    made = rescore(tmp_path / "lint", judge, 3.0, tmp_path / "rescored", resume=False)
    assert made == tmp_path / "rescored" / "corpus.jsonl"
    for name in FILES:
        assert (tmp_path / "rescored" / name).read_bytes() == (tmp_path / "built" / name).read_bytes()
    report = json.loads((tmp_path / "rescored" / "report.json").read_text())
    assert 0 < report["kept"] < 78 and report["rejected"]["not scored"] == 1
    assert report["rejected"][f"{judge.name} score below 3"] > 1  # however low
    back = rescore(tmp_path / "rescored", LintScorer(), 4.0, tmp_path / "back", resume=False)
    assert back.read_bytes() == (tmp_path / "lint" / "corpus.jsonl").read_bytes()


KILLED = """
import sys
from pathlib import Path
from skingpt_r1.dermcot.rescoring import rescore
from skingpt_r1.dermcot.scoring import DermEvalScorer
from tests.dermeval.judges import FakeJudge
judge = FakeJudge(dies=int(sys.argv[3]))
rescore(Path(sys.argv[1]), DermEvalScorer(lambda: judge), 3.0, Path(sys.argv[2]), resume=True)
"""


def test_kill_9_loses_nothing(tmp_path: Path) -> None:
    rows = pictured(tmp_path, 150)
    build(BuildConfig(), tools(), rows, tmp_path / "lint", resume=False)
    judge = DermEvalScorer(FakeJudge)
    rescore(tmp_path / "lint", judge, 3.0, tmp_path / "calm", resume=False)
    for dies in ("10", "70"):
        words = [sys.executable, "-c", KILLED, str(tmp_path / "lint"), str(tmp_path / "killed"), dies]
        assert subprocess.run(words, check=False).returncode == -9
    assert len((tmp_path / "killed" / "journal.jsonl").read_bytes().splitlines()) in (0, 64)  # whole batches
    rescore(tmp_path / "lint", judge, 3.0, tmp_path / "killed", resume=True, workers=3)
    for name in (*FILES, "settings.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_what_is_no_finished_build_or_another_run_is_refused(tmp_path: Path) -> None:
    rows = pictured(tmp_path, 4)
    with pytest.raises(SkinGPTError, match="no finished build"):
        rescore(tmp_path / "nothing", LintScorer(), 4.0, tmp_path / "out", resume=False)
    assert not (tmp_path / "out").exists()
    build(BuildConfig(), tools(), rows, tmp_path / "lint", resume=False)
    rescore(tmp_path / "lint", LintScorer(), 4.0, tmp_path / "out", resume=False)
    with pytest.raises(SkinGPTError, match="another least_score"):
        rescore(tmp_path / "lint", LintScorer(), 3.0, tmp_path / "out", resume=True)
    build(BuildConfig(seed=1), tools(), rows, tmp_path / "other", resume=False)
    with pytest.raises(SkinGPTError, match="another seed, rescored"):
        rescore(tmp_path / "other", LintScorer(), 4.0, tmp_path / "out", resume=True)
    with pytest.raises(SkinGPTError, match="is itself"):
        rescore(tmp_path / "lint", LintScorer(), 4.0, tmp_path / "lint", resume=True)


def test_the_command_tells_what_was_kept(tmp_path: Path) -> None:
    build(BuildConfig(), tools(), pictured(tmp_path, 6), tmp_path / "lint", resume=False)
    words = ("dermcot", "rescore", str(tmp_path / "lint"), "--out", str(tmp_path / "out"), "--scorer", "lint")
    done = skingpt(*words, "--least-score", "4")
    assert done.returncode == 0 and "6 of 6 cases kept" in done.stdout, done.stderr
    again = skingpt(*words, "--least-score", "4")
    assert again.returncode == 2 and "--resume" in again.stderr and "Traceback" not in again.stderr
