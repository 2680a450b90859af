"""The classification benchmark as a task of inspect_ai, by the published protocol.

    inspect eval skingpt_r1/classify -T source=pad_ufes_20 --model openai/gpt-4o-mini --temperature 0.7 --top-p 0.9
    inspect eval skingpt_r1/classify -T source=ddi:/data/ddi -T open_ended=true -T judge=openai/gpt-4o ...

No system message; one user message of picture and prompt; the label never stands in either. The log's metadata hold
what the figures need (set, split, candidate labels and their diagnoses), so that a table is made from logs alone.
"""

from __future__ import annotations

from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import Scorer

from skingpt_r1.dermbench import protocol
from skingpt_r1.dermbench.classify.same import same_diagnosis, same_diagnosis_offline
from skingpt_r1.dermbench.classify.scoring import labelled
from skingpt_r1.dermbench.classify.sets import Labelled, described, labelled_cases
from skingpt_r1.dermbench.progress import count
from skingpt_r1.dermbench.scorers import keeping
from skingpt_r1.dermbench.solving import solvers
from skingpt_r1.dermbench.systems.registry import LEAST_PIXELS, MOST_PIXELS
from skingpt_r1.knowledge.diagnoses import category_of
from skingpt_r1.records import Case
from skingpt_r1.sources.clustering import key


@task
def classify(
    source: str,
    split: str = "test",
    limit: int | None = None,
    history: bool = False,
    open_ended: bool = False,
    judge: str | None = None,
    runs: str = "runs",
    system: str = "",
    blind: bool = False,
    as_file: bool = False,
    least_pixels: int = LEAST_PIXELS,
    most_pixels: int = MOST_PIXELS,
    recite: str | None = None,
) -> Task:
    """Recognise what the pictures of a set show.

    source: see `sets`. limit: rows, in a fixed shuffled order. history: told with the picture. open_ended: no candidate
    labels; the final diagnosis is compared offline, and by `judge` (a model) where one is named. runs: what has been
    computed of the public sets; needed for split "val" only. The others: see `solvers`.
    """
    found = labelled_cases(str(source), split, limit, Path(runs))
    return Task(
        dataset=MemoryDataset([_sample(found, case, history, open_ended) for case in found.cases], name=found.name),
        solver=solvers(system, blind, as_file, least_pixels, most_pixels, recite, narrative=False),
        scorer=_scorers(open_ended, judge),
        fail_on_error=False,
        cleanup=count,
        metadata={
            "benchmark": "classify",
            "source": found.name,
            "split": split,
            "labels": dict(found.labels),
            "history": history,
            "open_ended": open_ended,
            "blind": blind,
        },  # what the figures need
    )


def _scorers(open_ended: bool, judge: str | None) -> list[Scorer]:
    if not open_ended:
        return [labelled()]
    offline = same_diagnosis_offline()
    return [offline, *([keeping("same_diagnosis", same_diagnosis(judge))] if judge else [])]


def _sample(found: Labelled, case: Case, history: bool, open_ended: bool) -> Sample:
    image = Path(case.image).resolve()
    told = case.history if history else None
    labels = None if open_ended else list(found.labels)
    return Sample(
        input=[
            ChatMessageUser(content=[ContentImage(image=str(image)), ContentText(text=protocol.question(labels, told))])
        ],
        id=key(case),
        target=case.label or "",
        metadata={
            "image": str(image),
            "history": told.known() if told else {},
            "diagnosis": case.diagnosis,
            "label": case.label,
            "labels": labels,
            "category": category_of(case.diagnosis) if case.diagnosis else None,
            "group": case.group or key(case),
            "source": found.name,
            **described(case, found),
        },
    )
