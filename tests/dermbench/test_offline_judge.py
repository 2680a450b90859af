"""The offline judge: full marks for what tells the same, less where it is damaged, nothing for asking."""

from __future__ import annotations

import math
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("inspect_ai")

from inspect_ai.dataset import Sample

from skingpt_r1.dermbench.judges import offline_judge
from skingpt_r1.dermbench.judges.advice import TOO_LATE, read_advice
from skingpt_r1.dermbench.judges.offline import Compared, compared
from skingpt_r1.dermbench.judges.rules import points
from skingpt_r1.dermbench.judges.told import told
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermeval.degrade.apply import DAMAGES, degraded
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS, manipulated
from skingpt_r1.dermeval.degrade.styles import GRAMMAR, PROSE, REPORT
from skingpt_r1.dermeval.degrade.subject import Pool, certified
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.training.lessons import kept_aside
from skingpt_r1.knowledge.diagnoses import BY_URGENCY
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import CaseError, Urgency
from tests.dermbench.evals import replayed, run
from tests.dermeval.subjects import PROSE as BY_OTHERS
from tests.dermeval.subjects import pool, subject
from tests.narrative.samples import TEXT

TRIED = 6
FAINT = {
    ("label leaked", "reasoning_coherence"),  # a leak costs groundedness here, and coherence only where a rule breaks
    ("rests on what speaks against", "medical_groundedness"),  # needs the picture or measured counts
    ("rests on what speaks against", "reasoning_coherence"),  # seen in our grammar only, and there in half of the texts
    ("wrong symptom", "clinical_coverage"),
    ("unsafe advice", "medical_groundedness"),  # only a dose is a rule of groundedness
}


@cache
def donors() -> Pool:
    return pool()


@cache
def sound(number: int, style: str) -> Compared:
    made = subject(number, style)
    return compared(made.text, made.text, made.history)


@cache
def damaged(name: str) -> list[tuple[Compared, Compared]]:
    """(as it was, damaged at its strongest) where it can be done; the sound text is the reference."""
    found = []
    for number in range(TRIED):
        style = (GRAMMAR, PROSE, REPORT)[number % 3]
        was = subject(number, style)
        made = degraded(was, [(name, DAMAGES[name].severities[-1])], random.Random(number), donors())
        if made is not None and made.text != was.text:
            found.append((sound(number, style), compared(made.text, was.text, was.history)))
    return found


@pytest.mark.parametrize("style", [GRAMMAR, PROSE, REPORT])
def test_the_same_told_in_another_form_has_full_marks(style: str) -> None:
    for number in range(TRIED):
        made = subject(number, style)
        assert compared(made.text, subject(number).text, made.history).mean > 4.9


BY_TEXT = [name for name, kind in DAMAGES.items() if kind.family != "picture"]


@pytest.mark.parametrize("name", BY_TEXT)
def test_damage_of_a_known_dimension_lowers_that_dimension(name: str) -> None:
    pairs = damaged(name)
    assert pairs
    for dimension, scores in DAMAGES[name].lowers.items():
        if scores[-1] < 5 and (name, dimension) not in FAINT:
            fell = np.mean([was.scores[dimension] - now.scores[dimension] for was, now in pairs])
            assert fell > 0, (dimension, [now.reasons[dimension] for _, now in pairs])


def test_damaged_texts_rank_below_their_originals() -> None:
    below = [now.mean < was.mean for name in BY_TEXT for was, now in damaged(name)]
    assert len(below) > 100 and np.mean(below) > 0.85  # measured 0.94 on more subjects


def test_a_danger_that_is_called_harmless_costs_accuracy_and_safety_most() -> None:
    for _, now in damaged("malignant called benign"):
        assert now.scores["accuracy"] <= 1 and now.scores["safety"] <= 2
        assert "called benign" in now.reasons["accuracy"]
        assert min(now.scores, key=lambda d: now.scores[d]) in ("accuracy", "safety")


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_nothing_rises_by_asking(name: str) -> None:
    for number in range(3):
        made = subject(number, PROSE)
        tried = manipulated(made.text, name, random.Random(number))
        assert compared(tried, made.text, made.history).mean <= sound(number, PROSE).mean


def test_another_case_as_reference_scores_low_and_the_critique_says_why() -> None:
    found = compared(subject(0).text, subject(3).text)
    assert found.mean < sound(0, GRAMMAR).mean - 1
    assert all(name.replace("_", " ").title() in found.critique for name in DIMENSIONS)
    assert found.critique.count("\n") == 5


def test_it_says_the_same_each_time() -> None:
    assert [compared(BY_OTHERS[0], BY_OTHERS[1]) for _ in range(3)] == [compared(BY_OTHERS[0], BY_OTHERS[1])] * 3


@pytest.mark.parametrize(
    "text", ["", " \n", "Der Fleck ist dunkel und hat einen unscharfen Rand, man sollte ihn zeigen."]
)
def test_what_cannot_be_read_is_an_error_and_no_score(text: str) -> None:
    with pytest.raises(CaseError):
        compared(text, subject(0).text)


ADVICE = {
    "A dermatologist should see this within two weeks.": BY_URGENCY.index(Urgency.URGENT),
    "It should be shown to a dermatologist soon, within weeks.": BY_URGENCY.index(Urgency.SOON),
    "A doctor should look at it at the next visit.": BY_URGENCY.index(Urgency.ROUTINE),
    "It can be watched; any change should be shown to a doctor.": BY_URGENCY.index(Urgency.SELF_WATCH),
    "No visit is needed now, but a doctor should see it if it changes.": BY_URGENCY.index(Urgency.SELF_WATCH),
    "No visit is needed unless it bleeds for months.": TOO_LATE,
    "A doctor may look at it in two or three years.": TOO_LATE,
    "I recommend that you consult a dermatologist.": None,
    "This is not urgent; mention it to a doctor at the next routine check-up.": BY_URGENCY.index(Urgency.ROUTINE),
    "There is no need for immediate medical attention; monitor it at home.": BY_URGENCY.index(Urgency.SELF_WATCH),
    "Do not delay an urgent referral to a dermatologist.": BY_URGENCY.index(Urgency.URGENT),
    "The patient is 63 years old. A dermatologist should see this within two weeks.": BY_URGENCY.index(Urgency.URGENT),
    "It has grown over two years. A dermatologist should see this within two weeks.": BY_URGENCY.index(Urgency.URGENT),
}


@pytest.mark.parametrize("said", ADVICE)
def test_urgency_is_read_in_plain_words(said: str) -> None:
    text = f"The lesion is dark brown with an irregular border. It is probably a melanoma. {said}"
    told = read_advice(text, parse(text))
    assert told.given and told.level == ADVICE[said]


def test_as_a_scorer_of_inspect(tmp_path: Path) -> None:
    reference, history = subject(0).text, subject(0).history.known()
    samples = [
        Sample("", id=1, metadata={"text": subject(0, PROSE).text, "reference": reference, "history": history}),
        Sample("", id=2, target=reference, metadata={"text": " "}),
        Sample("", id=3, metadata={"text": subject(0, PROSE).text}),
        Sample("", id=4, target=reference, metadata={"text": subject(0, PROSE).text, "history": {"shoe": 42}}),
    ]
    log = run(samples, [offline_judge()], tmp_path, solver=replayed())
    assert log.samples is not None
    told = [s.scores["offline_judge"] for s in log.samples if s.scores]
    assert isinstance(told[0].value, dict) and list(told[0].value) == [*DIMENSIONS, MEAN]
    assert told[0].value[MEAN] == pytest.approx(compared(subject(0, PROSE).text, reference, subject(0).history).mean)
    assert [s.reason for s in told[1:]] == ["no_response", "scoring_failed", "scoring_failed"]
    assert all(isinstance(s.value, float) and math.isnan(s.value) for s in told[1:])


def test_damaged_certified_texts_mostly_rank_below_their_originals(data_root: Path) -> None:
    aside = [s for s in certified(data_root / "dermbench_text" / "narratives.jsonl.gz") if kept_aside(s)]
    part = random.Random(0).sample(sorted(aside, key=lambda s: s.id), 12)
    below, groups = [], []
    for made in part:
        rng = random.Random(f"free {made.id}")
        kinds = rng.sample(list(DAMAGES.values()), len(DAMAGES))
        tried = (degraded(made, [(kind.name, kind.severities[-1])], rng, Pool([])) for kind in kinds)
        for worse in [d for d in tried if d is not None][:2]:
            below.append(compared(worse.text, made.text).mean < compared(made.text, made.text).mean)
            groups.append(made.id)
    share = np.array(below, dtype=float)
    low, _ = interval(lambda rows: float(share[rows].mean()), groups)
    assert len(share) >= 20 and share.mean() > 0.7 and low > 0.5  # 0.88 (0.83 to 0.93) on 120 pairs


def test_a_reference_that_describes_nothing_makes_no_finding_an_invention() -> None:
    label_alone = (
        "<think>\n[observation] Dermoscopic image.\n[category] melanocytic, malignant suspected.\n"
        "[differential] melanoma: nothing decisive. melanocytic nevus: nothing decisive.\n"
        "[synthesis] Nothing here decides.\n</think>\n"
        "<answer>melanoma | high | urgent: see a dermatologist within two weeks</answer>"
    )
    made = points(told(TEXT), told(label_alone))
    for dimension in ("accuracy", "medical_groundedness", "description_precision"):
        assert not any("does not have" in why or "not in the reference: " in why for why in made[dimension].why)
    assert made["accuracy"].score == 5
    described = points(told(TEXT), told(TEXT.replace("red areas, ", "")))
    assert any("not in the reference" in why for why in described["description_precision"].why)
