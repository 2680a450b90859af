"""A corpus from labelled pictures: blind description, what is kept, and a killed build that ends like a calm one."""

from __future__ import annotations

import dataclasses
import json
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from skingpt_r1.dermcot.build import build, confusions
from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.dermcot.scoring import DermEvalScorer, LintScorer
from skingpt_r1.dermcot.stages import BuildConfig, Tools, blind, entry_of, rivals
from skingpt_r1.dermcot.variety import variety
from skingpt_r1.dermeval.judging import load_judge
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.lint import lint
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import Case, CaseError, Claim, History, Modality, SkinGPTError
from tests.dermeval.judges import FakeJudge
from tests.sources.pictures import lesion

CLAIMS = (
    ScoredClaim(Claim("modality", "dermoscopy"), 0.99),
    ScoredClaim(Claim("symmetry", "asymmetric"), 0.9),
    ScoredClaim(Claim("border", "irregular"), 0.9),
    ScoredClaim(Claim("colour", "dark brown"), 0.9),
)


def cases(n: int) -> list[Case]:
    names = ("melanoma", "melanocytic nevus", "basal cell carcinoma")
    return [
        Case(f"p{i}", f"p{i}.jpg", Modality.DERMOSCOPY, "mine", label=names[i % 3], diagnosis=names[i % 3])
        for i in range(n)
    ]


def tools(**changes: object) -> Tools:
    made = Tools(lambda case: CLAIMS, LintScorer(), {"melanoma": {"melanocytic nevus": 0.3}})
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_the_describer_never_sees_what_tells_the_label() -> None:
    seen: list[Case] = []

    def describe(case: Case) -> Sequence[ScoredClaim]:
        seen.append(case)
        return CLAIMS

    case = dataclasses.replace(cases(1)[0], concepts=("TRBL",), history=History(age=50))
    entry = entry_of(case, tools(describe=describe), BuildConfig())
    assert (seen[0].label, seen[0].diagnosis, seen[0].concepts) == (None, None, None)
    assert seen[0] == blind(case) and seen[0].history.age == 50
    assert entry.kept and entry.text is not None and parse(entry.text).diagnosis == "melanoma"
    assert not [f for f in lint(entry.text) if f.rule == "label-leak"]


def test_the_history_is_told_or_withheld_and_the_prompt_gives_the_same() -> None:
    history = ScoredClaim(Claim("age", "50"), 0.85)
    case = dataclasses.replace(cases(1)[0], history=History(age=50, skin_type=2))
    for share, expected in ((1.0, History(age=50)), (0.0, History())):
        config = BuildConfig(history_share=share)
        made = [
            entry_of(dataclasses.replace(case, id=f"p{i}"), tools(describe=lambda _: (*CLAIMS, history)), config)
            for i in range(20)
        ]
        assert {entry.history for entry in made} == {expected}
        told = {c.concept for entry in made for c in parse(entry.text or "").claims}
        assert ("age" in told) == (share == 1.0)
    half = [entry_of(dataclasses.replace(case, id=f"p{i}"), tools(), BuildConfig()) for i in range(200)]
    assert 70 < sum(entry.history.age == 50 for entry in half) < 130


def test_the_shipped_confusions_are_shares_of_known_diagnoses() -> None:
    for name, called in confusions().items():
        assert name in table() and set(called) <= set(table())
        assert sum(called.values()) == pytest.approx(1, abs=0.01)


def test_a_broken_table_of_confusions_is_named(tmp_path: Path) -> None:
    (tmp_path / "confusions.json").write_text('{"melanoma": 3}')
    with pytest.raises(SkinGPTError, match="confusions"):
        confusions(tmp_path / "confusions.json")


def test_an_unknown_label_and_an_unreadable_picture_are_entries_with_a_reason() -> None:
    def fails(case: Case) -> Sequence[ScoredClaim]:
        raise CaseError(f"{case.image}: is truncated; copy it again.")

    unknown = dataclasses.replace(cases(1)[0], label="blorp", diagnosis=None)
    assert "blorp" in entry_of(unknown, tools(), BuildConfig()).why
    broken = entry_of(cases(1)[0], tools(describe=fails), BuildConfig())
    assert not broken.kept and "truncated" in broken.why
    assert "not reasoned" in entry_of(cases(1)[0], tools(describe=lambda case: ()), BuildConfig()).why


def test_a_score_below_the_least_rejects() -> None:
    entry = entry_of(cases(1)[0], tools(), BuildConfig(least_score=5.1))
    assert not entry.kept and "lint score" in entry.why and entry.text


def test_dermeval_scores_what_was_told_and_refuses_with_a_reason(tmp_path: Path) -> None:
    lesion(0).save(tmp_path / "p0.jpg")
    judge = FakeJudge()
    scorer = DermEvalScorer(lambda: judge)
    case = dataclasses.replace(cases(1)[0], image=str(tmp_path / "p0.jpg"), history=History(age=50, skin_type=2))
    config = BuildConfig(least_score=0, history_share=1.0)
    entry = entry_of(case, tools(scorer=scorer), config)
    assert entry.kept and entry.score is not None and entry.text is not None
    assert entry.score.value == round((5 - len(entry.text) % 40 / 10 + 15) / 6, 2)
    assert entry.score.scorer == scorer.name == "fake 1" and entry.score.reason
    entry_of(case, tools(scorer=scorer), dataclasses.replace(config, history_share=0.0))
    assert judge.histories == [History(age=50), History()]
    gone = entry_of(dataclasses.replace(case, image="gone.jpg"), tools(scorer=scorer), config)
    assert not gone.kept and gone.score is None and gone.text and gone.why.startswith("not scored: gone.jpg")
    assert pickle.loads(pickle.dumps(DermEvalScorer(load_judge))).load is load_judge  # Ray is sent a name


def test_rivals_are_what_the_classifier_confuses_before_what_the_table_says() -> None:
    first = [rivals("melanoma", {"melanoma": {"melanocytic nevus": 0.6}}, random.Random(i))[0] for i in range(50)]
    assert set(first) == {"melanocytic nevus"}
    assert "melanoma" not in rivals("melanoma", {}, random.Random(0)) != ()


def test_a_finished_folder_is_not_overwritten_and_other_settings_are_refused(tmp_path: Path) -> None:
    build(BuildConfig(), tools(), cases(6), tmp_path / "a", resume=False)
    with pytest.raises(SkinGPTError, match="--resume"):
        build(BuildConfig(), tools(), cases(6), tmp_path / "a", resume=False)
    with pytest.raises(SkinGPTError, match="another seed"):
        build(BuildConfig(seed=1), tools(), cases(6), tmp_path / "a", resume=True)
    told = json.loads((tmp_path / "a" / "report.json").read_text())
    assert told["kept"] == 6 and told["variety"]["texts"] == 6


KILLED = """
import os, sys
from pathlib import Path
from skingpt_r1.dermcot.build import build, confusions
from skingpt_r1.dermcot.stages import BuildConfig
from tests.dermcot.test_build import CLAIMS, cases, tools
left = [int(sys.argv[2])]
def describe(case):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), 9)
    return CLAIMS
build(BuildConfig(), tools(describe=describe), cases(24), Path(sys.argv[1]), resume=True, workers=3)
"""


def test_kill_9_at_random_moments_ends_in_the_bytes_of_a_calm_build(tmp_path: Path) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    build(BuildConfig(), tools(), cases(24), calm, resume=False)
    for survives in (1, 5, 9):
        done = subprocess.run([sys.executable, "-c", KILLED, str(killed), str(survives)], check=False)
        assert done.returncode == -9
    with (killed / "journal.jsonl").open("a") as stream:
        stream.write('{"schema": 1, "case": {"id": "p')  # what a kill in the middle of a write leaves
    build(BuildConfig(), tools(), cases(24), killed, resume=True)
    for name in ("journal.jsonl", "corpus.jsonl", "rejected.jsonl", "report.json", "settings.json"):
        assert (killed / name).read_bytes() == (calm / name).read_bytes()


def test_variety_tells_copies_from_near_copies_and_others() -> None:
    text = "It shows an asymmetric shape, an irregular border and dark brown areas in a small lesion of the left arm."
    text = f"{text} The history notes recent growth and no bleeding of this lesion in the last weeks."
    near = text.replace("weeks", "months")
    other = "Nothing of this sentence stands in any of the others, so nobody will call it their duplicate."
    found = variety([text, text, near, other])
    assert (found.identical, found.near_duplicates) == (0.5, 0.75)
    assert found.commonest[0][1] == 3 and found.commonest[0][0].startswith("It shows") and 0 < found.distinct_2 < 1
    assert variety([]).texts == 0
