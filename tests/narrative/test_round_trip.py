"""Writing and reading are inverse; reading survives anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.narrative.render import faults, render
from skingpt_r1.narrative.scan import claims_in, scan
from skingpt_r1.records import Claim, Hypothesis, Narrative, Urgency
from tests.growth import growth
from tests.narrative.strategies import keys, narratives

EXAMPLE = Narrative(
    claims=(
        Claim("modality", "dermoscopy"),
        Claim("site", "back"),
        Claim("size", "large"),
        Claim("symmetry", "asymmetric"),
        Claim("border", "irregular"),
        Claim("colour", "blue-grey"),
        Claim("colour", "red", polarity=False),
    ),
    category="melanocytic, malignant suspected",
    category_claims=(3,),
    hypotheses=(
        Hypothesis("melanoma", (3, 5)),
        Hypothesis("melanocytic nevus", (6,), (3,)),
        Hypothesis("dermatofibroma", (), (5,)),
    ),
    deciding=(5,),
    rival="melanocytic nevus",
    doubts=(6,),
    diagnosis="melanoma",
    confidence="high",
    urgency=Urgency.URGENT,
)


@given(narratives(), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_parse_inverts_render(narrative: Narrative, style: int) -> None:
    assert faults(narrative) == ()
    assert parse(render(narrative, style)) == narrative


@given(st.lists(keys, min_size=2, max_size=6), st.data(), st.sampled_from((" and ", ", ", "; ", ". ")))
@settings(max_examples=150, deadline=None)
def test_no_two_phrases_run_together(chosen: list[vocabulary.Key], data: st.DataObject, joint: str) -> None:
    text = joint.join(data.draw(st.sampled_from(vocabulary.phrases(key))) for key in chosen)
    assert [m.key for m in claims_in(text)] == chosen


def test_every_claim_has_three_phrases_of_its_own() -> None:
    samples = [("age", "63", True), ("site", "forearm", True), ("site", "left big toe", True),
               ("diameter", "4.5", True), ("skin type", "2", True)]  # fmt: skip
    for key in [*vocabulary.WRITINGS, *samples]:
        phrases = vocabulary.phrases(key)
        assert len(set(phrases)) >= 3, key
        for phrase in phrases:
            assert [m.key for m in scan(phrase)] == [key], phrase


def test_styles_differ_in_words_only() -> None:
    texts = {render(EXAMPLE, style) for style in range(40)}
    assert len(texts) >= 35
    assert {parse(text) for text in texts} == {EXAMPLE}
    assert render(EXAMPLE, 7) == render(EXAMPLE, 7)


def test_typical_narrative_is_compact() -> None:
    """Seven claims, three hypotheses: 620 characters, about 150 tokens (the budget of the design)."""
    lengths = [len(render(EXAMPLE, style)) for style in range(100)]
    assert sum(lengths) / len(lengths) <= 620


def test_answer_line_is_exact() -> None:
    lines = {render(EXAMPLE, style).splitlines()[-1] for style in range(30)}
    assert lines == {
        "<answer>melanoma | high | urgent: see a dermatologist within two weeks</answer>",
        "<answer>melanoma | high | urgent: dermatologist within two weeks</answer>",
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"diagnosis": "BCC"}, "no preferred name"),
        ({"claims": ()}, "at least one claim"),
        ({"doubts": (9,)}, "point nowhere"),
        ({"confidence": "sure"}, "confidence"),
        ({"urgency": None}, "urgency"),
        ({"category": "Melanocytic: yes"}, "category"),
        ({"rival": "melanoma"}, "rival"),
    ],
)
def test_unwritable_narratives_are_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        render(replace(EXAMPLE, **change))  # type: ignore[arg-type]


_PIECES = ("<think>", "</think>", "<answer>", "</answer>", "[observation]", "[category]", "[differential]",
           "[synthesis]", "melanoma", "red areas", "no", "aged", "63", "for", "against", ":", ";", ".", "|",
           "\n", '"', "**", "\x00", "İ", "on the", "١", "older ")  # fmt: skip


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(_PIECES)).map(" ".join),
        st.lists(st.sampled_from(_PIECES)).map("".join),
    )
)
@settings(max_examples=200, deadline=None)
def test_parse_never_raises(text: str) -> None:
    narrative = parse(text)
    for claim in narrative.claims:
        assert vocabulary.is_known(claim.key)
    if not narrative.problems:
        assert parse(render(narrative)) == narrative


@given(narratives(), st.integers(0, 99), st.floats(0, 0.99))
@settings(max_examples=100, deadline=None)
def test_truncated_text_keeps_what_came_before(narrative: Narrative, style: int, share: float) -> None:
    text = render(narrative, style)
    cut = parse(text[: int(len(text) * share)])
    assert cut.problems
    if "differential" in sections(text[: int(len(text) * share)]):
        assert cut.claims[: len(narrative.claims)] == narrative.claims


@pytest.mark.parametrize(
    "piece",
    ["<think>", "<answer>", "[differential]", "a", "red areas ", "no ", '"', "on the ", '"a ' * 3, "#",
     "suggest", ".", "melanoma: for red areas. ", "age 1 ", "[synthesis] melanoma; ", "x:.", "1.1", "\n"],
)  # fmt: skip
def test_time_is_linear(piece: str) -> None:
    """Ten times the text may take about ten times the time; quadratic code would take a hundred."""
    assert growth(parse, piece, 20_000, 200_000) < 40


def test_a_megabyte_is_read() -> None:
    narrative = parse("<think> <think> melanoma: for red areas, not white. " * 20_000)
    assert {c.key for c in narrative.claims} == {("colour", "red", True), ("colour", "white", False)}
