"""A prompt is read back without loss; an answer counts only as one exact candidate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.dermbench.protocol import Asked, answered, asked, question
from skingpt_r1.records import History, SkinGPTError

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
    lambda word: word == word.strip()
)


@given(
    st.none() | st.lists(WORDS, min_size=1, unique=True),
    st.builds(History, age=st.none() | st.floats(0, 120), site=st.none() | WORDS, bleed=st.none() | st.booleans()),
)
def test_a_prompt_tells_its_labels_and_history(labels: list[str] | None, history: History) -> None:
    assert asked(question(labels, history)) == Asked(None if labels is None else tuple(labels), history)


def test_a_foreign_prompt_tells_nothing() -> None:
    assert asked("What is this?\n\n- nv\n- mel") == Asked()
    with pytest.raises(SkinGPTError):
        question(["two\nlines"])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("It is brown.\nFinal label: nv", "nv"),
        ("**Final label: mel**", "mel"),
        ("Final label: `nv`.", "nv"),
        ("final label: NV", "nv"),
        ("Final label: nv\nNo, wait.\nFinal label: mel", "mel"),
        ("Final label: “nv”", "nv"),
        ("Final label:\u00a0«nv».", "nv"),
        ("Final label: nv or mel", None),
        ("Final label: lentigo", None),
        ("It is nv.", None),
        ("My Final label: nv", None),
        ("", None),
    ],
)
def test_answers(text: str, label: str | None) -> None:
    assert answered(text, ["nv", "mel", "Mel."]) == label


def test_capitals_count_where_labels_differ_by_them() -> None:
    assert answered("Final label: Mel", ["mel", "MEL"]) is None
