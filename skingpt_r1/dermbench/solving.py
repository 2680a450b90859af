"""How a sample gets its answer: the picture is prepared, the system asked, and what is no answer left pending.

Pending is an error of the sample with its reason: it is counted apart, enters no mean, and the next run asks again.
Answers are cached by inspect_ai; an unusable one that was cached is passed over, so that asking again really asks.
What bites: inspect_ai takes `<think>` blocks out of an answer, where our narratives reason; `whole` puts them back.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Final

import anyio.to_thread
from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model import (
    CachePolicy,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver
from tenacity import RetryError

from skingpt_r1.dermbench import protocol
from skingpt_r1.dermbench.systems.pictures import data_url, flat, photo_of, within
from skingpt_r1.dermbench.systems.registry import LEAST_PIXELS, MOST_PIXELS
from skingpt_r1.dermeval.judgeable import check_text
from skingpt_r1.knowledge.conclusion import conclude
from skingpt_r1.records import CaseError, SkinGPTError

_REFUSAL: Final = re.compile(
    r"\b(?:I['’]?m|I am) (?:sorry|unable|not able)\b|\bI (?:cannot|can['’]?t|can not|won['’]?t|must decline)\b"
    r"|\b(?:unable|not able) to (?:assist|help|provide|analy[sz]e|diagnose)\b|\bas an AI\b",
    re.IGNORECASE,
)
_OPENING: Final = 300  # characters in which a refusal stands


class Pending(SkinGPTError):
    """No answer to this case yet, and why."""

    kind = "pending"

    def __repr__(self) -> str:
        """What inspect_ai writes down as the sample's error."""
        return f"{self.kind}: {self}"


class Unusable(Pending):
    """The system did answer, but with nothing that can be used. Where answers are right or wrong, that is wrong."""

    kind = "unusable"


def solvers(
    system: str = "",
    blind: bool = False,
    as_file: bool = False,
    least_pixels: int = LEAST_PIXELS,
    most_pixels: int = MOST_PIXELS,
    recite: str | None = None,
    narrative: bool = True,
) -> list[Solver]:
    """How each sample of a task gets its answer.

    system: name that answers are cached under, empty: they are not. blind: show the mean colour. as_file: hand the
    picture's file to the model as it is. recite: metadata key of a text that is the answer, without asking any model.
    narrative: what cannot be judged as a text is no answer.
    """
    if recite is not None:
        return [recited(recite)]
    prepared = [] if as_file and not blind else [shown(least_pixels, most_pixels, blind)]
    return [*prepared, asked(system, narrative)]


@solver
def shown(least: int, most: int, blind: bool = False) -> Solver:
    """The picture as a system of others gets it: so many pixels at least and at most, encoded afresh, no file name.

    blind: its mean colour only, lossless.
    """

    def prepared(image: str) -> str:
        photo = photo_of(image)
        return data_url(within((flat(photo) if blind else photo).pixels, least, most), lossless=blind)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for message in state.messages:
            if not isinstance(message.content, str):
                message.content = [
                    ContentImage(image=await anyio.to_thread.run_sync(prepared, part.image))
                    if isinstance(part, ContentImage)
                    else part
                    for part in message.content
                ]
        return state

    return solve


@solver
def asked(system: str, narrative: bool = True) -> Solver:
    """The system's answer. narrative: see `solvers`. system: what it is cached as, empty: not at all.

    Mean colours of two pictures may be the same: without the case in the key one answer would stand for both.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for n in itertools.count():
            scopes = {"system": system, "case": str(state.sample_id), "ask": str(n)}
            # only a run of ours has a cache of its own; inspect_ai's, of all runs, knows neither adapters nor blindness
            policy = CachePolicy(expiry=None, scopes=scopes) if system else False
            try:
                output = await get_model().generate(state.messages, cache=policy)
            except RetryError as error:
                raise Pending(f"no answer after {error.last_attempt.attempt_number} tries: {_cause(error)}") from error
            except json.JSONDecodeError as error:
                raise Pending(f"the server sent no chat answer: {error}") from error
            reason = unusable(output, narrative, state.metadata.get("labels") or ())
            if reason is None:
                break
            if not from_cache():
                raise Unusable(reason)
        output.completion = whole(output)
        state.output = output
        state.messages.append(output.message)
        return state

    return solve


@solver
def recited(key: str) -> Solver:
    """The answer is a text of the sample's metadata: `reference`, or `other_reference`."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output = ModelOutput.from_content("skingpt/reference", state.metadata[key])
        state.output.usage = ModelUsage()
        state.messages.append(state.output.message)
        return state

    return solve


def unusable(output: ModelOutput, narrative: bool = True, labels: Sequence[str] = ()) -> str | None:
    """Why an output is no answer; None for one, however poor. labels: words of refusal before one of these are none."""
    text = whole(output)
    if output.empty or not text.strip():
        return "the system gave no answer"
    if output.stop_reason == "content_filter":
        return f"the system refused: {_start(text)}"
    if narrative:
        try:
            check_text(text)
        except CaseError as error:
            return f"no answer in words: {error}"
    if not _REFUSAL.search(text[:_OPENING]) or protocol.answered(text, labels) is not None:
        return None
    if conclude(text).diagnosis is None:
        return f"the system refused: {_start(text)}"
    return None


def whole(output: ModelOutput) -> str:
    """The answer with the reasoning that the system shows, as it wrote it; what a provider hides stays hidden."""
    content = output.message.content
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        if isinstance(part, ContentReasoning) and not part.redacted:
            parts.append(f"<think>\n{part.reasoning.strip()}\n</think>")
        elif isinstance(part, ContentText):
            parts.append(part.text.strip())
    return "\n".join(filter(None, parts))


def _cause(error: RetryError) -> str:
    last = error.last_attempt.exception()
    return "timed out" if "Timeout" in type(last).__name__ else _start(str(last))


def _start(text: str) -> str:
    return " ".join(text.split())[:120] or "without a word"


def from_cache() -> bool:
    """Whether the last answer that a model gave in this sample, to task or judge, was one of the cache."""
    last = next((event for event in reversed(transcript().events) if isinstance(event, ModelEvent)), None)
    return last is not None and last.cache == "read"
