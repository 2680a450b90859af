"""Names are found in running text, whatever its spelling and markup."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.knowledge.diagnoses import spellings
from skingpt_r1.knowledge.mentions import mentions

_ALL = sorted((name, form) for name, forms in spellings().items() for form in forms)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("**Seborrhoeic** keratoses, most of them.", ["seborrheic keratosis"]),
        ("Basal-cell carcinoma; no melanoma.", ["basal cell carcinoma", "melanoma"]),
        ("a lichen planus-like keratosis", ["lichen planus-like keratosis"]),
        ("Henoch-Schönlein purpura", ["Henoch-Schonlein purpura"]),
        ("hand, foot, and mouth disease", ["hand foot and mouth disease"]),
        ("Bowens disease", ["Bowen disease"]),
        ("An AK. Not an ak.", ["actinic keratosis"]),
        ("This mel and that nv are codes, not words.", []),
        ("contact. Dermatitis", ["eczema"]),  # a full stop parts a name
        ("melanomas and psoriasis", ["melanoma", "psoriasis"]),
        ("", []),
    ],
)
def test_names_in_text(text: str, names: list[str]) -> None:
    assert [m.name for m in mentions(text)] == names


@settings(deadline=None)
@given(st.sampled_from(_ALL), st.text(alphabet=" .,;*", max_size=5))
def test_every_spelling_is_found_where_it_stands(pair: tuple[str, str], lead: str) -> None:
    name, form = pair
    found = mentions(f"{lead} {form}.")
    if form not in ("mel", "nv", "nev", "mels", "nvs", "nevs"):
        assert [m.name for m in found] == [name]
        assert f"{lead} {form}."[found[0].start : found[0].end].strip("()") in form


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    ends = [0]
    for mention in mentions(text):
        assert ends[-1] <= mention.start < mention.end <= len(text)
        ends.append(mention.end)
