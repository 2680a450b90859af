"""Narratives that the grammar can write, at random."""

from __future__ import annotations

from hypothesis import strategies as st

from skingpt_r1.knowledge import diagnoses
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import Claim, Hypothesis, Narrative, Urgency

_open = st.one_of(
    st.integers(0, 120).map(lambda n: ("age", str(n), True)),
    st.sampled_from(vocabulary.SITES).map(lambda site: ("site", site, True)),
    st.from_regex(r"[a-z]{1,8}([ /-][a-z]{1,8}){0,3}", fullmatch=True).map(lambda site: ("site", site, True)),
    st.decimals(1, 60, places=1).map(lambda d: ("diameter", f"{float(d):g}", True)),
    st.integers(1, 6).map(lambda n: ("skin type", str(n), True)),
)
keys = st.one_of(st.sampled_from(sorted(vocabulary.WRITINGS)), _open)
names = st.sampled_from(sorted(diagnoses.table()))


@st.composite
def narratives(draw: st.DrawFn) -> Narrative:
    """Anything writable, most of it medically absurd."""
    claims = tuple(Claim(*key) for key in draw(st.lists(keys, min_size=1, max_size=9, unique=True)))
    positions = st.lists(st.integers(0, len(claims) - 1), max_size=3, unique=True).map(tuple)
    diagnosis = draw(names)
    rival = draw(st.one_of(st.none(), names.filter(lambda name: name != diagnosis)))
    differential = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return Narrative(
        claims=claims,
        category=diagnoses.category_of(draw(names)),
        category_claims=draw(positions),
        hypotheses=tuple(Hypothesis(name, draw(positions), draw(positions)) for name in differential),
        deciding=draw(positions),
        rival=rival,
        doubts=draw(positions),
        diagnosis=diagnosis,
        confidence=draw(st.sampled_from(("high", "moderate", "low"))),
        urgency=draw(st.sampled_from(list(Urgency))),
    )
