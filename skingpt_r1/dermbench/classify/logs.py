"""Logs of inspect_ai as runs: who answered, who failed and why, and who was never asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from inspect_ai.scorer import CORRECT, INCORRECT, Score

from skingpt_r1.dermbench.classify.answers import Answer, Run, State
from skingpt_r1.dermbench.classify.figures import Figures, figures
from skingpt_r1.dermbench.classify.scoring import by_label, confidence_of
from skingpt_r1.dermbench.solving import Pending
from skingpt_r1.records import SkinGPTError

SCORERS: Final = ("labelled", "same_diagnosis", "same_diagnosis_offline")  # the first that is there counts
_WAYS: Final = ("blind", "history", "open_ended")  # of asking; each is told in the system's name
_DESCRIBED: Final = ("skin_type", "age", "sex", "site", "modality")


def figures_of(log: EvalLog, validation: EvalLog | None = None, scorer: str | None = None) -> Figures:
    """The figures of a log. validation: the same system's on split "val", to choose thresholds on."""
    chosen_on = None if validation is None else run_of(validation, scorer)
    return figures(run_of(log, scorer), chosen_on)


def run_of(log: EvalLog, scorer: str | None = None) -> Run:
    """What a log of the task `classify` holds. scorer: whose verdicts count. Raises SkinGPTError for another's log."""
    told = log.eval.metadata or {}
    if told.get("benchmark") != "classify":
        raise SkinGPTError(f"{log.location}: is no log of the classification benchmark ({log.eval.task}).")
    labels: dict[str, str | None] = told["labels"]
    samples = {str(sample.id): sample for sample in log.samples or []}
    name = scorer or _scorer(list(samples.values()))
    begun = [_answer(sample, labels, name) for sample in samples.values()]
    ids = [str(i) for i in log.eval.dataset.sample_ids or [] if str(i) not in samples]
    pending = [Answer(i, State.PENDING, None, None, False, i, reason="not asked yet") for i in ids]
    named = told.get("system")  # which says itself whether it was blind
    ways = [way.replace("_", "-") for way in _WAYS if told.get(way) and not (named and way == "blind")]
    notes = () if name == SCORERS[0] else (f"judged by {name}",)
    return Run(
        system=(named or log.eval.model) + (f" ({', '.join(ways)})" if ways else ""),
        source=told["source"],
        split=told["split"],
        labels=labels,
        answers=tuple(begun + pending),
        open_ended=bool(told.get("open_ended")),
        baseline=bool(told.get("blind")),
        notes=notes,
    )


def logs_in(path: Path) -> Iterator[EvalLog]:
    """The classification logs of a file or a folder, the latest of each task and model last."""
    if path.is_file():
        yield read_eval_log(str(path))
        return
    for info in reversed(list_eval_logs(str(path))):
        log = read_eval_log(info, header_only=True)
        if (log.eval.metadata or {}).get("benchmark") == "classify":
            yield read_eval_log(info)


def _scorer(samples: list[EvalSample]) -> str:
    """Unfinished samples hold no scores, so one that has them decides."""
    there = {name for sample in samples for name in sample.scores or {}}
    return next((name for name in SCORERS if name in there), SCORERS[0])


def _answer(sample: EvalSample, labels: dict[str, str | None], scorer: str) -> Answer:
    told = sample.metadata
    extras = sample.output.metadata
    score = (sample.scores or {}).get(scorer)
    state, reason = _state(sample, score)
    said = score.answer if score is not None and state is State.ANSWERED and scorer == SCORERS[0] else None
    return Answer(
        case=str(sample.id),
        state=state,
        truth=told.get("label"),
        said=said,
        right=score is not None and score.value == CORRECT,
        group=str(told.get("group") or sample.id),
        probability=by_label(extras, labels) if state is State.ANSWERED else None,
        confidence=confidence_of(extras) if state is State.ANSWERED else None,
        described={name: told[name] for name in _DESCRIBED if told.get(name) is not None},
        reason=reason,
    )


def _state(sample: EvalSample, score: Score | None) -> tuple[State, str]:
    if sample.error is not None:
        told = sample.error.message.strip().splitlines()[0][:300]
        return (State.PENDING if told.startswith(f"{Pending.kind}: ") else State.FAILED), told
    if score is None:
        why: Any = sample.limit.type if sample.limit else "no score"
        return State.FAILED, f"not judged ({why})"
    if score.value not in (CORRECT, INCORRECT):
        ours = score.reason in ("grader_failed", "scoring_failed")  # the judge's doing, not the system's
        why = f"{score.reason or 'unscored'}: {score.explanation or ''}"[:300]
        return (State.PENDING if ours else State.FAILED), why
    if score.reason == "invalid_response_format":
        return State.UNREADABLE, "no candidate label"
    return State.ANSWERED, ""
