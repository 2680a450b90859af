"""Figures of made answers, checked by hand; subgroups claim nothing of few; the table tells what is missing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from skingpt_r1.dermbench.classify.answers import Answer, Run, State, write_run
from skingpt_r1.dermbench.classify.figures import figures, subgroups
from skingpt_r1.dermbench.classify.table import DASH, as_json, markdown, runs_in, tabulate
from skingpt_r1.records import SkinGPTError

LABELS: dict[str, str | None] = {"mel": "melanoma", "nv": "melanocytic nevus", "akiec": "actinic keratosis"}


def answer(case: str, truth: str, said: str | None, p: tuple[float, ...] | None = None, **more: Any) -> Answer:
    state = State.ANSWERED if said else State.FAILED
    shares = None if p is None else dict(zip(LABELS, p, strict=True))
    fields = {"probability": shares, "confidence": None if p is None else max(p)} | more
    return Answer(case, state, truth, said, said == truth, case, **fields)


def eight(prefix: str = "t") -> Run:
    rows = [
        ("mel", "mel", (0.8, 0.1, 0.1)), ("mel", "nv", (0.3, 0.6, 0.1)), ("nv", "nv", (0.1, 0.9, 0.0)),
        ("nv", "nv", (0.2, 0.8, 0.0)), ("nv", "mel", (0.7, 0.3, 0.0)), ("nv", "nv", (0.25, 0.75, 0.0)),
        ("akiec", "akiec", (0.0, 0.0, 1.0)), ("akiec", None, None),
    ]  # fmt: skip
    answers = tuple(answer(f"{prefix}{i}", truth, said, p) for i, (truth, said, p) in enumerate(rows))
    return Run("a system", "ham10000", "test", LABELS, answers)


def test_eight_cases_by_hand() -> None:
    told = figures(eight())
    value = {name: estimate.value for name, estimate in told.found.items()}
    assert value["accuracy"] == 5 / 8 and value["accuracy_answered"] == 5 / 7
    assert value["balanced_accuracy"] == pytest.approx((1 / 2 + 3 / 4 + 1 / 2) / 3)
    assert value["balanced_accuracy_answered"] == pytest.approx((1 / 2 + 3 / 4 + 1) / 3)
    assert value["macro_f1"] == pytest.approx((2 / 4 + 6 / 8 + 2 / 3) / 3)
    assert (
        value["sensitivity"] == 1 / 2 and value["specificity"] == 4 / 6
    )  # precancer is not malignant, none is not said
    # mel against rest: 0.8 beats 5 of 5, 0.3 beats 4 of 5; nv: 2 pairs of 4 x 3 lost (0.3 to 0.6); akiec: all won
    assert value["auroc"] == pytest.approx((9 / 10 + 11 / 12 + 1) / 3)
    assert value["brier"] == pytest.approx((0.06 + 0.86 + 0.02 + 0.08 + 0.98 + 0.125 + 0) / 7)
    assert told.curve[-1] == pytest.approx((1.0, 2 / 7)) and told.curve[0][1] == 0
    assert told.chance == pytest.approx(1 / 3)
    for estimate in told.found.values():
        assert estimate.low is not None and estimate.value is not None and estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high


def test_calibration_error_by_hand() -> None:
    rows = [answer("a", "mel", "mel", (0.8, 0.1, 0.1)), answer("b", "mel", "nv", (0.15, 0.85, 0.0))]
    told = figures(Run("s", "x", "test", LABELS, tuple(rows)))
    assert told.found["calibration_error"].value == pytest.approx(abs((0.8 + 0.85) / 2 - 0.5))


def test_no_answer_does_not_pay() -> None:
    """A system that keeps silent where it errs gains nothing but in the column that says so."""
    run = eight()
    silent = tuple(
        a if a.right else dataclasses.replace(a, state=State.FAILED, said=None, probability=None) for a in run.answers
    )
    before, after = figures(run), figures(dataclasses.replace(run, answers=silent))
    for name in ("accuracy", "balanced_accuracy"):
        assert after.found[name].value == before.found[name].value
    assert after.found["accuracy_answered"].value == 1.0
    assert after.found["sensitivity"].value == before.found["sensitivity"].value


def test_pending_cases_count_in_accuracy_only() -> None:
    run = eight()
    more = tuple(Answer(f"p{i}", State.PENDING, None, None, False, f"p{i}") for i in range(2))
    told = figures(dataclasses.replace(run, answers=run.answers + more))
    assert told.expected == 10 and told.states["pending"] == 2
    assert told.found["accuracy"].value == 5 / 10
    assert told.found["balanced_accuracy"] == figures(run).found["balanced_accuracy"]


def test_probabilities_of_some_cases_only_give_no_figure() -> None:
    run = eight()
    first = dataclasses.replace(run.answers[0], probability=None, confidence=None)
    told = figures(dataclasses.replace(run, answers=(first, *run.answers[1:])))
    assert not {"auroc", "brier", "calibration_error", "aurc"} & told.found.keys()
    assert "no probability" in told.why["auroc"] and "no confidence" in told.why["aurc"] and not told.curve


def test_the_threshold_comes_from_val_of_the_same_system() -> None:
    run = eight()
    val = dataclasses.replace(eight("v"), split="val")
    told = figures(run, val)
    # val: the malignant score 0.8 and 0.3, so 0.3 is the highest threshold with sensitivity 0.9; a nevus has 0.7
    assert told.found["specificity_at"].value == 4 / 5 and told.found["sensitivity_at"].value == 1.0
    assert "specificity_at" not in told.why
    shared = figures(run, dataclasses.replace(eight("t"), split="val"))
    assert "specificity_at" not in shared.found and "shares patients" in shared.why["specificity_at"]
    first = dataclasses.replace(run.answers[0], probability=None)
    partly = figures(dataclasses.replace(run, answers=(first, *run.answers[1:])), val)
    assert "specificity_at" not in partly.found  # of those that tell a probability alone it would be of what suits


def test_a_share_of_all_or_none_has_the_exact_interval() -> None:
    told = figures(Run("s", "x", "test", LABELS, tuple(answer(str(i), "mel", "mel") for i in range(3)))).found
    assert told["sensitivity"].value == 1 and told["sensitivity"].low == pytest.approx(0.025 ** (1 / 3))


def test_runs_asked_in_another_way_are_rows_of_their_own(tmp_path: Path) -> None:
    for way in ("", " (history)"):
        run = dataclasses.replace(eight(), system=f"a system{way}")
        write_run(tmp_path / f"{len(way)}.answers.json", run)
    assert [row.system for row in tabulate(runs_in([tmp_path]))] == ["a system", "a system (history)"]


def test_told_thresholds_need_the_same_system() -> None:
    run, val = eight(), dataclasses.replace(eight("v"), split="val")
    with pytest.raises(ValueError, match="are not a system's"):
        figures(run, dataclasses.replace(val, system="another"))


def test_subgroups_say_nothing_of_few() -> None:
    many = [
        answer(f"m{i}", "nv", "nv" if i else "mel", described={"skin_type": 2, "age": 30.0, "sex": "male"})
        for i in range(10)
    ]
    few = [answer(f"f{i}", "mel", "mel", described={"skin_type": "V-VI", "age": "75 and over"}) for i in range(9)]
    told = {(g.by, g.value): g for g in subgroups(many + few)}
    assert list(told) == [
        ("skin_type", "II"), ("skin_type", "V-VI"), ("age", "30-44"), ("age", "75 and over"),
        ("sex", "male"), ("sex", "not recorded"),
    ]  # fmt: skip
    two = told["skin_type", "II"]
    assert (two.n, two.accuracy.value, two.balanced_accuracy.value) == (10, 0.9, 0.9) and two.accuracy.low is not None
    assert told["skin_type", "V-VI"].n == 9 and told["skin_type", "V-VI"].accuracy.value is None


def test_age_bands_hold_every_age() -> None:
    told = subgroups([answer(f"a{age}", "nv", "nv", described={"age": float(age)}) for age in range(121)])
    assert [(g.value, g.n) for g in told] == [
        ("0-29", 30), ("30-44", 15), ("45-59", 15), ("60-74", 15), ("75 and over", 46),
    ]  # fmt: skip


def test_the_table_tells_what_is_missing(tmp_path: Path) -> None:
    run = eight()
    plain = tuple(dataclasses.replace(a, probability=None, confidence=None) for a in run.answers)
    baseline = dataclasses.replace(run, system="majority", answers=plain, baseline=True)
    for name, one in (("a", run), ("b", baseline), ("c", dataclasses.replace(eight("v"), split="val"))):
        write_run(tmp_path / f"{name}.answers.json", one)
    rows = tabulate(runs_in([tmp_path]))
    assert [row.system for row in rows] == ["a system", "majority"]
    text = markdown(rows)
    assert "## HAM10000 (subset), test" in text and "Chance: 0.333" in text
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "7/8 (1 failed)" in lines["a system"] and "0.625 (" in lines["a system"]
    assert lines["majority"].count(DASH) == 6  # AUROC, at sensitivity (2), calibration, Brier, AURC
    told = json.loads(as_json(rows))
    assert told[0]["found"]["accuracy"]["value"] == 0.625 and told[1]["why"]["auroc"]


def test_no_table_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match="no log of the classification benchmark"):
        runs_in([tmp_path])
    with pytest.raises(SkinGPTError, match="no such file"):
        runs_in([tmp_path / "gone"])
    write_run(tmp_path / "c.answers.json", dataclasses.replace(eight(), split="val"))
    with pytest.raises(SkinGPTError, match="only runs on split val"):
        tabulate(runs_in([tmp_path]))
