"""A labelled set as a benchmark to run (see `suites.benchmark`)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai import Task

from skingpt_r1.dermbench import inspect_registry
from skingpt_r1.dermbench.classify.sets import Labelled, labelled_cases


@dataclass(frozen=True)
class OnSet:
    """Which rows of which set, and how they are asked about. Fields as the task `classify` takes them."""

    source: str
    split: str = "test"
    limit: int | None = None
    history: bool = False
    open_ended: bool = False
    judge: str | None = None
    runs: Path = Path("runs")

    @functools.cached_property
    def read(self) -> Labelled:
        """The set's cases. Raises SkinGPTError."""
        return labelled_cases(self.source, self.split, self.limit, self.runs)

    def settings(self) -> dict[str, Any]:
        """What answers depend on."""
        return {
            "source": self.read.name, "split": self.split, "limit": self.limit, "history": self.history,
            "open_ended": self.open_ended, "judge": self.judge, "digest": self.read.digest,
        }  # fmt: skip

    def total(self) -> int:
        """How many cases."""
        return len(self.read.cases)

    def task(self, way: Mapping[str, Any]) -> Task:
        """way: arguments of `solvers`."""
        return inspect_registry.classify(
            self.source, self.split, self.limit, self.history, self.open_ended, self.judge, str(self.runs.resolve()),
            **way,
        )  # fmt: skip
