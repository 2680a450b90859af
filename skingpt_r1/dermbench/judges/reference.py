"""Any model of inspect_ai as a judge that compares a narrative with the reference, and sees no picture.

    Task(dataset=..., solver=..., scorer=reference_judge("openai/gpt-5-mini"))

Refusal, timeout, 429 that does not end, nonsense: the case is unscored with its reason, pending, never zero, and the
run goes on. Answers are cached by inspect_ai, so that the same text is paid for once; one that could not be read is
never used again (see `unreadable`). Whether the cache answered stands in the score's metadata, as `cached`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from inspect_ai.model import (
    CachePolicy,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    cache_path,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from inspect_ai.util import LimitExceededError

from skingpt_r1.dermbench.judges.answering import Fault, Graded, Ungraded, read_answer
from skingpt_r1.dermbench.judges.asking import VERSION, Order, prompt
from skingpt_r1.dermbench.judges.unreadable import Unreadable
from skingpt_r1.dermbench.solving import from_cache
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import CaseError

NAME: Final = "reference_judge"
SEED: Final = 42
SECONDS: Final = 120  # for one try
RETRIES: Final = 5  # of a try that the server did not answer
_TRIES: Final = 2  # of an answer that cannot be read
_MOST_TOKENS: Final = 1_500
_LIMIT: Final = re.compile(r"\b429\b|rate ?limit|too many requests|quota")  # a port may begin with 429
_TIME_WORDS: Final = ("timeout", "timed out", "no answer within")


@scorer(metrics={key: [mean(), stderr()] for key in (*DIMENSIONS, MEAN)}, name=NAME)
def reference_judge(
    model: str | Model,
    order: str = Order.USUAL.value,
    cache: bool = True,
    seconds: int = SECONDS,
    retries: int = RETRIES,
) -> Scorer:
    """Scores of 0 to 5 against `metadata["reference"]`, or the target where there is none.

    model: as inspect_ai names it. order: see `Order`. seconds: for one try. retries: after 429 or no answer in time.
    """
    judge = get_model(model) if isinstance(model, str) else model
    name = f"{NAME}:{judge}"
    unreadable = Unreadable(cache_path().parent / "skingpt-unreadable-answers.jsonl" if cache else None)
    config = GenerateConfig(
        temperature=0.0,
        max_tokens=_MOST_TOKENS,
        attempt_timeout=seconds,
        timeout=seconds * (retries + 1),
        max_retries=retries,
        fail_on_refusal=False,
    )

    async def score(state: TaskState, target: Target) -> Score:
        candidate = state.output.completion
        told: dict[str, Any] = {"judge": name, "version": VERSION}
        try:
            reference = reference_of(state, target)
        except CaseError as error:
            return Score.unscored(reason="scoring_failed", answer=candidate, explanation=str(error), metadata=told)
        if not candidate.strip():
            return Score.unscored(reason="no_response", explanation="the text is empty.", metadata=told)
        key = prompt(candidate, reference, Order(order)).key
        answer: Graded | Ungraded = Ungraded(Fault.ERROR, "")
        for tried in range(1, _TRIES + 1):
            spoilt = unreadable.count(name, key)
            asked = prompt(candidate, reference, Order(order), again=spoilt > 0)
            answer, cached = await _ask(judge, asked.system, asked.user, config, SEED + spoilt, cache)
            told |= {"tries": tried, "cached": cached}
            if isinstance(answer, Graded):
                value = {**answer.scores, MEAN: sum(answer.scores.values()) / len(DIMENSIONS)}
                return Score(value=value, answer=candidate, explanation=answer.critique, metadata=told)
            if answer.fault not in (Fault.NONSENSE, Fault.REFUSAL):
                break
            unreadable.add(name, key)
        assert isinstance(answer, Ungraded)
        told["fault"] = str(answer.fault)
        return Score.unscored(reason="grader_failed", answer=candidate, explanation=answer.detail, metadata=told)

    return score


def reference_of(state: TaskState, target: Target) -> str:
    """The reference narrative of a sample. Raises CaseError where it has none."""
    told = state.metadata.get("reference") or target.text
    if not isinstance(told, str) or not told.strip():
        raise CaseError("the sample has no reference: put its text into metadata['reference'] or into the target.")
    return told


async def _ask(
    judge: Model, system: str, user: str, config: GenerateConfig, seed: int, cache: bool
) -> tuple[Graded | Ungraded, bool]:
    """What the judge says, and whether the cache said it."""
    try:
        output = await judge.generate(
            [ChatMessageSystem(content=system), ChatMessageUser(content=user)],
            config=config.merge(GenerateConfig(seed=seed)),
            cache=CachePolicy(expiry=None) if cache else False,
        )
    except LimitExceededError:
        raise  # a limit that the user set for the run
    except Exception as error:  # each provider has errors of its own; whichever it is, this case waits
        return Ungraded(_fault_of(error), f"the judge gave no answer: {_said(error)}"), False
    return _read(output), from_cache()


def _read(output: ModelOutput) -> Graded | Ungraded:
    if not output.choices:
        return Ungraded(Fault.NONSENSE, "the judge's answer is empty.")
    parts = output.message.content if isinstance(output.message.content, list) else []
    if output.stop_reason == "content_filter" or any(getattr(part, "refusal", None) for part in parts):
        return Ungraded(Fault.REFUSAL, f"the judge refused: {' '.join(output.completion.split())[:120]!r}")
    return read_answer(output.completion)


def _fault_of(error: BaseException) -> Fault:
    causes = list(_causes(error))
    words = " ".join(f"{type(e).__name__} {e}" for e in causes).lower()
    if any(getattr(e, "status_code", None) == 429 for e in causes) or _LIMIT.search(words):
        return Fault.RATE_LIMIT
    timed_out = any(isinstance(e, TimeoutError) for e in causes) or any(w in words for w in _TIME_WORDS)
    return Fault.TIMEOUT if timed_out else Fault.ERROR


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _said(error: BaseException) -> str:
    error = _causes(error)[-1]  # what lies behind "tried too often"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
