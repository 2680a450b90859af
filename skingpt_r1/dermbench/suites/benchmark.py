"""A suite as a benchmark to run.

What bites: inspect_ai executes a task's file once more to go on with a run, outside of `sys.modules`, where no
dataclass can be made; so this one lives beside the task and not in its file.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai import Task

from skingpt_r1.dermbench import inspect_registry, scorers
from skingpt_r1.dermbench.suites.manifest import Suite, read, stratified


@dataclass(frozen=True)
class OnSuite:
    """Which cases of which suite, and who judges. Fields as the task `dermbench` takes them."""

    suite: Path
    data: Path | None = None
    limit: int | None = None
    history: bool = False
    judges: tuple[str, ...] = ()
    judge_model: str | None = None

    @functools.cached_property
    def read(self) -> Suite:
        """The suite. Raises SkinGPTError where it is missing."""
        return read(self.suite)

    def settings(self) -> dict[str, Any]:
        """What its answers and scores depend on. Raises SkinGPTError on a judge that is not there."""
        scorers.check(self.judges, self.judge_model)
        return {
            "suite": self.read.name, "version": self.read.version, "digest": self.read.digest, "limit": self.limit,
            "history": self.history, "judges": list(self.judges), "judge_model": self.judge_model,
            "versions": scorers.versions(self.judges),
        }  # fmt: skip

    def total(self) -> int:
        """How many cases."""
        return len(stratified(self.read.rows, self.limit))

    def task(self, way: Mapping[str, Any]) -> Task:
        """way: arguments of `solvers`."""
        return inspect_registry.dermbench(
            suite=str(self.suite.resolve()),
            data=None if self.data is None else str(self.data.resolve()),
            limit=self.limit,
            history=self.history,
            judges=",".join(self.judges) or None,
            judge_model=self.judge_model,
            **way,
        )
