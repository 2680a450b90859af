"""Scores a file of narratives, a line a case in the file's order, and resumes after kill -9.

    OUT.jsonl.settings.json   what the scores depend on: the file's hash, the judge, the rubric
    OUT.jsonl.part            the lines as far as the run got, appended a batch at a time
    OUT.jsonl                 the same file under its name, once it is whole

A case that cannot be judged has `failed` and no scores: there is no default. What bites: the pictures are not hashed,
so a picture that is exchanged between two runs is not noticed.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermeval.judging import Judge, Judgement, Submission, judged
from skingpt_r1.dermeval.rubric import DIMENSIONS, rubric
from skingpt_r1.dermeval.submissions import Refused, read_submissions
from skingpt_r1.records import CaseError, SkinGPTError
from skingpt_r1.sources.claiming import claim
from skingpt_r1.sources.pace import Pace
from skingpt_r1.sources.streams import sha256_of

log = logging.getLogger(__name__)
BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """How many lines were written, and how many of them hold no scores."""

    cases: int
    failed: int


def score(judge: Judge, file: Path, out: Path, batch: int = BATCH, resume: bool = False) -> Scored:
    """Judge what is missing. Raises SkinGPTError where there is nothing to read, or `out` is another run's."""
    total = sum(1 for _ in read_submissions(file))
    _claim(judge, file, out, resume)
    part = out.with_name(f"{out.name}.part")
    if not out.exists():
        _append(judge, file, part, batch, total)
        os.replace(part, out)
    with out.open("rb") as lines:
        return Scored(total, sum(json.loads(line)["failed"] is not None for line in lines))


def line_of(name: str, told: Judgement | CaseError) -> dict[str, Any]:
    """What is written of a case."""
    if isinstance(told, CaseError):
        nothing = dict.fromkeys(("scores", "intervals", "critique", "remarks"))
        return {"id": name, **nothing, "failed": str(told)}
    intervals = {
        key: [round(low, 3), round(high, 3)]
        for key, (low, high) in zip(DIMENSIONS, told.intervals, strict=bool(told.intervals))
    }
    return {
        "id": name,
        "scores": {key: round(value, 3) for key, value in told.scores.items()},
        "intervals": intervals or None,
        "critique": told.assessment.critique,
        "remarks": [{"quote": r.quote, "fault": r.fault.value, "dimensions": r.dimensions} for r in told.remarks],
        "failed": None,
    }


def _append(judge: Judge, file: Path, part: Path, batch: int, total: int) -> None:
    done = n = _intact(part)
    pace = Pace(log, total, done)
    rows = itertools.islice(read_submissions(file), done, None)
    with part.open("a", encoding="utf-8", newline="") as stream:
        while several := list(itertools.islice(rows, batch)):
            stream.write("".join(_lines(judge, several)))
            stream.flush()  # to the system, which a kill of ours does not touch
            n += len(several)
            pace.tell(n)


def _lines(judge: Judge, rows: Sequence[Submission | Refused]) -> Iterator[str]:
    given = [row for row in rows if isinstance(row, Submission)]
    answers = iter(judged(judge, given))
    for row in rows:
        told = next(answers) if isinstance(row, Submission) else CaseError(row.reason)
        yield json.dumps(line_of(row.id, told)) + "\n"


def _intact(part: Path) -> int:
    """How many lines are whole; what a kill cut short is removed."""
    if not part.exists():
        return 0
    lines = end = 0
    with part.open("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                break
            lines, end = lines + 1, end + len(line)
    os.truncate(part, end)
    return lines


def _claim(judge: Judge, file: Path, out: Path, resume: bool) -> None:
    path = out.with_name(f"{out.name}.settings.json")
    mine = {"input": sha256_of(file), "judge": judge.name, "rubric": rubric().version}
    if out.exists() and not path.exists():
        raise SkinGPTError(f"{out}: exists already; name another file.")
    claim(out, path, mine, resume, holds="scores", another="file")
