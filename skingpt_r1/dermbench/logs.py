"""The logs of a run: which is a system's, what a killed one still holds, and what became of each case."""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    RecoveryNotAvailable,
    invalidate_samples,
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample_summaries,
    recover_eval_log,
)
from inspect_ai.scorer import Score

_LONGEST = 160  # characters of a reason


@dataclass(frozen=True, slots=True)
class Standing:
    """finished: cases with an answer. pending: reason -> cases without one. unscored: judge -> reason -> cases."""

    finished: int
    pending: Mapping[str, int] = field(default_factory=dict)
    unscored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def complete(self, total: int) -> bool:
        """Whether every case has its answer and all its scores."""
        return self.finished == total and not self.pending and not self.unscored


def path_of(log: EvalLog) -> Path:
    """The file of a log."""
    return Path(log.location.removeprefix("file://"))


def system_of(log: EvalLog) -> str | None:
    """The system that a log is of, None for a log that is not of a run."""
    name = (log.eval.metadata or {}).get("system")
    return name if isinstance(name, str) else None


def logs_of(out: Path, system: str) -> list[EvalLog]:
    """Headers of a system's logs, newest first."""
    infos = list_eval_logs(str(out), recursive=False, filter=lambda log: system_of(log) == system)
    return [read_eval_log(info, header_only=True) for info in infos]


def settle(out: Path, system: str) -> Path | None:
    """The log to go on with, None where there is none; what a killed run had not written yet is written into it.

    A kill while one was taken over from the other leaves several; the one with the most answers is the later.
    """
    for log in logs_of(out, system):
        if log.status == "started":
            _recover(path_of(log))
    found = [path_of(log) for log in logs_of(out, system)]
    return max(found, key=lambda path: (standing(path).finished, path.stat().st_mtime), default=None)


def _recover(path: Path) -> None:
    """Samples of inspect_ai's buffer into the log itself. It is written aside first: a kill here loses nothing."""
    aside = path.parent / "recovering" / path.name
    aside.parent.mkdir(exist_ok=True)
    aside.unlink(missing_ok=True)
    try:
        recover_eval_log(str(path), output=str(aside), cleanup=False)
    except RecoveryNotAvailable:  # nothing was finished but what stands in the log
        return
    finally:
        if not aside.exists():
            _removed(aside.parent)
    os.replace(aside, path)
    _removed(aside.parent)


def _removed(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another system's log lies there still
        folder.rmdir()


def earlier(out: Path, system: str, latest: Path) -> list[Path]:
    """Logs of the system that a later one has taken over."""
    return [path for log in logs_of(out, system) if (path := path_of(log)).name != latest.name]


def standing(path: Path) -> Standing:
    """What became of the cases of a log."""
    finished = 0
    pending: Counter[str] = Counter()
    unscored: dict[str, Counter[str]] = {}
    for sample in read_eval_log_sample_summaries(str(path)):
        if sample.error is not None:
            pending[_short(sample.error)] += 1
            continue
        finished += 1
        for judge, score in (sample.scores or {}).items():
            if is_unscored(score):
                unscored.setdefault(judge, Counter())[_short(score.explanation or str(score.reason))] += 1
    return Standing(finished, pending, unscored)


def to_go_on(path: Path) -> EvalLog:
    """The log with the cases marked that a judge left pending: inspect_ai does these again, as those with an error."""
    log = read_eval_log(str(path))
    marked = [
        sample.uuid
        for sample in log.samples or []
        if sample.error is None and sample.uuid and any(map(is_unscored, (sample.scores or {}).values()))
    ]
    if not marked:
        return log
    return invalidate_samples(log, marked, ProvenanceData(author="skingpt bench run", reason="a judge left it pending"))


def is_unscored(score: Score) -> bool:
    """Whether a judge left it pending."""
    value: Any = score.value
    return isinstance(value, float) and math.isnan(value)


def _short(reason: str) -> str:
    return " ".join(reason.split())[:_LONGEST]
