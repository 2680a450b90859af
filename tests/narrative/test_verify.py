"""Planted contradictions are found, each by the witness that can know, and nothing is edited."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings

from skingpt_r1.images.measure import Quantity
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import render
from skingpt_r1.narrative.verify import (
    INDEPENDENT,
    ConceptReading,
    RegionReading,
    Witnesses,
    decisive,
    judge_differential,
    lowered,
    said,
    status_of,
    turned_round,
    verify,
)
from skingpt_r1.records import Claim, History, Hypothesis, Modality, Narrative, Status
from tests.narrative.samples import GREY, TEXT, THICK, measured, witnesses
from tests.narrative.strategies import narratives


def checked(*claims: Claim, by: Witnesses) -> list[Claim]:
    return list(verify(Narrative(claims=claims), by).claims)


def status(claim: Claim, by: Witnesses) -> Status:
    return checked(claim, by=by)[0].status


def test_the_sample_reads_without_loss() -> None:
    assert parse(TEXT).problems == ()


def test_planted_contradictions_are_found_and_only_they() -> None:
    found = verify(parse(TEXT), witnesses())
    by_status = {s: {said(c) for c in found.claims if c.status is s} for s in (Status.CONTRADICTED, Status.SUPPORTED)}
    planted = {"asymmetric shape", "red areas", "grey patterns", "age 63", "bleeding"}
    assert by_status[Status.CONTRADICTED] == planted
    assert by_status[Status.SUPPORTED] == {said(c) for c in found.claims} - planted


def test_every_claim_gets_evidence_that_says_why_it_is_independent() -> None:
    for claim in verify(parse(TEXT), witnesses()).claims:
        assert claim.evidence
        assert all(e.independent == INDEPENDENT[e.kind] and e.detail for e in claim.evidence)
        assert claim.support is not None
        assert 0 <= claim.support <= 1


@settings(max_examples=60, deadline=None)
@given(narratives())
def test_nothing_that_was_said_is_edited(narrative: Narrative) -> None:
    found = verify(narrative, witnesses())
    assert [c.key for c in found.claims] == [c.key for c in narrative.claims]
    assert dataclasses.replace(found, claims=narrative.claims) == narrative
    assert render(found) == render(narrative)


def test_without_an_outline_image_claims_are_not_checkable() -> None:
    claims = (Claim("symmetry", "asymmetric"), Claim("colour", "red", False), Claim("variety", "varied"))
    for claim in checked(*claims, by=Witnesses()):
        assert (claim.status, claim.support) == (Status.NOT_CHECKABLE, None)
        assert "could be outlined" in claim.evidence[0].detail


@pytest.mark.parametrize("polarity", [True, False])
def test_a_symptom_nobody_told_is_invented_whether_claimed_or_denied(polarity: bool) -> None:
    assert status(Claim("bleed", "yes", polarity), Witnesses()) is Status.CONTRADICTED


@pytest.mark.parametrize(
    ("told", "claimed", "expected"),
    [
        ("upper back", "back", Status.SUPPORTED),
        ("upper back", "trunk", Status.SUPPORTED),
        ("left forearm", "forearm", Status.SUPPORTED),
        ("Forearm ", "arm", Status.SUPPORTED),
        ("lower leg", "lower extremity", Status.SUPPORTED),
        ("back", "upper back", Status.NOT_CHECKABLE),  # more exact than told
        ("lower extremity", "knee", Status.NOT_CHECKABLE),
        ("back", "chest", Status.CONTRADICTED),
        ("upper arm", "lower leg", Status.CONTRADICTED),
        ("lower leg", "lower extremity or so", Status.CONTRADICTED),
    ],
)
def test_sites(told: str, claimed: str, expected: Status) -> None:
    assert status(Claim("site", claimed), Witnesses(history=History(site=told))) is expected


@pytest.mark.parametrize(
    ("claim", "history", "expected"),
    [
        (Claim("age", "63"), History(age=63.4), Status.SUPPORTED),
        (Claim("age", "60"), History(age=63), Status.CONTRADICTED),
        (Claim("sex", "male"), History(sex="male"), Status.SUPPORTED),
        (Claim("sex", "male"), History(sex="female"), Status.CONTRADICTED),
        (Claim("skin type", "2"), History(skin_type=2), Status.SUPPORTED),
        (Claim("itch", "yes", False), History(itch=False), Status.SUPPORTED),
        (Claim("itch", "yes", False), History(itch=True), Status.CONTRADICTED),
        (Claim("diameter", "7"), History(diameter_mm=7.2), Status.SUPPORTED),
        (Claim("age", "about sixty"), History(age=60), Status.CONTRADICTED),
    ],
)
def test_history(claim: Claim, history: History, expected: Status) -> None:
    assert status(claim, Witnesses(history=history)) is expected


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (ConceptReading(0.9, 0.5, 0.8), Status.SUPPORTED),
        (ConceptReading(0.1, 0.5, 0.8), Status.CONTRADICTED),
        (ConceptReading(0.52, 0.5, 0.8), Status.NOT_CHECKABLE),  # hardly above its threshold
        (ConceptReading(0.99, 0.5, None), Status.NOT_CHECKABLE),  # nobody measured its precision
        (ConceptReading(0.99, 0.5, 0.45), Status.NOT_CHECKABLE),  # wrong more often than right
        (ConceptReading(0.3, 0.2, 0.9), Status.NOT_CHECKABLE),  # an eighth of the way from 0.2 to 1
        (ConceptReading(1.0, 1.0, 0.9), Status.SUPPORTED),
    ],
)
def test_structures_by_the_head(reading: ConceptReading, expected: Status) -> None:
    by = Witnesses(concept_probabilities={THICK: reading}, modality=Modality.DERMOSCOPY)
    said_yes, said_no = checked(Claim("structure", THICK), Claim("structure", THICK, False), by=by)
    assert said_yes.status is expected
    if said_yes.support is not None and said_no.support is not None:
        assert said_yes.support + said_no.support == pytest.approx(1)
        assert said_yes.support <= max(0.5, reading.precision or 0)


def test_a_clinical_photo_shows_no_dermoscopic_structure_to_the_head() -> None:
    reading = {GREY: ConceptReading(0.9, 0.5, 0.9)}
    for by in (
        Witnesses(concept_probabilities=reading, modality=Modality.CLINICAL),
        Witnesses(concept_probabilities=reading, modality_probability=0.1),
    ):
        assert status(Claim("structure", GREY), by) is Status.NOT_CHECKABLE


def test_the_user_outweighs_the_head_on_how_the_picture_was_taken() -> None:
    claim = Claim("modality", "dermoscopy")
    assert status(claim, Witnesses(modality_probability=0.95)) is Status.SUPPORTED
    assert status(claim, Witnesses(modality_probability=0.95, modality=Modality.CLINICAL)) is (Status.CONTRADICTED)
    assert status(claim, Witnesses()) is Status.NOT_CHECKABLE


def test_thresholds_of_support() -> None:
    assert status_of(0.6) is Status.SUPPORTED
    assert status_of(0.4) is Status.CONTRADICTED
    assert status_of(0.5) is status_of(None) is Status.NOT_CHECKABLE


def test_a_measured_diameter_stands_in_for_an_untold_one() -> None:
    by = Witnesses(measurement=dataclasses.replace(measured(), diameter_mm=Quantity(10.0, 9.5, 10.5)))
    assert status(Claim("diameter", "11"), by) is Status.SUPPORTED
    assert status(Claim("diameter", "20"), by) is Status.CONTRADICTED


def test_a_claim_of_an_unknown_kind_is_not_checkable() -> None:
    assert status(Claim("smell", "sweet"), witnesses()) is Status.NOT_CHECKABLE
    assert status(Claim("colour", "turquoise"), witnesses()) is Status.NOT_CHECKABLE


def test_contradicted_decisive_claims_lower_the_confidence_and_say_so() -> None:
    found = verify(parse(TEXT), witnesses())
    assert {said(found.claims[p]) for p in decisive(found)} == {"asymmetric shape", "thick reticular lines"}
    confidence, reasons = lowered(0.9, found)
    assert confidence == pytest.approx(0.9 * 0.8)  # one of the two is contradicted
    assert len(reasons) == 1
    assert "asymmetric shape" in reasons[0]


def test_confidence_is_kept_without_contradiction_and_lowered_for_looking_elsewhere() -> None:
    honest = verify(parse(TEXT.replace("asymmetric", "symmetric").replace("Asymm", "Symm")), witnesses())
    assert lowered(0.9, honest) == (0.9, ())
    away = dataclasses.replace(witnesses(), region=RegionReading(inside=0.1, area=0.2))
    confidence, reasons = lowered(0.9, verify(honest, away))
    assert confidence == pytest.approx(0.9 * 0.9)
    assert len(reasons) == 1
    statuses = [c.status for c in verify(honest, away).claims]
    assert statuses == [c.status for c in honest.claims]  # the map settles no claim


def test_a_synthesis_against_its_own_differential_is_told() -> None:
    border, edge = Claim("border", "regular"), Claim("edge", "sharp")
    hypotheses = (Hypothesis("melanoma", (1,), (0,)), Hypothesis("melanocytic nevus", (0,), ()))
    sound = Narrative(claims=(border, edge), hypotheses=hypotheses, deciding=(1,), diagnosis="melanoma")
    turned = dataclasses.replace(sound, deciding=(0,))
    doubted = dataclasses.replace(sound, doubts=(1,))
    other = dataclasses.replace(turned, diagnosis="melanocytic nevus")  # that one's own differential agrees
    for consistent in (sound, other):
        assert turned_round(consistent) == ()
        assert lowered(0.9, consistent) == (0.9, ())
    assert turned_round(doubted) == (1,)
    assert turned_round(dataclasses.replace(turned, diagnosis=None)) == (0,)  # the first hypothesis, until it is said
    confidence, (reason,) = lowered(0.9, turned)
    assert confidence == 0.9
    assert '"regular border" speaks for melanoma in one place, and against it' in reason


def test_a_map_over_a_lesion_that_fills_the_picture_says_nothing() -> None:
    filled = Witnesses(measurement=measured(), region=RegionReading(inside=0.5, area=0.95))
    assert [e.kind for e in checked(Claim("colour", "red"), by=filled)[0].evidence] == ["measurement"]


def test_many_contradictions_never_take_more_than_half() -> None:
    claims = tuple(Claim(c, "yes") for c in ("itch", "grew", "hurt", "changed", "bleed"))
    narrative = verify(Narrative(claims=claims, deciding=(0, 1, 2, 3, 4)), Witnesses())
    assert lowered(1.0, narrative)[0] == pytest.approx(0.8**3)


def test_the_differential_is_judged_by_counts() -> None:
    """Atypical network is commoner in melanoma than in nevi (Derm7pt, Kawahara 2019)."""
    judged = {
        (j.diagnosis, j.speaks_for, said(parse(TEXT).claims[j.position])): j for j in judge_differential(parse(TEXT))
    }
    right = judged["melanoma", True, "thick reticular lines"]
    assert right.status is Status.SUPPORTED
    assert right.ratio is not None
    assert 1 < right.ratio.low < right.ratio.value < right.ratio.high


def test_a_claim_used_on_the_wrong_side_is_told() -> None:
    claims = (Claim("structure", THICK),)
    wrong = Narrative(
        claims=claims,
        hypotheses=(Hypothesis("melanoma", (), (0,)), Hypothesis("melanocytic nevus", (0,), ())),
    )
    judged = judge_differential(wrong)
    assert [j.status for j in judged] == [Status.CONTRADICTED, Status.CONTRADICTED]
    assert all(j.ratio is not None and math.isfinite(j.ratio.value) for j in judged)


def test_unknown_names_and_values_are_not_judged() -> None:
    strange = Narrative(
        claims=(Claim("age", "old"), Claim("smell", "sweet")),
        hypotheses=(Hypothesis("melanoma", (0, 1), ()), Hypothesis("something unheard of", (0,), ())),
    )
    assert all(j.ratio is None and j.status is Status.NOT_CHECKABLE for j in judge_differential(strange))
