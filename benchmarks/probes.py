"""What the models of `soreb` and `senses` judge: texts about patients kept aside, each sound and damaged.

Also the journal of their answers, and the command line that both share.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.judge_rows import FREE, first_look
from skingpt_r1.dermeval.degrade.apply import Degraded, degraded, sound
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.reader import Reader
from skingpt_r1.dermeval.training.lessons import Lessons, patient
from skingpt_r1.dermeval.training.recipe import probes
from skingpt_r1.dermeval.training.soreb import rewarded, sampled
from skingpt_r1.models.precision import keep_freed_memory
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
BATCH: Final = 16
SOUND: Final = "sound"
Line = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One text to judge. case: the patient. pair: number that it shares with its counterpart. kind: SOUND or damage."""

    case: str
    pair: int
    kind: str
    made: Degraded

    @property
    def key(self) -> str:
        """Names the row in the journal."""
        return f"{self.pair}|{self.kind}"


def rows_of(aside: Sequence[Subject], most: int) -> list[Row]:
    """Both texts of at most so many pairs, which are the same for every model."""
    made = probes(aside, random.Random(0))
    pool, rng = Pool([s for s, _ in made]), random.Random(0)
    rows = list[Row]()
    for pair, (subject, damages) in enumerate(made):
        spoilt = degraded(subject, damages, rng, pool) if damages else None
        intact = sound(subject)
        if spoilt is None or spoilt.image is None or sum(spoilt.scores) >= sum(intact.scores):
            continue
        rows += [Row(patient(subject), pair, SOUND, intact), Row(patient(subject), pair, damages[0][0], spoilt)]
        if len(rows) == 2 * most:
            break
    return rows


def whole_lines(path: Path) -> list[Line]:
    """The lines of a journal without one that was torn by a kill; none where there is no journal."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def judge(reader: Reader, lessons: Lessons, rows: Sequence[Row], path: Path, counted: bool = False) -> None:
    """Journal the scores of every row that has none yet, and whether a sampled answer to a damaged text can be read.

    counted: the scores are the first look's, and nothing is read or sampled.
    """
    told = whole_lines(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(json.dumps(line) + "\n" for line in told))
    done = {line["key"] for line in told}
    left = sorted((r for r in rows if r.key not in done), key=lambda r: len(r.made.text))  # less padding
    reader.eval()
    with path.open("a", encoding="utf-8") as stream:
        for start in range(0, len(left), BATCH):
            for line in judged(reader, lessons, left[start : start + BATCH], counted):
                stream.write(json.dumps(line) + "\n")
            stream.flush()
            log.info("%s: judged %d/%d", path.stem, min(start + BATCH, len(left)), len(left))


def judged(reader: Reader, lessons: Lessons, rows: Sequence[Row], counted: bool = False) -> list[Line]:
    """One line a row; `parsed`, of damaged texts only, is of one answer sampled at temperature 1."""
    questions = [lessons.question(row.made) for row in rows]
    answers = first_look(reader, questions) if counted else reader.answer(questions, critiques=False)
    damaged = [] if counted else [i for i, row in enumerate(rows) if row.kind != SOUND]
    torch.manual_seed(zlib.crc32(rows[0].key.encode()))
    written = sampled(reader, [reader.prompt(questions[i]) for i in damaged], 1) if damaged else []
    parsed = {
        i: rewarded(reader, ids, rows[i].made.scores).readable for i, (ids,) in zip(damaged, written, strict=True)
    }
    return [
        {
            "key": row.key, "case": row.case, "pair": row.pair, "kind": row.kind, "target": row.made.scores,
            "scores": [round(s, 4) for s in answer.scores], "parsed": parsed.get(i),
        }
        for i, (row, answer) in enumerate(zip(rows, answers, strict=True))
    ]  # fmt: skip


def obey(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    report: Callable[[Path, bool], None],
    folder: Path,
) -> None:
    """Adds what both benchmarks ask for, then trains and judges, or reports; only what is in `folder` is kept."""
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("--corpus", type=Path, nargs="+", default=[Path("runs/corpus")])
    parser.add_argument("--free", type=Path, default=FREE, help="texts by others")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the caches of pictures")
    parser.add_argument("--out", type=Path, default=folder)
    options = parser.parse_args()
    if options.what == "report":
        report(options.out, options.out == folder)
        return
    keep_freed_memory()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    run(options)
