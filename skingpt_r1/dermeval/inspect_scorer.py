"""DermEval as a scorer of inspect_ai: six scores and their mean for what a model said of a sample's picture.

    Task(dataset=..., solver=generate(), scorer=dermeval())
    inspect score LOG.eval --scorer skingpt_r1/dermeval      (not in this repository, where that is a folder)

The picture is `metadata["image"]` (a path) or the first image of the sample's input, the history `metadata["history"]`.
What cannot be judged is unscored, with the reason, and enters no mean: read the number of unscored samples with it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
from inspect_ai.model import ChatMessage, ContentImage
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from inspect_ai.util import concurrency

from skingpt_r1.dermeval import judging
from skingpt_r1.dermeval.judging import Judgement, Submission
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.submissions import history_of
from skingpt_r1.records import CaseError


@scorer(metrics={key: [mean(), stderr()] for key in (*DIMENSIONS, MEAN)})
def dermeval(evaluator: str | None = None) -> Scorer:
    """Scores of 0 to 5. evaluator: the folder of one of your own."""

    async def score(state: TaskState, target: Target) -> Score:
        from skingpt_r1.models.threads import side_by_side  # loads torch

        text = state.output.completion
        async with concurrency("dermeval", side_by_side()):
            try:
                told = await anyio.to_thread.run_sync(_judged, state, text, evaluator)
            except CaseError as error:
                reason = "scoring_failed" if text.strip() else "no_response"
                return Score.unscored(reason=reason, answer=text, explanation=str(error))
        return Score(
            value={**told.scores, MEAN: told.mean},
            answer=text,
            explanation=told.assessment.critique,
            metadata={"intervals": dict(zip(DIMENSIONS, map(list, told.intervals), strict=False)) or None},
        )

    return score


def _judged(state: TaskState, text: str, evaluator: str | None) -> Judgement:
    """Raises CaseError where there is nothing to judge."""
    history = history_of(state.metadata.get("history"))
    with _file(_image(state)) as image:
        judge = judging.load_judge(None if evaluator is None else Path(evaluator))
        (told,) = judging.judged(judge, [Submission(str(state.sample_id), image, text, history)])
    if isinstance(told, CaseError):
        raise told
    return told


def _image(state: TaskState) -> str:
    named = state.metadata.get("image")
    if isinstance(named, str) and named:
        return named
    shown = _shown(state.input) if not isinstance(state.input, str) else ()
    if (first := next(iter(shown), None)) is None:
        raise CaseError("the sample has no picture: put one into its input, or its path into metadata['image'].")
    return first


def _shown(messages: list[ChatMessage]) -> Iterator[str]:
    for message in messages:
        content: Any = message.content
        if not isinstance(content, str):
            yield from (part.image for part in content if isinstance(part, ContentImage))


@contextlib.contextmanager
def _file(image: str) -> Iterator[Path]:
    """The picture as a file: where it is, or for as long as it is needed."""
    if image.startswith(("http://", "https://")):
        raise CaseError(
            f"{image[:80]}: is a URL; pictures are not fetched, put the file's path into metadata['image']."
        )
    if not image.startswith("data:"):
        yield Path(image.removeprefix("file://"))
        return
    try:
        content = base64.b64decode(image.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise CaseError(f"the sample's picture is no base64 ({error}).") from error
    with tempfile.NamedTemporaryFile(suffix=".image") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)
