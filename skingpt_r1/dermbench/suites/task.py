"""DermBench as a task of inspect_ai.

    inspect eval skingpt_r1/dermbench -T suite=runs/dermbench-open --model openai/gpt-4o-mini

`skingpt bench run` runs the same task, and settles what a system is shown and which answers are the task's own.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from inspect_ai import Task, task

from skingpt_r1.dermbench import scorers
from skingpt_r1.dermbench.progress import count
from skingpt_r1.dermbench.solving import solvers
from skingpt_r1.dermbench.suites.manifest import pictures, read, stratified
from skingpt_r1.dermbench.suites.samples import dataset
from skingpt_r1.dermbench.systems.registry import LEAST_PIXELS, MOST_PIXELS
from skingpt_r1.sources.registry import data_root


@task
def dermbench(
    suite: str = "runs/dermbench-open",
    data: str | None = None,
    limit: int | None = None,
    history: bool = False,
    blind: bool = False,
    judges: str | list[str] | None = None,
    judge_model: str | None = None,
    system: str = "",
    as_file: bool = False,
    least_pixels: int = LEAST_PIXELS,
    most_pixels: int = MOST_PIXELS,
    recite: str | None = None,
) -> Task:
    """suite: folder of `skingpt bench build`. data: folder of its pictures. limit: at most so many cases, stratified.

    history: tell what is recorded. judges: names with commas between, or the list that inspect_ai makes of these. The
    others: see `solvers`. Raises SkinGPTError where suite or pictures are missing.
    """
    whole = read(Path(suite))
    mine = dataclasses.replace(whole, rows=tuple(stratified(whole.rows, limit)))
    files = pictures(mine, Path(data) if data is not None else data_root())
    return Task(
        dataset=dataset(mine, files, history, other=recite == "other_reference"),
        solver=solvers(system, blind, as_file, least_pixels, most_pixels, recite),
        scorer=scorers.scorers(judges.split(",") if isinstance(judges, str) else judges or [], judge_model),
        fail_on_error=False,
        cleanup=count,
    )
