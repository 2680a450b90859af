"""Splits: nothing on two sides, shares near the wish, the same again for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.records import Case, Modality, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.splits import keep_apart, leaks, split_cases


def _case(name: str, **fields: str | None) -> Case:
    dataset, _, own = name.rpartition("/")
    return Case(own, f"{own}.jpg", Modality.CLINICAL, dataset or "made", **fields)  # type: ignore[arg-type]


rows = st.lists(st.tuples(st.sampled_from("ABC"), st.one_of(st.none(), st.integers(0, 12))), min_size=1, max_size=60)
links = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=15)


def _made(table: list[tuple[str, int | None]]) -> list[Case]:
    return [
        _case(f"{n}", label=label, group=None if group is None else f"p{group}")
        for n, (label, group) in enumerate(table)
    ]


@given(rows, links, st.integers(0, 5))
def test_no_group_and_no_duplicate_on_two_sides(
    table: list[tuple[str, int | None]], pairs: list[tuple[int, int]], seed: int
) -> None:
    cases = _made(table)
    duplicates = [{f"made/{a}", f"made/{b}"} for a, b in pairs]
    done = split_cases(cases, seed=seed, duplicates=duplicates)
    assert [key(c) for c in done] == [key(c) for c in cases]
    assert all(case.split in ("train", "val", "test") for case in done)
    sides: dict[str, set[str | None]] = {}
    for case in done:
        if case.group:
            sides.setdefault(case.group, set()).add(case.split)
    assert all(len(s) == 1 for s in sides.values())
    split_of = {key(case): case.split for case in done}
    for pair in duplicates:
        assert len({split_of[name] for name in pair if name in split_of}) <= 1
    assert done == split_cases(cases, seed=seed, duplicates=duplicates)
    assert leaks(done, duplicates) == []


def test_shares_are_stratified() -> None:
    """100 of one label and 20 of another, single rows: 8:1:1 of each is possible, so it must come out."""
    cases = [_case(f"a{n}", label="A") for n in range(100)] + [_case(f"b{n}", label="B") for n in range(20)]
    counts = Counter((c.label, c.split) for c in split_cases(cases, seed=3))
    assert counts == {
        ("A", "train"): 80, ("A", "val"): 10, ("A", "test"): 10,
        ("B", "train"): 16, ("B", "val"): 2, ("B", "test"): 2,
    }  # fmt: skip


def test_seed_matters_and_a_zero_share_stays_empty() -> None:
    cases = [_case(f"{n}", label="A") for n in range(50)]
    assert split_cases(cases, seed=1) != split_cases(cases, seed=2)
    assert {c.split for c in split_cases(cases, (0.5, 0.0, 0.5))} == {"train", "test"}


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.1, -0.1, 0.0), (float("nan"), 0.5, 0.5)])
def test_fractions_that_do_not_add_up(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(SkinGPTError, match="summing to 1"):
        split_cases([_case("x")], fractions)


def test_keep_apart_drops_the_weaker_side_transitively() -> None:
    cases = [
        _case("a/1", split="train", group="p1"),  # shares a patient with a copy of a test row
        _case("a/2", split="train", group="p1"),
        _case("b/3", split="test"),
        _case("b/4", split="val", group="p4"),
        _case("b/5", split="train", group="p4"),  # shares a patient with val
        _case("a/ISIC_0000007", split="val"),  # the same photograph is a test row elsewhere
        _case("b/ISIC_0000007", split="test"),
        _case("a/8", split="train"),
        _case("a/9", group="p9"),  # no split: neither dropped nor a reason to drop
        _case("a/10", split="train", group="p9"),
    ]
    kept, dropped = keep_apart(cases, [{"a/2", "b/3"}])
    assert [key(c) for c in dropped] == ["a/1", "a/2", "b/5", "a/ISIC_0000007"]
    assert len(kept) + len(dropped) == len(cases)
    assert len(leaks(cases, [{"a/2", "b/3"}])) == 3
    assert leaks(kept, [{"a/2", "b/3"}]) == []


def test_rows_without_a_split_count_as_train_beside_test_rows() -> None:
    """Two data sets, one with splits and one without: what the second shares with the first's test rows must go."""
    first = Case("a", "a.jpg", Modality.DERMOSCOPY, "one", split="test")
    second = Case("b", "b.jpg", Modality.DERMOSCOPY, "two")
    third = Case("c", "c.jpg", Modality.DERMOSCOPY, "two")
    assert keep_apart([first, second, third], [("one/a", "two/b")]) == ([first, third], [second])
