"""Scores that stand survive a torn line and belong to one system, case, judge and answer."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")

from inspect_ai.scorer import Score

from skingpt_r1.dermbench.kept import Kept, keeping_scores, kept_now


def test_what_was_said_stands(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    said = Score(value={"accuracy": 4.5, "mean": 4.0}, explanation="fine \u2028 line\ntwo", metadata={"k": [1, None]})
    Kept(path, "one").add("case/1", "dermeval", "An answer.", said)
    Kept(path, "two").add("case/1", "dermeval", "An answer.", Score(value=1))
    path.write_bytes(path.read_bytes() + b'{"system": "one", "ca')  # a kill in the middle of a line
    again = Kept(path, "one")
    assert again.get("case/1", "dermeval", "An answer.") == said
    for other in (
        ("case/2", "dermeval", "An answer."),
        ("case/1", "offline", "An answer."),
        ("case/1", "dermeval", "No."),
    ):
        assert again.get(*other) is None
    again.add("case/2", "dermeval", "\ud800 half a pair", Score(value=2))
    assert len(Kept(path, "one").scores) == 2 and len(Kept(path, "two").scores) == 1


def test_nothing_is_kept_outside_a_run(tmp_path: Path) -> None:
    assert kept_now() is None
    with keeping_scores(tmp_path / "s.jsonl", "one"):
        assert kept_now() is not None
    assert kept_now() is None and not (tmp_path / "s.jsonl").exists()
