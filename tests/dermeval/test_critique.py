"""The critique's grammar: what is written is read back, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.dermeval.critique import COSTS, Critique, Fault, Remark, assessment, parse, parse_scores, quoted, render
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import SkinGPTError

quotes = st.text(min_size=1, max_size=90).map(quoted).filter(bool)
remarks = st.builds(Remark, quotes, st.sampled_from(Fault))
scores = st.tuples(*[st.integers(0, 5)] * 6)


@given(st.lists(remarks, max_size=4), scores)
def test_what_is_written_is_read_back(told: list[Remark], points: tuple[int, ...]) -> None:
    critique = Critique(tuple(told), points)
    assert parse(render(critique)) == critique


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[critique] no fault found.\n[scores] 5 5 5 5 5 5",
        "[scores] 5 5 5 5 5\n[critique] no fault found.",
        "[scores] 5 5 5 5 5 6\n[critique] no fault found.",
        "[scores] 5 5 5 5 5 5\n[critique] no fault found",
        "[scores] 5 5 5 5 5 5 and more\n[critique] no fault found.",
        "[scores] 5 5 5 5 5 5\n[critique] border: looks odd.",
        "[scores] 5 5 5 5 5 5\n[critique] : is vague.",
        "[scores] 5 5 5 5 5 5\n[critique] " + ". ".join(["a: is vague"] * 5) + ".",
        '{"scores": [5, 5, 5, 5, 5, 5]}',
    ],
)
def test_half_a_critique_is_none(text: str) -> None:
    assert parse(text) is None


def test_scores_are_read_where_they_end_and_nowhere_else() -> None:
    written = render(Critique((), (5, 4, 3, 2, 1, 0)))
    read = [parse_scores(written[:end]) for end in range(len(written))]
    assert read.index((5, 4, 3, 2, 1, 0)) == len("[scores] 5 4 3 2 1 0")
    assert sum(found is not None for found in read) == 2  # and with the line break after them
    assert parse_scores("[scores] 5 4 3 2 1 6") is None


def test_a_quote_that_would_not_come_back_is_refused() -> None:
    with pytest.raises(SkinGPTError, match="read back"):
        render(Critique((Remark("a: b. c", Fault.VAGUE),), (5,) * 6))


def test_every_fault_costs_a_dimension_and_a_person_reads_which() -> None:
    assert set(COSTS) == set(Fault)
    assert {d for dimensions in COSTS.values() for d in dimensions} == set(DIMENSIONS)
    made = assessment([Remark("irregular border", Fault.UNSEEN)], [5, 5, 4, 5, 5, 2])
    assert made.critique == '"irregular border" not in the picture (description precision, medical groundedness).'
    assert made.description_precision == 2
