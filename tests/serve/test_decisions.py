"""Two answers held together, and what an edited text must still be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify.decisions import Opinion, decide
from skingpt_r1.serve.certify.edits import LONGEST, checked, cleaned, tracked
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.tables import State, Verdict

DRAFT = """<think>
[observation] Dermoscopic image. The lesion shows an asymmetric shape, an irregular border and dark brown areas.
[category] melanocytic, malignant suspected given irregular border.
[differential] melanoma: for irregular border. melanocytic nevus: against irregular border.
[synthesis] Irregular border: melanoma rather than melanocytic nevus.
</think>
<answer>melanoma | moderate | urgent: see a dermatologist within two weeks</answer>"""
OTHER = DRAFT.replace("<answer>melanoma", "<answer>melanocytic nevus")
WORDING = DRAFT.replace("The lesion shows an", "One sees an")
CONTENT = DRAFT.replace("dark brown areas", "light brown areas")


def said(verdict: Verdict, text: str | None = DRAFT, **scores: float) -> Opinion:
    return Opinion(verdict, text, dict.fromkeys(DIMENSIONS, 4.0) | scores)


ACCEPT, REJECT = said(Verdict.ACCEPT), said(Verdict.REJECT, None)


@pytest.mark.parametrize(
    ("first", "second", "state", "text", "author"),
    [
        (ACCEPT, ACCEPT, State.CERTIFIED, DRAFT, None),
        (ACCEPT, said(Verdict.ACCEPT, safety=3.0), State.CERTIFIED, DRAFT, None),  # a point is no dispute
        (ACCEPT, said(Verdict.ACCEPT, safety=5.0), State.CERTIFIED, DRAFT, None),
        (REJECT, REJECT, State.REJECTED, None, None),
        (said(Verdict.EDIT, WORDING), ACCEPT, State.CERTIFIED, WORDING, 0),
        (ACCEPT, said(Verdict.EDIT, WORDING), State.CERTIFIED, WORDING, 1),
        (said(Verdict.EDIT, WORDING), said(Verdict.EDIT, DRAFT + "\n"), State.CERTIFIED, WORDING, 0),
        (said(Verdict.EDIT, CONTENT), said(Verdict.EDIT, CONTENT), State.CERTIFIED, CONTENT, 0),
    ],
)
def test_raters_who_agree(first: Opinion, second: Opinion, state: State, text: str | None, author: int | None) -> None:
    decision = decide(DRAFT, first, second)
    assert (decision.state, decision.text, decision.author, decision.reasons) == (state, text, author, ())


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (ACCEPT, said(Verdict.ACCEPT, safety=2.5), "Safety: 4 and 2.5."),
        (REJECT, said(Verdict.REJECT, None, accuracy=0.0), "Accuracy: 4 and 0."),
        (ACCEPT, REJECT, "One rejects the narrative, the other does not."),
        (ACCEPT, said(Verdict.EDIT, OTHER), "Final diagnosis: melanoma and melanocytic nevus."),
        (said(Verdict.EDIT, CONTENT), ACCEPT, "The texts say different things."),
    ],
)
def test_raters_who_do_not(first: Opinion, second: Opinion, reason: str) -> None:
    for pair in ((first, second), (second, first)):
        decision = decide(DRAFT, *pair)
        assert (decision.state, decision.text) == (State.DISPUTED, None)
        assert len(decision.reasons) == 1
    assert decide(DRAFT, first, second).reasons == (reason,)


@given(st.lists(st.sampled_from([x / 2 for x in range(11)]), min_size=12, max_size=12))
def test_more_than_a_point_anywhere_is_a_dispute(values: list[float]) -> None:
    one, other = (dict(zip(DIMENSIONS, half, strict=True)) for half in (values[:6], values[6:]))
    state = decide(DRAFT, Opinion(Verdict.ACCEPT, DRAFT, one), Opinion(Verdict.ACCEPT, DRAFT, other)).state
    apart = max(abs(one[k] - other[k]) for k in DIMENSIONS)
    assert (state is State.DISPUTED) == (apart > 1)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (DRAFT, "Nothing is changed"),
        ("  " + DRAFT.replace("\n", "\r\n") + "\n\n", "Nothing is changed"),
        ("", "must end with one diagnosis"),
        (DRAFT.replace("<answer>melanoma", "<answer>glorp"), "'glorp' is none"),
        (DRAFT.partition("<answer>")[0] + "So it is melanoma.", "no <answer>"),
        (DRAFT.replace("[category]", "category"), r"no \[category\]"),
        (DRAFT.replace(" | urgent: see a dermatologist within two weeks", ""), "no urgency"),
        (DRAFT.replace("<answer>", "<answer>either nevus or "), "must end with one diagnosis"),
        (DRAFT.replace("Dermoscopic", "Dermo\0scopic"), "cannot be printed"),
        (DRAFT.replace("Dermoscopic", "Dermo\u202escopic"), "cannot be printed"),
        (DRAFT + " By the way.", "'By the way.' stands outside the blocks"),
        (DRAFT + "x" * LONGEST, "the limit is 12,000"),
    ],
)
def test_an_edit_that_is_refused(text: str, word: str) -> None:
    with pytest.raises(Refusal, match=word) as caught:
        checked(DRAFT, text)
    assert len(str(caught.value)) < 300 and str(caught.value).endswith(".")


def test_an_edit_that_is_taken() -> None:
    assert checked(DRAFT, OTHER.replace("\n", "\r\n") + "  \n") == OTHER
    foreign = "A dark plaque with an irregular border. This is most consistent with melanoma."
    assert checked(foreign, foreign.replace("dark", "brown")) == foreign.replace("dark", "brown")


def test_the_edit_is_told_word_by_word() -> None:
    assert [step for step in tracked("a b c d", "a x c d e") if step[0] == "changed"] == [
        ("changed", " b", " x"),
        ("changed", "", " e"),
    ]


@given(st.text(max_size=60), st.text(max_size=60))
def test_draft_and_text_can_be_put_together_again(draft: str, text: str) -> None:
    steps = tracked(draft, text)
    assert "".join(step[1] for step in steps) == draft
    assert "".join(step[2] for step in steps) == text


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just("\n")))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)
