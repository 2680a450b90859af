"""Puts texts before judges: an evaluation of inspect_ai in which nobody writes, and what the judges say is kept.

inspect_ai brings the limits on connections, the retries, the cache and the log, so a check that was cut off costs only
what is not in the cache. A repeat is an epoch: inspect_ai caches each epoch apart, so that repeats are asked for real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from skingpt_r1.dermbench.judges.check.texts import Pair
from skingpt_r1.dermbench.reading import Verdict, verdicts_of
from skingpt_r1.records import SkinGPTError

NOBODY = "none/none"  # inspect_ai's model of a task that asks none


@dataclass(slots=True)
class Heard:
    """verdicts: by pair or variant id, one an epoch. cached: how many came from the cache."""

    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    @property
    def cached(self) -> int:
        """How many verdicts cost nothing."""
        return sum(v.cached is True for of in self.verdicts.values() for v in of)

    @property
    def unscored(self) -> Mapping[str, int]:
        """Reasons why there is no score, counted."""
        counts: dict[str, int] = {}
        for verdict in (v for of in self.verdicts.values() for v in of if v.scores is None):
            reason = verdict.reason.partition(":")[0]
            counts[reason] = counts.get(reason, 0) + 1
        return counts

    def scores(self, key: str) -> Mapping[str, float] | None:
        """Of the first epoch; None where there are none."""
        found = self.verdicts.get(key)
        return found[0].scores if found else None


@solver
def replayed() -> Solver:
    """The sample's own text is what was said."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output = ModelOutput.from_content("replayed", state.metadata["candidate"])
        return state

    return solve


def hear(judge: Scorer, texts: Mapping[str, Pair], logs: Path, name: str, epochs: int = 1) -> Heard:
    """The judge's verdicts on the texts. Raises SkinGPTError where the evaluation stopped."""
    heard = Heard()
    if not texts:
        return heard
    task = Task(name=name, dataset=[_sample(key, pair) for key, pair in texts.items()], solver=replayed(), scorer=judge)
    (log,) = evaluate(
        task, model=NOBODY, log_dir=str(logs), epochs=epochs, display="none", log_level="error", fail_on_error=False,
        score_display=False, log_images=False,
    )  # fmt: skip
    if log.status != "success":
        why = log.error.message if log.error else log.status
        raise SkinGPTError(f"the judge stopped ({why}); mend it and check again, answers are kept.")
    for sample in sorted(log.samples or [], key=lambda s: s.epoch):
        found = list(verdicts_of(sample).values()) or [Verdict(None, reason="not judged")]
        heard.verdicts.setdefault(str(sample.id), []).append(found[0])
    return heard


def of_pairs(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """By their ids."""
    return {pair.id: pair for pair in pairs}


def _sample(key: str, pair: Pair) -> Sample:
    told = {"candidate": pair.candidate, "reference": pair.reference}
    more = {"image": pair.image, "history": dict(pair.history) if pair.history else None}
    return Sample("", id=key, target=pair.reference, metadata={**told, **{k: v for k, v in more.items() if v}})
