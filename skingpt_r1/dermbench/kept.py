"""Scores that stand, each written down the moment a judge gives it.

inspect_ai records a sample once all its judges are done; what one of them said before a kill, or beside another that
could not judge, would be asked for again. Kept by case, judge and answer: another answer is judged afresh.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from inspect_ai.scorer import Score


class Kept:
    """The scores of one system, in a JSON Lines file that the systems of a run share."""

    def __init__(self, path: Path, system: str) -> None:
        self.path, self.system = path, system
        self.scores: dict[tuple[str, str, str], Score] = {}
        text = path.read_bytes() if path.exists() else b""
        if text and not text.endswith(b"\n"):  # a kill cut the last line short
            text = text[: text.rfind(b"\n") + 1]
            os.truncate(path, len(text))
        for line in text.splitlines():
            told = json.loads(line)
            if told["system"] == system:
                self.scores[told["case"], told["judge"], told["answer"]] = Score.model_validate(told["score"])

    def get(self, case: str, judge: str, answer: str) -> Score | None:
        """What the judge said of this answer."""
        return self.scores.get((case, judge, _digest(answer)))

    def add(self, case: str, judge: str, answer: str, score: Score) -> None:
        """Write down what it says."""
        line = {
            "system": self.system, "case": case, "judge": judge, "answer": _digest(answer),
            "score": score.model_dump(mode="json"),
        }  # fmt: skip
        self.scores[case, judge, _digest(answer)] = score
        with self.path.open("ab") as stream:
            stream.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace"))


def _digest(answer: str) -> str:
    return hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_NOW: Final[ContextVar[Kept | None]] = ContextVar("_NOW", default=None)


@contextmanager
def keeping_scores(path: Path, system: str) -> Iterator[None]:
    """Within, judges' scores are kept in the file, and those that it holds stand."""
    token = _NOW.set(Kept(path, system))
    try:
        yield
    finally:
        _NOW.reset(token)


def kept_now() -> Kept | None:
    """Where scores are kept; None outside a run of ours."""
    return _NOW.get()
