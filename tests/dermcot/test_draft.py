"""Drafts invent nothing, argue with measured ratios only, and read back without loss."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.dermcot.draft import ScoredClaim, draft
from skingpt_r1.knowledge.likelihoods import likelihood_ratio
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.narrative.render import faults, render
from skingpt_r1.narrative.scan import diagnoses_in
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS, history_claims
from skingpt_r1.records import Claim, History, Narrative, Urgency
from tests.narrative.strategies import keys, names

HISTORY = History(age=71, site="nose", itch=True, grew=True, bleed=True, elevation=True, changed=False)
SEEN = [
    ScoredClaim(Claim("modality", "clinical"), 1.0),
    ScoredClaim(Claim("symmetry", "asymmetric"), 0.9),
    ScoredClaim(Claim("border", "irregular"), 0.8),
    ScoredClaim(Claim("colour", "pink"), 0.9),
    ScoredClaim(Claim("colour", "black", polarity=False), 0.8),
]
EVIDENCE = SEEN + [ScoredClaim(claim, 0.95) for claim in history_claims(HISTORY)]
CANDIDATES = ("squamous cell carcinoma", "melanocytic nevus", "seborrheic keratosis", "actinic keratosis")


def drafts(n: int) -> list[Narrative]:
    return [draft(EVIDENCE, "basal cell carcinoma", CANDIDATES, random.Random(seed)) for seed in range(n)]


@given(
    st.lists(st.tuples(keys, st.floats(0.5, 1)), min_size=1),
    names,
    st.lists(names, min_size=2, unique=True),
    st.randoms(),
)
@settings(max_examples=150, deadline=None)
def test_any_evidence_gives_a_writable_narrative(
    evidence: list[tuple[tuple[str, str, bool], float]],
    diagnosis: str,
    candidates: list[str],
    rng: random.Random,
) -> None:
    case = [ScoredClaim(Claim(*key), support) for key, support in evidence]
    narrative = draft(case, diagnosis, candidates, rng)
    assert faults(narrative) == ()
    assert parse(render(narrative, 3)) == narrative
    assert {c.key for c in narrative.claims} <= {key for key, _ in evidence}
    assert 2 <= len(narrative.hypotheses) <= 4
    assert narrative.diagnosis == diagnosis


def test_the_description_does_not_know_the_diagnosis() -> None:
    for seed in range(50):
        told = {draft(EVIDENCE, name, CANDIDATES, random.Random(seed)).claims for name in ("melanoma", "psoriasis")}
        assert len(told) == 1
    for narrative in drafts(50):
        assert diagnoses_in(sections(render(narrative))["observation"]) == []


def test_drafts_vary() -> None:
    found = drafts(200)
    assert len({n.claims for n in found}) > 100
    assert {len(n.claims) for n in found} >= {4, 5, 6, 7}  # four findings and one absence, up to three facts
    assert len({tuple(h.diagnosis for h in n.hypotheses) for n in found}) > 3


def test_the_diagnosis_leads_its_differential_and_findings_outnumber_absences() -> None:
    for narrative in drafts(200):
        assert narrative.hypotheses[0].diagnosis == narrative.diagnosis
        assert sum(not c.polarity for c in narrative.claims if c.concept not in HISTORY_CONCEPTS) <= 1


def test_every_narrative_reads_in_the_same_order() -> None:
    for narrative in drafts(100):
        concepts = [c.concept for c in narrative.claims]
        wanted = ["modality", "site", "symmetry", "border", "colour", "age", "itch", "grew", "changed", "bleed"]
        wanted.append("elevation")
        assert [w for w in wanted if w in concepts] == list(dict.fromkeys(concepts))


def test_every_argument_has_a_measured_ratio() -> None:
    for narrative in drafts(60):
        named = [h.diagnosis for h in narrative.hypotheses]
        for hypothesis in narrative.hypotheses:
            rivals = [name for name in named if name != hypothesis.diagnosis]
            for positions, speaks_for in ((hypothesis.speaks_for, True), (hypothesis.speaks_against, False)):
                for position in positions:
                    ratio = likelihood_ratio(*narrative.claims[position].key, hypothesis.diagnosis, rivals)
                    assert ratio is not None
                    assert (ratio.low > 1) if speaks_for else (ratio.high < 1)


def test_without_measured_evidence_confidence_is_low_but_urgency_stays() -> None:
    unmeasured = [ScoredClaim(Claim("skin type", "2"), 1.0), ScoredClaim(Claim("diameter", "9"), 1.0)]
    narrative = draft(unmeasured, "melanoma", ["melanocytic nevus"], random.Random(0))
    assert narrative.confidence == "low"
    assert narrative.urgency == Urgency.URGENT
    assert narrative.deciding == narrative.doubts == ()
    assert all(h.speaks_for == h.speaks_against == () for h in narrative.hypotheses)


def test_nobody_is_sure_where_nothing_decides() -> None:
    """Pink speaks for a basal cell carcinoma against a nevus, and not against its nearest rival."""
    shown = [ScoredClaim(Claim("modality", "dermoscopy"), 1.0), ScoredClaim(Claim("colour", "pink"), 0.9)]
    rivals = ("squamous cell carcinoma", "melanocytic nevus")
    made = [draft(shown, "basal cell carcinoma", rivals, random.Random(seed)) for seed in range(200)]
    assert any(not n.deciding for n in made)
    assert not [n for n in made if n.confidence == "high" and not n.deciding]


def test_contrary_evidence_is_admitted() -> None:
    """Twenty years old, flat, on the trunk: PAD-UFES-20's numbers speak for a nevus, the label says BCC."""
    case = [ScoredClaim(c, 1.0) for c in history_claims(History(age=20, site="chest", elevation=False, grew=False))]
    narrative = draft(case, "basal cell carcinoma", ["melanocytic nevus"], random.Random(1))
    assert narrative.confidence == "low"
    assert narrative.doubts


def test_weak_or_contradictory_evidence_is_not_told() -> None:
    case = [
        ScoredClaim(Claim("symmetry", "symmetric"), 0.55),
        ScoredClaim(Claim("symmetry", "asymmetric"), 0.95),
        ScoredClaim(Claim("colour", "red"), 0.3),
        ScoredClaim(Claim("colour", "moonlight"), 0.9),
    ]
    narrative = draft(case, "melanoma", ["melanocytic nevus"], random.Random(0))
    assert [c.key for c in narrative.claims] == [("symmetry", "asymmetric", True)]


def test_drafts_are_compact() -> None:
    """The design's budget is 150 tokens of about four characters, on average over drafts."""
    lengths = [len(render(narrative, seed)) for seed, narrative in enumerate(drafts(200))]
    assert sum(lengths) / len(lengths) <= 620


def test_nothing_to_draft_from() -> None:
    with pytest.raises(ValueError, match="melanoma"):
        draft([], "melanoma", ["melanocytic nevus"], random.Random(0))
    with pytest.raises(ValueError, match="candidate"):
        draft(EVIDENCE, "melanoma", ["melanoma"], random.Random(0))
