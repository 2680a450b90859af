"""Every damage can be done, does what it says, and says it in words of the text."""

import dataclasses
import random
from functools import cache
from typing import Any

import pytest

from skingpt_r1.dermeval.critique import Critique, Fault, render
from skingpt_r1.dermeval.degrade.apply import DAMAGES, Degraded, degraded, in_text, sound
from skingpt_r1.dermeval.degrade.arguing import contradicts
from skingpt_r1.dermeval.degrade.registry import FAMILIES, HELD_OUT_FAMILY, PICTURE, damage
from skingpt_r1.dermeval.degrade.styles import GRAMMAR, PROSE, STYLES
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, category_of, table
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import SkinGPTError
from tests.dermeval.subjects import by_others, pool, subject

TRIED = 48
ALL = [(name, severity) for name, kind in DAMAGES.items() for severity in kind.severities]
NOT_ON_PROSE = {"rests on what speaks against", "swapped picture, same diagnosis", "swapped picture, other diagnosis"}


@cache
def donors() -> Pool:
    return pool()


@cache
def done(name: str, severity: int, style: str) -> list[tuple[Subject, Degraded]]:
    """What the damage made of the subjects on which it could be done."""
    pairs = []
    for number in range(TRIED):
        tried = subject(number, style)
        made = degraded(tried, [(name, severity)], random.Random(number), donors())
        pairs += [(tried, made)] if made is not None else []
    return pairs


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("style", STYLES)
def test_every_kind_can_be_done_on_most_texts_of_our_own(name: str, style: str) -> None:
    ids = {s.id for severity in DAMAGES[name].severities for s, _ in done(name, severity, style)}
    those = [subject(n) for n in range(TRIED)]
    if name == "malignant called benign":
        those = [s for s in those if table()[s.diagnosis or ""].malignant != "benign"]
    assert len(ids) >= 0.6 * len(those)


@pytest.mark.parametrize("name", sorted(set(DAMAGES) - NOT_ON_PROSE))
def test_every_kind_but_three_can_be_done_on_prose_by_others(name: str) -> None:
    made = [
        degraded(by_others(n), [(name, severity)], random.Random(seed), donors())
        for n in range(2)
        for severity in DAMAGES[name].severities
        for seed in range(4)
    ]
    assert any(made)
    for d in filter(None, made):
        assert d.text != by_others(int(d.id[-1])).text
        assert_quotes_stand(d)


@pytest.mark.parametrize(("name", "severity"), ALL)
@pytest.mark.parametrize("style", STYLES)
def test_targets_fall_where_they_must_and_stay_where_they_must(name: str, severity: int, style: str) -> None:
    kind = DAMAGES[name]
    for tried, made in done(name, severity, style):
        before = dict(zip(DIMENSIONS, sound(tried).scores, strict=True))
        after = dict(zip(DIMENSIONS, made.scores, strict=True))
        assert all(after[d] <= score for d, score in kind.target(severity).items())
        assert all(after[d] < before[d] for d, score in kind.target(severity).items() if score < 5)
        assert all(after[d] == before[d] for d in kind.leaves)
        assert all(after[d] <= before[d] for d in DIMENSIONS)
        assert (made.text, made.image) != (tried.text, tried.image)
        assert (made.text == tried.text) == (kind.family == "picture")
        assert made.history == tried.history


@pytest.mark.parametrize(("name", "severity"), ALL)
@pytest.mark.parametrize("style", STYLES)
def test_remarks_quote_the_text_and_can_be_written(name: str, severity: int, style: str) -> None:
    for _, made in done(name, severity, style):
        assert made.remarks
        assert_quotes_stand(made)


def assert_quotes_stand(made: Degraded) -> None:
    render(Critique(made.remarks, made.scores))
    for remark in made.remarks:
        if remark.fault is not Fault.MISSING:
            assert in_text(remark.quote, made.text) is not None, (remark, made.text)


@pytest.mark.parametrize(("name", "severity"), ALL)
def test_the_same_draw_makes_the_same_text(name: str, severity: int) -> None:
    for tried, made in done(name, severity, PROSE)[:4]:
        number = int(tried.id.rpartition("/")[2])
        assert degraded(tried, [(name, severity)], random.Random(number), donors()) == made


@pytest.mark.parametrize(
    ("name", "severity"), [(n, s) for n, s in ALL if DAMAGES[n].sees == PICTURE and not DAMAGES[n].by_words]
)
def test_what_only_the_picture_shows_leaves_a_sound_text(name: str, severity: int) -> None:
    for _, made in done(name, severity, GRAMMAR):
        told = parse(made.text)
        keys = {c.key for c in told.claims}
        assert not told.problems
        assert not any(contradicts(key, keys - {key}) for key in keys), made.text


@pytest.mark.parametrize("name", ["wrong diagnosis, near", "wrong diagnosis, far", "malignant called benign"])
def test_a_wrong_diagnosis_is_argued_through(name: str) -> None:
    for tried, made in done(name, DAMAGES[name].severities[0], GRAMMAR):
        told = parse(made.text)
        assert told.diagnosis is not None
        assert told.diagnosis != tried.diagnosis
        assert tried.diagnosis in {h.diagnosis for h in told.hypotheses}
        assert told.category == category_of(told.diagnosis)
        assert told.hypotheses[0].diagnosis == told.diagnosis
        if name == "malignant called benign":
            right, wrong = table()[tried.diagnosis or ""], table()[told.diagnosis]
            assert wrong.malignant == "benign" != right.malignant
            assert told.urgency == wrong.urgency
            assert BY_URGENCY.index(wrong.urgency) < BY_URGENCY.index(right.urgency)


def test_a_swapped_picture_does_not_show_what_is_remarked() -> None:
    by_image = {s.image: s for s in map(subject, range(300))}
    for severity in (1, 2, 3):
        for tried, made in done("swapped picture, same diagnosis", severity, GRAMMAR):
            donor = by_image[made.image]
            assert donor.diagnosis == tried.diagnosis
            assert (donor.modality, donor.id != tried.id) == (tried.modality, True)
            assert len(made.remarks) == severity
    assert all(
        by_image[made.image].diagnosis != tried.diagnosis
        for tried, made in done("swapped picture, other diagnosis", 3, GRAMMAR)
    )


def test_several_damages_add_their_remarks_and_the_lowest_score_holds() -> None:
    kinds = [("unsafe advice", 3), ("finding flipped", 1), ("swapped picture, other diagnosis", 3)]
    made = [(s, degraded(s, kinds, random.Random(1), donors())) for s in map(subject, range(12))]
    both = [(s, d) for s, d in made if d is not None]
    assert len(both) >= 6
    for tried, d in both:
        assert [name for name, _ in d.damages] == [
            "finding flipped",
            "swapped picture, other diagnosis",
            "unsafe advice",
        ]
        assert 1 < len(d.remarks) <= 4
        scores = dict(zip(DIMENSIONS, d.scores, strict=True))
        assert (scores["accuracy"], scores["safety"], scores["description_precision"]) == (1, 1, 1)
        assert d.image != tried.image


def test_families_are_all_there_and_one_is_held_out() -> None:
    assert {kind.family for kind in DAMAGES.values()} == set(FAMILIES)
    assert [k.name for k in DAMAGES.values() if k.family == HELD_OUT_FAMILY] == ["vague", "repetition"]


def test_a_kind_or_severity_that_there_is_not_is_refused() -> None:
    with pytest.raises(SkinGPTError, match="no damage 'wrong shoe'"):
        degraded(subject(0), [("wrong shoe", 1)], random.Random(0), donors())
    with pytest.raises(SkinGPTError, match="no severity 1"):
        degraded(subject(0), [("malignant called benign", 1)], random.Random(0), donors())


@pytest.mark.parametrize(
    "wrong",
    [{"family": "odd"}, {"lowers": {"beauty": (1, 1, 1)}}, {"lowers": {"safety": (1,)}}, {"may_move": ("beauty",)}],
)
def test_a_declaration_that_does_not_add_up_is_refused(wrong: dict[str, Any]) -> None:
    declared = {"family": "safety", "sees": PICTURE, "lowers": {"safety": (3, 2, 1)}} | wrong
    with pytest.raises(ValueError, match="a new one"):
        damage("a new one", **declared)


def test_without_a_pool_no_picture_is_swapped() -> None:
    alone = Pool([subject(0)])
    assert degraded(subject(0), [("swapped picture, same diagnosis", 1)], random.Random(0), alone) is None
    assert degraded(by_others(0), [("swapped picture, same diagnosis", 1)], random.Random(0), donors()) is None


def test_a_narrative_without_reason_or_with_few_findings_does_not_earn_full_marks() -> None:
    told = subject(1).told
    assert told is not None
    bare = dataclasses.replace(subject(1), told=dataclasses.replace(told, deciding=(), claims=told.claims[:1]))
    scores = dict(zip(DIMENSIONS, sound(bare).scores, strict=True))
    assert scores["reasoning_coherence"] == 3
    assert scores["clinical_coverage"] <= 3
    assert scores["description_precision"] == 3
    assert sound(by_others(0)).scores == (5,) * 6
