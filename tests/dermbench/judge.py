"""Judges for tests of runs: slow and writing down whom it judged, failing on its first look, or steady."""

from __future__ import annotations

import json
import os
import time

import anyio
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState

SEEN: list[str] = []


@scorer(metrics=[mean()])
def slow_judge() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        _note(state, "began")
        await anyio.sleep(0.2)
        _note(state, "done")
        return Score(value=3)

    return score


def _note(state: TaskState, what: str) -> None:
    with open(os.environ["JUDGED"], "a", encoding="utf-8") as stream:
        stream.write(json.dumps([str(state.sample_id), what, time.time()]) + "\n")


@scorer(metrics=[mean()])
def moody_judge() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        SEEN.append(str(state.sample_id))
        if state.sample_id == "ham10000/1" and SEEN.count("ham10000/1") == 1:
            return Score.unscored(reason="scoring_failed", explanation="status 429, 5 times")
        return Score(value=4)

    return score


@scorer(metrics=[mean()])
def steady_judge() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        SEEN.append(f"steady {state.sample_id}")
        return Score(value=2)

    return score
