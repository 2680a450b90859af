"""Cases through JSON Lines and back, whatever they hold; a damaged line is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skingpt_r1.records import Case, CaseError, History, Modality
from skingpt_r1.sources.streams import read_cases, write_jsonl

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
histories = st.builds(History, age=st.none() | st.floats(0, 120), sex=st.none() | text, itch=st.none() | st.booleans())
cases = st.builds(
    Case,
    id=text,
    image=text,
    modality=st.sampled_from(Modality),
    dataset=text,
    history=histories,
    label=st.none() | text,
    group=st.none() | text,
    split=st.sampled_from([None, "train", "val", "test"]),
    concepts=st.none() | st.lists(text, max_size=3).map(tuple),
)


@given(st.lists(cases, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cases_come_back_as_they_went(tmp_path: Path, written: list[Case]) -> None:
    write_jsonl(tmp_path / "cases.jsonl", written)
    assert read_cases(tmp_path / "cases.jsonl") == written
    assert [path.name for path in tmp_path.iterdir()] == ["cases.jsonl"]


@pytest.mark.parametrize("line", ["{", "[]", '{"schema": 1}', '{"schema": 99, "id": "x"}', "3"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cases.jsonl"
    write_jsonl(path, [Case("1", "1.jpg", Modality.CLINICAL, "made")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(CaseError, match=r"cases\.jsonl:2: not a case"):
        read_cases(path)
    with pytest.raises(CaseError, match="cannot be read"):
        read_cases(tmp_path / "missing.jsonl")
