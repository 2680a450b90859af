"""Every rule: a text it catches, a near miss it leaves alone. Precision and recall are `benchmarks/lint.py`'s."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.narrative.lint import RULES, Finding, Given, Severity, lint, rules_named
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Claim, History, Modality, Narrative, SkinGPTError
from tests.dermcot.test_draft import drafts
from tests.narrative.strategies import narratives

CLINICAL = Given(modality=Modality.CLINICAL)
SMALL = Given(measured=(Claim("size", "small"), Claim("border", "regular"), Claim("diameter", "4")), lesions=1)
TOLD = Given(history=History(age=71, site="nose", bleed=False))
NO_ANSWER = "<think>Red scale on the knee.</think>"
ANSWER = "<answer>{} | {} | soon: dermatologist within weeks</answer>"
DIFFERENTIAL = "[differential] melanoma: for a ragged outline. melanocytic nevus: nothing decisive."
OBSERVED = "<think>[observation] The lesion has a ragged outline. [category] melanocytic. "

CAUGHT = [
    ("label-leak", "As the ground truth is melanoma, the rim fits.", Given(), "ground truth"),
    ("label-leak", f"{OBSERVED.replace('The', 'A melanoma. The')}{DIFFERENTIAL}", Given(label="mel"), "melanoma"),
    ("label-leak", "This is a seborrheic_keratosis.", Given(label="seborrheic_keratosis"), "seborrheic_keratosis"),
    ("file-name-leak", "As ISIC_0024306.jpg shows, it is brown.", Given(), "ISIC_0024306.jpg"),
    ("file-name-leak", "It is wart-12 of the series.", Given(image="viral/wart-12.png"), "wart-12"),
    ("cites-description", "According to the description given, it is dry.", Given(), "the description"),
    ("unseeable-finding", "The nodule feels firm.", Given(), "feels firm"),
    ("unseeable-finding", "The image shows an itchy plaque.", Given(), "itchy"),
    ("unseeable-finding", "The biopsy revealed atypical melanocytes.", Given(), "biopsy revealed"),
    ("unseeable-finding", "It has a foul odour.", Given(), "foul"),
    ("dermoscopy-on-clinical", "A fine pigment network covers it.", CLINICAL, "pigment network"),
    ("dermoscopy-on-clinical", "Clinical photograph of a lesion. Milia-like cysts are seen.", Given(), "Milia-like"),
    ("contradiction", "The lesion has a sharp edge. The lesion has a blurred edge.", Given(), "blurred edge"),
    ("contradiction", "The rim is scaly. There is no scale on it.", Given(), "no scale"),
    ("contradiction", "A single lesion is seen. Several lesions are seen.", Given(), "Several lesions"),
    ("against-history", "The patient is 45 years old.", TOLD, "45 years old"),
    ("against-history", "Bleeding is reported.", TOLD, "Bleeding"),
    ("against-history", "There is itching.", Given(history=History()), "itching"),
    ("against-measurement", "It is a large lesion.", SMALL, "large lesion"),
    ("against-measurement", "Its border is irregular.", SMALL, "border is irregular"),
    ("against-measurement", "It is 12 mm across.", SMALL, "12 mm"),
    ("against-measurement", "Many small papules are seen.", SMALL, "Many small papules"),
    ("diagnosis-not-considered", f"{OBSERVED}{DIFFERENTIAL}</think>{ANSWER.format('wart', 'low')}", Given(), "wart"),
    ("several-answers", NO_ANSWER + ANSWER.format("psoriasis or scabies", "low"), Given(), "scabies"),
    ("several-answers", "The final diagnosis is psoriasis. Final diagnosis: melanoma.", Given(), "melanoma"),
    ("no-evidence", "I took my time. It is most likely rosacea.", Given(), "most likely rosacea"),
    (
        "no-evidence",
        f"{OBSERVED}[differential] wart: nothing decisive.</think>{ANSWER.format('wart', 'high')}",
        Given(),
        "high",
    ),
    ("overconfidence", "This is undoubtedly a wart.", Given(), "undoubtedly"),
    ("overconfidence", "I am 100 % sure.", Given(), "100 % sure"),
    (
        "unsafe-reassurance",
        "It has grown and bleeds, but there is no need to see a doctor.",
        Given(),
        "no need to see",
    ),
    (
        "unsafe-reassurance",
        "<think>Black.</think><answer>melanoma | low | watch: see a doctor if it changes</answer>",
        Given(),
        "watch",
    ),
    ("treatment-dose", "Take prednisone 20 mg daily.", Given(), "20 mg"),
    ("missing-next-step", "The papule is red. It is a wart.", Given(), ""),
    ("identity", "Seen by Dr. Castellano on 12 March 2021.", Given(), "12 March 2021"),
    ("identity", "Write to a.roe@example.org or call +44 20 7946 0958.", Given(), "a.roe@example.org"),
    ("unclosed-block", NO_ANSWER, Given(), "<think>"),
    ("unclosed-block", "<think>Red.</think><answer>wart | low | soon", Given(), "<answer>"),
    ("repeated-block", f"{NO_ANSWER}<think>Again.</think>{ANSWER.format('wart', 'low')}", Given(), "<think>"),
    ("repetition", "The rim is brown and quite thin. The rim is brown and quite thin.", Given(), "The rim is brown"),
    ("repetition", "It is dry and " * 6, Given(), "It is dry"),
]

LEFT_ALONE = [
    ("label-leak", "A confirmed diagnosis would need a biopsy.", Given(label="melanoma")),
    ("label-leak", f"{OBSERVED}{DIFFERENTIAL}</think>{ANSWER.format('melanoma', 'low')}", Given(label="mel")),
    ("label-leak", "This condition is known for its scale.", Given()),
    ("file-name-leak", "The picture is sharp, and 2.5 mm of the rim are scaly.", Given(image="photo.jpg")),
    ("cites-description", "This sign was first described a century ago.", Given()),
    ("cites-description", "The picture given shows the whole spot.", Given()),
    ("unseeable-finding", "Whether it is firm cannot be palpated here.", Given()),
    ("unseeable-finding", "Histology would be needed.", Given()),
    ("unseeable-finding", "If it itches, eczema is likelier.", Given()),
    ("unseeable-finding", "Dermatofibromas are typically firm.", Given()),
    ("unseeable-finding", "- **Dermatofibroma**: a firm nodule that dimples when pinched.", Given()),
    ("unseeable-finding", "History: itching.", Given()),
    ("dermoscopy-on-clinical", "Dermoscopy would show whether there is a pigment network.", CLINICAL),
    ("dermoscopy-on-clinical", "A pigment network is seen.", Given(modality=Modality.DERMOSCOPY)),
    ("contradiction", "The lesion has a sharp edge. Eczema usually has a blurred edge.", Given()),
    ("contradiction", "The rim is scaly. - **Wart**: no scale.", Given()),
    ("contradiction", "Some papules are red. Other papules are not red.", Given()),
    ("against-history", "The patient is 71 years old. If it bleeds, come back.", TOLD),
    ("against-history", "The patient is 45 years old.", Given()),
    ("against-measurement", "It is a small lesion, 4 mm across.", SMALL),
    ("against-measurement", "Several lesions would be more usual.", SMALL),
    ("diagnosis-not-considered", "Psoriasis or eczema? The final diagnosis is psoriasis.", Given()),
    ("several-answers", "The final diagnosis is psoriasis rather than scabies.", Given()),
    (
        "several-answers",
        "Papules point to rosacea. In conclusion, telangiectasia supports the diagnosis of rosacea.",
        Given(),
    ),
    ("overconfidence", "The diagnosis is nevus because of its border. There is a doubt left: black areas.", Given()),
    ("missing-next-step", "This is a wart. An appointment with a dermatologist within weeks is advised.", Given()),
    ("several-answers", "Melanoma was weighed. The final diagnosis is a dermal nevus.", Given()),
    ("no-evidence", "The red scale and the sharp edge suggest psoriasis.", Given()),
    ("overconfidence", "Without histology nobody can be certain.", Given()),
    ("overconfidence", "A biopsy would definitely help. Certain features are missing.", Given()),
    ("unsafe-reassurance", "It bleeds, so do not ignore it.", Given()),
    ("unsafe-reassurance", "It is small. There is nothing to worry about.", Given()),
    ("treatment-dose", "It is 6 mm wide and takes 20 % of the picture.", Given()),
    ("missing-next-step", "The papule is red. A dermatologist should look at it.", Given()),
    ("identity", "Bowen disease and Kaposi sarcoma; 95 % CI 3.0 to 5.6, n = 1011.", Given()),
    ("unclosed-block", NO_ANSWER + ANSWER.format("wart", "low") + " It is < 5 mm.", Given()),
    ("repeated-block", NO_ANSWER + ANSWER.format("wart", "low"), Given()),
    ("repetition", "The rim is brown, the centre is brown. It is dry. It is dry.", Given()),
]


def found(rule: str, text: str, case: Given) -> list[Finding]:
    return lint(text, case, rules_named([rule]))


@pytest.mark.parametrize(("rule", "text", "case", "words"), CAUGHT)
def test_caught(rule: str, text: str, case: Given, words: str) -> None:
    findings = found(rule, text, case)
    assert any(words in finding.found for finding in findings), findings
    for finding in findings:
        assert text[finding.start : finding.end] == finding.found
        assert finding.message


@pytest.mark.parametrize(("rule", "text", "case"), LEFT_ALONE)
def test_left_alone(rule: str, text: str, case: Given) -> None:
    assert found(rule, text, case) == []


def test_every_rule_is_tested_told_and_exemplified() -> None:
    assert {row[0] for row in CAUGHT} == {row[0] for row in LEFT_ALONE} == set(RULES)
    for rule in RULES.values():
        assert len(rule.meaning) > 40
        assert found(rule.name, rule.example, rule.given), rule.name


def test_our_own_drafts_have_no_errors() -> None:
    for narrative in drafts(30):
        for style in (0, 5):
            findings = lint(render(narrative, style), Given(label="BCC", image="PAT_8_15_820.png"))
            assert [f for f in findings if f.severity is Severity.ERROR] == []


@given(narratives(), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_grammars_own_form_is_whole(narrative: Narrative, style: int) -> None:
    form = rules_named(["unclosed-block", "repeated-block", "missing-next-step", "several-answers"])
    assert lint(render(narrative, style), rules=form) == []


@given(st.text(max_size=300) | st.text(alphabet="<>/think answer[]observation.:*- \n", max_size=300))
@settings(max_examples=80, deadline=None)
def test_any_text_is_read(text: str) -> None:
    for finding in lint(text, Given("mel", "a/b.jpg", History(), Modality.CLINICAL, SMALL.measured, 1)):
        assert 0 <= finding.start <= finding.end <= len(text)


def test_a_cut_or_shuffled_narrative_is_read() -> None:
    text = render(drafts(1)[0])
    words = text.split(" ")
    random.Random(0).shuffle(words)
    for broken in [text[:i] for i in range(0, len(text), 40)] + [" ".join(words)]:
        lint(broken)


def test_rules_are_chosen_by_name_and_severity() -> None:
    assert [rule.name for rule in rules_named(["identity"])] == ["identity"]
    assert all(rule.severity is Severity.ERROR for rule in rules_named(least=Severity.ERROR))
    with pytest.raises(SkinGPTError, match="Did you mean label-leak"):
        rules_named(["label_leak"])
