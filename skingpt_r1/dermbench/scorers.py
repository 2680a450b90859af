"""Which scorers a task has, by name. A judge is loaded when it is asked for, so that one needs only its own packages.

What a judge could not judge is unscored. What it said once is kept (`keeping`): on a run that is gone on with, a case
is judged again only by the judge that left it pending.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from skingpt_r1.dermbench.judges import asking, offline
from skingpt_r1.dermbench.kept import kept_now
from skingpt_r1.dermbench.logs import is_unscored
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import SkinGPTError

JUDGES: Final[Mapping[str, str]] = {
    "dermeval": "skingpt_r1.dermeval.inspect_scorer:dermeval",
    "reference": "skingpt_r1.dermbench.judges:reference_judge",
    "offline": "skingpt_r1.dermbench.judges:offline_judge",
}
_ASKS_A_MODEL: Final = "reference"


@scorer(metrics=[mean(), stderr()])
def readable() -> Scorer:
    """1 where the answer reads as a narrative that commits itself to a diagnosis, else 0. No judgement of its worth."""

    async def score(state: TaskState, target: Target) -> Score:
        read = parse(state.output.completion)
        return Score(
            value=float(read.diagnosis is not None), answer=read.diagnosis, explanation="; ".join(read.problems)
        )

    return score


def scorers(judges: Sequence[str], judge_model: str | None = None) -> list[Scorer]:
    """`readable` and the judges by name. Raises SkinGPTError on an unknown one, or one without its model."""
    return [keeping("readable", readable()), *(_judge(name, judge_model) for name in judges)]


def check(judges: Sequence[str], judge_model: str | None) -> None:
    """The same errors as `scorers`, before anything is run."""
    if unknown := [name for name in judges if name not in JUDGES]:
        raise SkinGPTError(f"There is no judge {unknown[0]!r}; there are: {', '.join(JUDGES)}.")
    if _ASKS_A_MODEL in judges and not judge_model:
        raise SkinGPTError("The reference judge asks a model: name it with --judge-model provider/model.")
    if _ASKS_A_MODEL in judges and judge_model:
        usable(judge_model)


def usable(model: str) -> None:
    """Raises SkinGPTError where a judge's model lacks its package, its key or its address."""
    try:
        get_model(model)
    except (PrerequisiteError, ValueError, ImportError) as error:
        raise SkinGPTError(f"the judge {model}: {without_markup(str(error))}") from error


def without_markup(message: str) -> str:
    """One line of inspect_ai's messages, without the markup that they carry."""
    return " ".join(re.sub(r"\[/?[a-z ]*\]", "", message).split())


def versions(judges: Sequence[str]) -> dict[str, str | int]:
    """Which one of each judge it is: scores of another version, or of other weights, are not put beside them."""
    known: dict[str, Callable[[], str | int]] = {
        "dermeval": _evaluator,
        "reference": lambda: asking.VERSION,
        "offline": lambda: offline.VERSION,
    }
    return {name: known[name]() for name in judges if name in known}


def _evaluator() -> str:
    from skingpt_r1.models.diagnose import ADAPTERS  # loads torch
    from skingpt_r1.models.weights import digest_of

    return digest_of(ADAPTERS)


def keeping(name: str, judge: Scorer) -> Scorer:
    """The judge, which is not asked where a score of its own is kept already."""

    @functools.wraps(judge)  # carries its registration along, and with it name and metrics
    async def score(state: TaskState, target: Target) -> Score | None:
        kept, case, answer = kept_now(), str(state.sample_id), state.output.completion
        if kept is not None and (stands := kept.get(case, name, answer)) is not None:
            return stands
        said = await judge(state, target)
        if kept is not None and said is not None and not is_unscored(said):
            kept.add(case, name, answer, said)
        return said

    return score


def _judge(name: str, model: str | None) -> Scorer:
    check([name], model)
    module, _, function = JUDGES[name].partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SkinGPTError(
            f"The judge {name!r} cannot be loaded ({error}): pip install 'skingpt-r1[bench]'."
        ) from error
    judge: Scorer = made(model) if name == _ASKS_A_MODEL else made()
    return keeping(function, judge)
