"""What a training step is shown, what it never is, and the margins that are fitted on the rest."""

import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest
import torch

from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.critique import Fault, parse, render
from skingpt_r1.dermeval.degrade.registry import DAMAGES, HELD_OUT_FAMILY
from skingpt_r1.dermeval.degrade.styles import HELD_OUT_STYLE
from skingpt_r1.dermeval.degrade.subject import styled
from skingpt_r1.dermeval.naming import Naming, fit_naming
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.lessons import Lessons, addressed, kept_aside, pictures, trained_kinds
from skingpt_r1.records import SkinGPTError
from tests.dermeval.subjects import by_others, subject

OURS = [subject(n) for n in range(30)]
FREE = [by_others(n) for n in range(4)]


@pytest.fixture(scope="module")
def naming() -> Naming:
    return fit_naming(torch.eye(4, 8), ["melanoma", "melanocytic nevus"] * 2, steps=2)


@pytest.fixture(scope="module")
def lessons(naming: Naming) -> Lessons:
    sights = {image: Sight(embed=torch.zeros(8)) for image in pictures(OURS)}
    return Lessons(EvalConfig(batch=4, group=2), OURS, FREE, sights, naming)


def test_the_same_step_shows_the_same_and_another_something_else(lessons: Lessons) -> None:
    once, again, other = lessons.draw(3), lessons.draw(3), lessons.draw(4)
    assert [e.question.text for e in once] == [e.question.text for e in again]
    assert [e.question.text for e in once] != [e.question.text for e in other]


def test_another_seed_draws_others_of_the_same_texts(lessons: Lessons) -> None:
    other = lessons.by(replace(lessons.config, seed=1))
    assert [s.id for s in other.ours] == [s.id for s in lessons.ours]
    assert [e.question.text for e in other.draw(3)] != [e.question.text for e in lessons.draw(3)]


def test_every_answer_can_be_written_and_read(lessons: Lessons) -> None:
    for step in range(10):
        for example in lessons.draw(step):
            assert parse(render(example.critique)) == example.critique


def test_texts_are_dealt_out_by_length_and_none_twice(lessons: Lessons) -> None:
    lessons.free, kept = [], lessons.free
    try:
        steps = [[len(e.question.text) for e in lessons.draw(step)] for step in range(4)]
        longest = [[max(pair) for pair in zip(step[::2], step[1::2], strict=True)] for step in steps]  # of each group
    finally:
        lessons.free = kept
    hands = sorted(longest, key=min)
    assert all(max(a) <= min(b) for a, b in itertools.pairwise(hands))


def test_the_held_out_family_and_style_are_never_shown(lessons: Lessons) -> None:
    assert HELD_OUT_FAMILY not in {kind.family for kind in trained_kinds()}
    assert len(trained_kinds()) < len(DAMAGES)
    mark = "\n- "  # of the report's lists
    assert all(mark in styled(s, HELD_OUT_STYLE, 0).text for s in OURS)
    faults: Counter[Fault] = Counter()
    for step in range(40):
        for example in lessons.draw(step):
            faults.update(remark.fault for remark in example.critique.remarks)
            if example.question.sight.embed is not None:
                assert mark not in example.question.text
    assert Fault.VAGUE not in faults and Fault.REPEATED not in faults
    assert len(faults) >= 8


def test_a_text_without_its_picture_has_no_fault_that_only_the_picture_shows(lessons: Lessons) -> None:
    unseen = [e for step in range(40) for e in lessons.draw(step) if e.question.sight.embed is None]
    assert unseen
    assert not {r.fault for e in unseen for r in e.critique.remarks} & {Fault.MISNAMED, Fault.UNTOLD}
    assert all(e.question.naming == {} for e in unseen)


def test_what_speaks_to_the_evaluator_is_noted_and_moves_no_score(lessons: Lessons) -> None:
    example = lessons.draw(0)[0]
    text, critique = addressed(example.question.text, example.critique, random.Random(0))
    assert text != example.question.text and critique.scores == example.critique.scores
    assert critique.remarks[-1].fault is Fault.ADDRESSED


def test_peoples_scores_take_the_place_of_ours(naming: Naming) -> None:
    sights = {image: Sight(embed=torch.zeros(8)) for image in pictures(OURS)}
    human = {s.id: (2.0, 3.0, 2.5, 4.0, 1.0, 0.0) for s in OURS}
    shown = Lessons(EvalConfig(group=1, free_share=0.0, addressed_share=0.0), OURS, [], sights, naming, human)
    scores = [e.critique.scores for step in range(8) for e in shown.draw(step)]
    assert {s[2] for s in scores} == {2, 3}  # two and a half, rounded either way
    assert all(s[0] <= 2 and s[5] == 0 for s in scores)


def test_patients_stay_together_when_some_are_kept_aside() -> None:
    share = sum(kept_aside(s) for s in OURS) / len(OURS)
    assert 0 < share < 0.6
    first = OURS[0]
    assert kept_aside(first) == kept_aside(first.reworded("another text"))


def test_nothing_to_learn_from_is_an_error(naming: Naming) -> None:
    with pytest.raises(SkinGPTError, match="val rows"):
        Lessons(EvalConfig(), [], FREE, {}, naming)


def test_no_picture_names_no_diagnosis(naming: Naming) -> None:
    assert naming.of(Sight()) == {}
    assert sum(naming.of(Sight(embed=torch.zeros(8))).values()) == pytest.approx(1)


def test_nine_of_ten_targets_lie_inside_the_margins() -> None:
    rng = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 6, (400, 6), generator=rng).float()
    scores = (targets + torch.randn(400, 6, generator=rng)).clamp(0, 5)
    found = conformal.margins(scores[:200].tolist(), targets[:200].tolist())
    for i, name in enumerate(DIMENSIONS):
        inside = [
            low <= t <= high
            for s, t in zip(scores[200:, i].tolist(), targets[200:, i].tolist(), strict=True)
            for low, high in [conformal.interval(s, found[name])]
        ]
        assert 0.82 <= sum(inside) / len(inside) <= 0.98
    with pytest.raises(ValueError, match="too few"):
        conformal.margins([[1.0] * 6] * 8, [[1.0] * 6] * 8)


def test_the_margin_is_the_right_one_of_ten_errors() -> None:
    errors = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    found = conformal.margins([[e] * 6 for e in errors], [[0.0] * 6] * 10)
    assert set(found.values()) == {0.9}  # the tenth: ceil(11 x 0.9)
