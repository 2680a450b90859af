"""Which questions a judge answered with nonsense, so that no cache ever repeats the nonsense.

inspect_ai keeps every answer of a cached model, readable or not, and has no way to take one back. So an unreadable
answer is counted here, and the next question is another one for the cache: its seed is that much higher. A question
that was answered well at its second try is thus found again at its second try, without being asked.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path


class Unreadable:
    """Counts by question, in a file that any number of runs append to. None: remembered for this run only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._counts: Counter[str] | None = None

    def count(self, judge: str, key: str) -> int:
        """How many unreadable answers this judge has given to this question."""
        if self._counts is None:
            self._counts = Counter(self._read())
        return self._counts[f"{judge}|{key}"]

    def add(self, judge: str, key: str) -> None:
        """One more."""
        self.count(judge, key)
        assert self._counts is not None
        self._counts[f"{judge}|{key}"] += 1
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as stream:  # one short line a call, whole or not at all
                stream.write(json.dumps(f"{judge}|{key}") + "\n")

    def _read(self) -> list[str]:
        if self._path is None or not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith('"') and line.endswith('"') and len(line) > 1]
