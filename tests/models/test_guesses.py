"""Guesses: the commonest continuation, a table that survives the disk, and one clear message on a wrong file."""

from __future__ import annotations

from pathlib import Path

import pytest

from skingpt_r1.models import guesses
from skingpt_r1.records import SkinGPTError

TEXTS = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [9, 2, 3, 7, 8], [9, 2, 3, 7, 8]]


def test_the_longest_context_that_is_known_decides() -> None:
    table = guesses.count(TEXTS)
    assert table.following([1, 2, 3, 4], 7) == [5, 6]
    assert table.following([9, 2, 3, 7], 7) == [8]
    assert table.following([5], 7) == []


def test_no_more_than_asked_for() -> None:
    assert guesses.count(TEXTS).following([1, 2], 2) == [3, 4]


def test_what_was_seen_once_or_seldom_is_no_guess() -> None:
    assert guesses.count([[1, 2, 3]]).following([1, 2], 7) == []
    seldom = [[1, 2, n] for n in (3, 3, 4, 4, 5, 5, 6, 6, 7, 7)]
    assert guesses.count(seldom).following([1, 2], 7) == []


def test_saved_and_loaded(tmp_path: Path) -> None:
    guesses.save(guesses.count(TEXTS), tmp_path / "guesses.safetensors")
    loaded = guesses.load(tmp_path / "guesses.safetensors")
    for start in ([1, 2, 3, 4], [9, 2, 3, 7], [1, 2]):
        assert loaded.following(start, 5) == guesses.count(TEXTS).following(start, 5)


def test_adapters_without_a_table_guess_nothing(tmp_path: Path) -> None:
    assert guesses.load(tmp_path / "guesses.safetensors").following([1, 2, 3, 4], 5) == []


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "guesses.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(SkinGPTError, match=r"guesses\.safetensors"):
        guesses.load(path)
