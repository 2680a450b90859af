"""The final diagnosis of a text, and only that one. All texts were written for these tests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.knowledge.conclusion import conclude, kin
from tests.growth import growth

DIFFERENTIAL = """<think> I see a scaly red plaque with a sharp edge on the elbow. </think>

<think> What could it be?
- **Eczema**: usually has a blurred edge, so it is less likely.
- **Tinea corporis**: would typically clear in the middle.
- **Psoriasis**: silvery scale on an extensor site fits well. </think>

"""

CONCLUDED = [
    ("In conclusion, this is most consistent with **psoriasis**. Please see a dermatologist.", "psoriasis"),
    ("Based on this, you have plaque psoriasis rather than eczema or tinea corporis.", "psoriasis"),
    ("In conclusion, psoriasis. Melanoma was ruled out, and there is no sign of scabies.", "psoriasis"),
    ("While eczema and tinea remain possible, the most likely diagnosis is psoriasis.", "psoriasis"),
    ("The diagnosis is **eczema (atopic dermatitis)**.", "atopic dermatitis"),
    ("The findings point to **tinea**, specifically **tinea pedis**.", "tinea pedis"),
    ("This appears to be chronic eczema, likely atopic dermatitis or nummular eczema.", "eczema"),
    ("The final diagnosis is a BCC; a biopsy should exclude melanoma.", "basal cell carcinoma"),
    ("Conclusion: seborrhoeic keratosis. It is harmless and does not turn into melanoma.", "seborrheic keratosis"),
    ("Most consistent with Kaposi sarcoma, a vascular tumour.", "Kaposi sarcoma"),
    ("In summary, this supports a diagnosis of shingles (herpes zoster), not of herpes simplex.", "herpes zoster"),
    ("Therefore I conclude that this is irritant or allergic contact dermatitis.", "contact dermatitis"),
]


@pytest.mark.parametrize(("ending", "name"), CONCLUDED)
@pytest.mark.parametrize("wrapped", [False, True])
def test_final_diagnosis(ending: str, name: str, wrapped: bool) -> None:
    text = DIFFERENTIAL + (f"<think> {ending} </think>" if wrapped else ending)
    found = conclude(text)
    assert found.diagnosis == name, found
    assert found.reason is None and found.span is not None
    start, end = found.span
    assert start >= len(DIFFERENTIAL)
    assert text[start:end] in ending


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the narrative is empty"),
        (" \n ", "the narrative is empty"),
        ("In conclusion, this is either psoriasis or tinea corporis.", "several final answers"),
        ("The most likely diagnosis is psoriasis versus lichen planus.", "several final answers"),
        ("This is most consistent with scabies, impetigo, or rosacea.", "several final answers"),
        ("The diagnosis is a basal cell carcinoma and a melanoma.", "several final answers"),
        ("In conclusion, it is psoriasis.\nIn conclusion, it is scabies.", "several final answers"),
        ("The skin is healthy. There is nothing wrong with your skin.", "the text finds no disease"),
        ("I cannot see the picture.", "no diagnosis is named"),
        ("It is not melanoma, and psoriasis is ruled out.", "every named diagnosis is rejected"),
        ("<answer>psoriasis | high</answer> <answer>scabies | high</answer>", "several final answers"),
        ("<answer>psoriasis or scabies | low</answer>", "several final answers"),
    ],
)
def test_no_answer_has_a_reason(text: str, reason: str) -> None:
    found = conclude(text)
    assert found.diagnosis is None and found.span is None
    assert (found.reason or "").partition(":")[0] == reason


def test_an_answer_block_is_final() -> None:
    text = "<think> Psoriasis seems most likely. </think>\n<answer>**Tinea corporis** | moderate | routine</answer>"
    found = conclude(text)
    assert found.diagnosis == "tinea corporis"
    assert found.span is not None and text[slice(*found.span)] == "Tinea corporis"
    assert conclude("<answer>psoriasis</answer> Again: <answer>Psoriasis</answer>").diagnosis == "psoriasis"
    assert conclude("<answer>Blorbitis maxima</answer>").diagnosis == "Blorbitis maxima"


def test_unknown_names_stay_as_written() -> None:
    text = "<think> Odd spots. </think> In conclusion, the picture is most consistent with **blorbitis maxima**."
    found = conclude(text)
    assert found.diagnosis == "blorbitis maxima"
    assert found.span is not None and text[slice(*found.span)] == "blorbitis maxima"


def test_kin() -> None:
    assert kin("psoriasis", "psoriasis")
    assert kin("hand eczema", "eczema") and kin("eczema", "hand eczema")
    assert not kin("hand eczema", "nummular eczema")


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from([ending for ending, _ in CONCLUDED]))
def test_any_text_is_read_and_the_span_holds(noise: str, ending: str) -> None:
    for text in (noise, noise + "\n\n" + ending, ending + "\n\n" + noise):
        found = conclude(text)
        assert (found.diagnosis is None) == (found.span is None) == (found.reason is not None)
        if found.span is not None:
            assert 0 <= found.span[0] < found.span[1] <= len(text)


@pytest.mark.parametrize("piece", ["psoriasis ", "<think>", "psoriasis or scabies, ", "most likely ", "**("])
def test_time_grows_with_the_text_not_with_its_square(piece: str) -> None:
    """Ten times the text may take about ten times the time; quadratic code would take a hundred."""
    assert growth(conclude, piece, 20_000, 200_000) < 40
