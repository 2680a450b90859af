"""Small real evaluations: subjects of our own as cases, models that say what they are told, real judges."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, Model, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from skingpt_r1.dermbench.protocol import question
from skingpt_r1.dermeval.degrade.apply import degraded
from skingpt_r1.dermeval.degrade.styles import PROSE
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.knowledge.diagnoses import category_of
from tests.dermeval.subjects import pool, subject

ROOT = Path(__file__).resolve().parents[2]
PHOTO = next(iter(sorted((ROOT / "examples").glob("*.jpg"))))


def graded(value: float = 3.5, critique: str = "Broadly right.", **scores: float) -> str:
    """An answer of a judge as it should be."""
    return json.dumps({"critique": critique, "scores": {**dict.fromkeys(DIMENSIONS, value), **scores}})


def sample(number: int, image: Path = PHOTO) -> Sample:
    """A sample of the contract; cases 12 and 13 share a patient."""
    made = subject(number)
    assert made.diagnosis is not None
    return Sample(
        [ChatMessageUser(content=[ContentText(text=question(history=made.history)), ContentImage(image=str(image))])],
        id=made.id,
        target=made.text,
        metadata={
            "image": str(image), "history": made.history.known(), "reference": made.text, "diagnosis": made.diagnosis,
            "label": made.diagnosis, "category": category_of(made.diagnosis), "group": f"patient {min(number, 12)}",
            "source": "made",
        },
    )  # fmt: skip


def good(number: int) -> str:
    """The reference told in prose."""
    return subject(number, PROSE).text


def bad(number: int) -> str:
    """The same with the wrong diagnosis or, where that cannot be done, vague and cut."""
    told = subject(number, PROSE)
    for kinds in ([("wrong diagnosis, far", 3)], [("vague", 3)], [("truncated", 2)]):
        if (made := degraded(told, kinds, random.Random(number), pool())) is not None:
            return made.text
    raise AssertionError(number)


def says(name: str, texts: Sequence[str]) -> Model:
    """A model that says these, one a call; usage is told, so that no tokeniser is fetched."""
    outputs = [ModelOutput.from_content(name, text) for text in texts]
    for output in outputs:
        output.usage = ModelUsage(input_tokens=900, output_tokens=100, total_tokens=1000)
    return get_model(name, custom_outputs=outputs, memoize=False)


@solver
def replayed() -> Solver:
    """Puts metadata["text"] in the place of what a model would say."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output = ModelOutput.from_content("replayed", state.metadata["text"])
        return state

    return solve


def run(
    samples: Sequence[Sample],
    scorers: Sequence[Scorer],
    folder: Path,
    model: Model | str = "none/none",
    system: str | None = None,
    solver: Solver | None = None,
    about: Mapping[str, str] | None = None,
) -> EvalLog:
    """One evaluation, one log in the folder."""
    task = Task(dataset=list(samples), scorer=list(scorers), solver=solver or generate())
    metadata = dict(about or {}) | ({"system": system} if system else {})
    (log,) = evaluate(
        task, model=model, log_dir=str(folder), display="none", max_samples=1, fail_on_error=False,
        metadata=metadata or None,
    )  # fmt: skip
    assert log.status == "success", log.error
    return log
