"""What the parser makes of other people's words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from skingpt_r1.knowledge.diagnoses import preferred
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.narrative.scan import claims_in
from skingpt_r1.narrative.vocabulary import Key, history_claims, opposite
from skingpt_r1.records import Claim, History, Urgency


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Gray-blue areas of color.", [("colour", "blue-grey", True)]),
        ("There is no visible redness", [("colour", "red", False)]),
        ("without red or white areas", [("colour", "red", False), ("colour", "white", False)]),
        ("no itch, red areas", [("itch", "yes", False), ("colour", "red", True)]),
        ("the lesion is not asymmetric", [("symmetry", "symmetric", True)]),
        ("a 63-year-old woman", [("age", "63", True), ("sex", "female", True)]),
        ("on your hands, Fitzpatrick type III", [("site", "hand", True), ("skin type", "3", True)]),
        ("a red flag under white light", []),
        ("a blue nevus", []),
        ("red.areas", [("colour", "red", True)]),
        ("dark\nbrown areas", [("colour", "dark brown", True)]),
    ],
)
def test_claims_in_running_text(text: str, keys: list[Key]) -> None:
    assert [m.key for m in claims_in(text)] == keys


FOREIGN = """**First**, I see a <think> red, well-demarcated patch on the forearm. Psoriasis is usually
symmetric and white. </think> The plaque is itchy. <think> Melanoma is unlike it. </think>
Based on this, it is most likely **nummular dermatitis** rather than psoriasis.
If it bleeds, see a doctor."""


def test_foreign_text_goes_as_far_as_it_goes() -> None:
    narrative = parse(FOREIGN)
    assert [c.key for c in narrative.claims] == [
        ("colour", "red", True),
        ("edge", "sharp", True),
        ("site", "forearm", True),
        ("itch", "yes", True),
    ]
    assert narrative.diagnosis == "nummular eczema"
    assert [h.diagnosis for h in narrative.hypotheses] == ["psoriasis", "melanoma", "nummular eczema"]
    assert "no <answer>" in narrative.problems


OURS = (
    "<think>\n[observation] It has red areas.\n[category] vascular.\n"
    "[differential] hemangioma: for red areas.\n"
    "[synthesis] Red areas favour hemangioma.\n</think>\n<answer>{}</answer>"
)


@pytest.mark.parametrize(
    ("answer", "diagnosis", "problem"),
    [
        ("hemangioma | high | watch: see a doctor if it changes", "hemangioma", None),
        ("Cherry angiomas | HIGH | Routine check", "hemangioma", None),
        ("a plain hemangioma | low | soon", "hemangioma", "wraps"),
        ("melanoma or nevus | low | soon", None, "several diagnoses"),
        ("moonburn | low | soon", "moonburn", "unknown diagnosis"),
        ("hemangioma | sure | soon", "hemangioma", "confidence"),
        ("hemangioma", "hemangioma", "urgency"),
        ("", None, "empty"),
    ],
)
def test_answers(answer: str, diagnosis: str | None, problem: str | None) -> None:
    narrative = parse(OURS.format(answer))
    assert narrative.diagnosis == diagnosis
    if problem is None:
        assert narrative.problems == ()
    else:
        assert any(problem in told for told in narrative.problems), narrative.problems


def test_a_claim_that_was_never_observed_is_kept_and_told() -> None:
    narrative = parse(OURS.format("hemangioma | high | soon").replace("for red", "for white areas, red"))
    assert [c.key for c in narrative.claims] == [("colour", "red", True), ("colour", "white", True)]
    assert narrative.hypotheses[0].speaks_for == (1, 0)
    assert any("not observed" in problem for problem in narrative.problems)


def test_markdown_headings() -> None:
    found = sections("## Observation:\nred areas\n**Differential diagnosis:**\nmelanoma: for red areas")
    assert found["observation"] == "red areas"
    assert found["differential"] == "melanoma: for red areas"


def test_another_heading_ends_a_block_and_one_inside_does_not() -> None:
    told = parse(
        "## Observation\n- pink areas\n- irregular border\n## Differential diagnosis\n### Likely\n"
        "- melanoma: for irregular border\n### Less likely\n- eczema: for pink areas\n"
        "## Assessment\nAgainst melanoma speaks the pink colour."
    )
    assert [(h.diagnosis, len(h.speaks_for), h.speaks_against) for h in told.hypotheses] == [
        ("melanoma", 1, ()),
        ("eczema", 1, ()),
    ]


def test_urgency_words() -> None:
    for words, urgency in (
        ("urgent", Urgency.URGENT),
        ("soon", Urgency.SOON),
        ("self-watch", Urgency.SELF_WATCH),
    ):
        assert parse(OURS.format(f"hemangioma | low | {words}: x")).urgency == urgency


def test_history_becomes_claims() -> None:
    assert history_claims(History(age=63.0, sex="male", site="forearm", bleed=False, diameter_mm=4.5)) == (
        Claim("age", "63"),
        Claim("sex", "male"),
        Claim("site", "forearm"),
        Claim("bleed", "yes", polarity=False),
        Claim("diameter", "4.5"),
    )


def test_opposites() -> None:
    assert opposite(("symmetry", "symmetric", True)) == ("symmetry", "asymmetric", True)
    assert opposite(("colour", "red", True)) == ("colour", "red", False)
    assert opposite(("size", "large", True)) is None


def test_certified_texts_are_read(data_root: Path) -> None:
    """800 references of DermBench: claims in most, and mostly the right diagnosis where the table knows it.

    Some references end on another diagnosis than their label (`benchmarks.extract` measures 65 % with the same
    name), so 60 % is a floor that a broken parser falls through.
    """
    with gzip.open(data_root / "dermbench_text" / "narratives.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for number, line in enumerate(file) if number % 4 == 0]
    read = [(preferred(row["diagnosis"]), parse(row["narrative"])) for row in rows]
    known = [(label, narrative) for label, narrative in read if label is not None]
    assert sum(label == narrative.diagnosis for label, narrative in known) / len(known) >= 0.6
    assert sum(bool(narrative.claims) for _, narrative in read) / len(read) >= 0.8
