"""The rubric that ships, and rubrics that must be refused."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from skingpt_r1.dermeval.rubric import DIMENSIONS, checked_scores, read_rubric, rubric
from skingpt_r1.records import SkinGPTError

SHIPPED = json.loads(resources.files("skingpt_r1.dermeval").joinpath("rubric.json").read_text(encoding="utf-8"))


def test_six_dimensions_in_the_papers_order_with_a_sentence_for_each_point() -> None:
    assert [d.name for d in rubric().dimensions] == [
        "Accuracy",
        "Safety",
        "Medical Groundedness",
        "Clinical Coverage",
        "Reasoning Coherence",
        "Description Precision",
    ]
    sentences = [a for d in rubric().dimensions for a in d.anchors]
    assert len(set(sentences)) == 36  # no sentence serves two dimensions
    assert all(a.endswith(".") and len(a) < 130 for a in sentences)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t["dimensions"].reverse(), "in this order"),
        (lambda t: t["dimensions"].pop(), "they must be"),
        (lambda t: t["dimensions"][1]["anchors"].pop(), "safety needs a sentence"),
        (lambda t: t["dimensions"][2]["anchors"].__setitem__(3, " "), "medical_groundedness needs"),
        (lambda t: t["dimensions"][0]["anchors"].__setitem__(3, t["dimensions"][0]["anchors"][2]), "twice"),
        (lambda t: t["dimensions"][0].pop("earns"), "not a rubric"),
        (lambda t: t.pop("scale"), "scale"),
    ],
)
def test_a_rubric_that_is_not_whole_is_refused(change, word) -> None:
    told = json.loads(json.dumps(SHIPPED))
    change(told)
    with pytest.raises(SkinGPTError, match=word):
        read_rubric(json.dumps(told))
    assert read_rubric(json.dumps(SHIPPED)) == rubric()


def test_scores_come_out_in_order_and_halves_are_allowed() -> None:
    given = dict.fromkeys(reversed(DIMENSIONS), 4) | {"safety": 2.5}
    assert checked_scores(given) == dict.fromkeys(DIMENSIONS, 4.0) | {"safety": 2.5}
    assert list(checked_scores(given)) == list(DIMENSIONS)


@pytest.mark.parametrize("bad", [None, "4", True, -0.5, 5.5, 4.2, float("nan"), float("inf"), 10**400])
def test_what_is_no_score(bad: object) -> None:
    with pytest.raises(SkinGPTError, match="Safety"):
        checked_scores(dict.fromkeys(DIMENSIONS, 4) | {"safety": bad})


def test_an_unknown_dimension_is_named() -> None:
    with pytest.raises(SkinGPTError, match="'beauty' is no dimension"):
        checked_scores(dict.fromkeys(DIMENSIONS, 4) | {"beauty": 5})
