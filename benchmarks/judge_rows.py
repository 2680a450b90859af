"""DermEval reads what no stage of it has seen: test pictures, texts that are sound, damaged, or try to talk it round.

    python -m benchmarks.judge_rows pairs --limit 60 --part 0/2       # 60 cases a set, sound and damaged
    python -m benchmarks.judge_rows pairs --view flat ...   # the same, pictures replaced by their mean colour
    python -m benchmarks.judge_rows pairs --view blind ...   # the same without pictures
    python -m benchmarks.judge_rows free | manipulated
    python -m benchmarks.judge_rows pairs --counted --folder runs/judged_counted ...   # the first look alone, unread
    python -m benchmarks.score_judge

Texts of test rows are drafted from the label and the blind description, as `skingpt dermcot build` does for train and
val rows. Journal: runs/judged/PART.VIEW.*.jsonl; what is there is not judged again.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import torch

from benchmarks.parts import add_part, part_name
from skingpt_r1.dermbench.systems.pictures import flat
from skingpt_r1.dermcot.build import build, confusions
from skingpt_r1.dermcot.describing import Measured, shipped_segment
from skingpt_r1.dermcot.scoring import LintScorer
from skingpt_r1.dermcot.stages import BuildConfig, Tools
from skingpt_r1.dermeval.degrade.apply import Degraded, degraded, sound
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS, manipulated
from skingpt_r1.dermeval.degrade.registry import DAMAGES, PICTURE, Damage
from skingpt_r1.dermeval.degrade.styles import GRAMMAR, PROSE, REPORT
from skingpt_r1.dermeval.degrade.subject import Pool, Subject, certified, styled, subjects
from skingpt_r1.dermeval.naming import Naming
from skingpt_r1.dermeval.reader import Answer, Question, Reader
from skingpt_r1.dermeval.saved import SHIPPED, load
from skingpt_r1.dermeval.sight import Sight, SightCache
from skingpt_r1.dermeval.training.lessons import kept_aside
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.records import Case
from skingpt_r1.sources.registry import TESTED
from skingpt_r1.sources.registry import load as load_set

RUNS: Final = Path("runs/judged")
SIGHTS: Final = Path("runs/sights")
TEXTS: Final = Path("runs/test_texts")
BATCH: Final = 16
FREE: Final = Path("../shared/data/dermbench_text/narratives.jsonl.gz")


@dataclass(frozen=True)
class Row:
    """One text to judge. of: what it is compared with ("sound" of the same id and style)."""

    made: Degraded
    kind: str
    severity: int
    style: str

    @property
    def key(self) -> str:
        """Names the row in the journal."""
        return f"{self.made.id}|{self.kind}|{self.severity}|{self.style}"


def test_texts() -> list[Subject]:
    """The drafted texts of all test rows."""
    path = TEXTS / "corpus.jsonl"
    if not path.exists():
        cases: list[Case] = [c for name in TESTED for c in load_set(name) if c.split == "test"]
        tools = Tools(Measured(shipped_segment), LintScorer(), confusions())
        build(BuildConfig(), tools, cases, TEXTS, resume=TEXTS.exists())
    return list(subjects(path))


def by_hash(told: Sequence[Subject], limit: int) -> list[Subject]:
    """At most so many of each data set, in an order that has nothing to do with the data."""
    ordered = sorted(told, key=lambda s: hashlib.sha256(s.id.encode()).hexdigest())
    return [s for name in TESTED for s in [x for x in ordered if x.dataset == name][:limit]]


def pair_rows(told: Sequence[Subject], pool: Pool, kinds: Sequence[Damage]) -> Iterator[Row]:
    """Every subject sound and with each kind at its strongest; the styles take turns, the one held out too."""
    for place, subject in enumerate(told):
        style = (GRAMMAR, PROSE, REPORT)[place % 3]
        told_so = styled(subject, style, place)
        yield Row(sound(told_so), "sound", 0, style)
        for kind in kinds:
            rng = random.Random(f"judge {subject.id} {kind.name}")
            made = degraded(told_so, [(kind.name, kind.severities[-1])], rng, pool)
            if made is not None:
                yield Row(made, kind.name, kind.severities[-1], style)


def free_rows(told: Sequence[Subject], each: int = 3) -> Iterator[Row]:
    """Certified texts, intact and with a few damages each, drawn alike from all that fit."""
    pool = Pool([])
    for subject in told:
        yield Row(sound(subject), "sound", 0, "free")
        rng, done = random.Random(f"free {subject.id}"), 0
        for kind in rng.sample(list(DAMAGES.values()), len(DAMAGES)):
            made = degraded(subject, [(kind.name, kind.severities[-1])], rng, pool)
            if made is not None and done < each:
                done += 1
                yield Row(made, kind.name, kind.severities[-1], "free")


def manipulated_rows(told: Sequence[Subject], pool: Pool) -> Iterator[Row]:
    """Sound and damaged texts in turn, each as it is and with one manipulation, which take turns."""
    names = list(MANIPULATIONS)
    kinds = list(DAMAGES.values())
    for place, subject in enumerate(told):
        rng = random.Random(f"manipulate {subject.id}")
        made = sound(subject)
        if place % 2:
            drawn = (degraded(subject, [(k.name, k.severities[-1])], rng, pool) for k in rng.sample(kinds, len(kinds)))
            made = next((d for d in drawn if d is not None), made)
        yield Row(made, "as it is", 0, GRAMMAR)
        name = names[place % len(names)]
        yield Row(dataclasses.replace(made, text=manipulated(made.text, name, rng)), name, 0, GRAMMAR)


def question(row: Row, view: str, seen: dict[str, Sight], naming: Naming) -> Question:
    """As the evaluator is asked, with the picture, a flat one, or none."""
    image = row.made.image
    sight = Sight() if image is None or view == "blind" else seen[image]
    return Question(row.made.text, row.made.history, sight, naming.of(sight))


def judge(rows: Sequence[Row], options: argparse.Namespace, view: str, target: Path) -> None:
    """Journal an answer to every row of this part that has none."""
    reader, naming, _ = load(options.evaluator / SHIPPED)
    images = list(dict.fromkeys(r.made.image for r in rows if r.made.image is not None))  # whatever part: cached once
    change = flat if view == "flat" else None
    seen = {} if view == "blind" else SightCache(SIGHTS, backbone=reader.language, change=change).get(images)
    done = {json.loads(line)["key"] for line in target.read_text().splitlines()} if target.exists() else set()
    left = [r for r in rows[options.part] if r.key not in done]
    left.sort(key=lambda r: len(r.made.text))  # alike in length: less padding
    began = time.monotonic()
    with target.open("a") as stream:
        for start in range(0, len(left), BATCH):
            batch = left[start : start + BATCH]
            asked = [question(r, view, seen, naming) for r in batch]
            counted, critiques = options.counted, not options.scores_only
            answers = first_look(reader, asked) if counted else reader.answer(asked, critiques)
            write(stream, batch, reader, asked, answers)
            pace = (time.monotonic() - began) / (start + len(batch))
            print(
                f"{start + len(batch)}/{len(left)}, {pace:.2f} s a text, {pace * (len(left) - start):.0f} s left",
                flush=True,
            )


def first_look(reader: Reader, questions: Sequence[Question]) -> list[Answer]:
    """Mean scores by what was counted, and no critique."""
    if reader.first is None:
        raise SystemExit("this evaluator has no first look; train one with --set counts=true.")
    means = reader.first.logits([reader.counted(q) for q in questions]).exp() @ torch.arange(6.0)
    return [Answer((), tuple(row), "") for row in means.tolist()]


def write(
    stream: IO[str], batch: Sequence[Row], reader: Reader, questions: Sequence[Question], answers: Sequence[Answer]
) -> None:
    """One line a row, with what was to be written and what was."""
    for row, asked, answer in zip(batch, questions, answers, strict=True):
        line = {
            "key": row.key, "id": row.made.id, "kind": row.kind, "severity": row.severity, "style": row.style,
            "target": row.made.scores, "scores": [round(s, 4) for s in answer.scores], "written": answer.written,
            "wanted": [[r.quote, str(r.fault)] for r in row.made.remarks], "text": row.made.text,
            "evidence": reader.told(asked),
        }  # fmt: skip
        stream.write(json.dumps(line) + "\n")
    stream.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pairs", "free", "manipulated"))
    parser.add_argument("--view", choices=("picture", "flat", "blind"), default="picture")
    parser.add_argument("--limit", type=int, default=60, help="cases a set; texts in all of the others")
    parser.add_argument("--unseen", action="store_true", help="pairs: only damages that no text shows a reader")
    parser.add_argument("--evaluator", type=Path, default=ADAPTERS, help="folder of the evaluator")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the answers go")
    parser.add_argument("--counted", action="store_true", help="score by the first look alone")
    parser.add_argument("--scores-only", action="store_true", help="no critiques: the same scores in half the time")
    add_part(parser)
    options = parser.parse_args()
    if options.what == "free":
        aside = sorted((s for s in certified(FREE) if kept_aside(s)), key=lambda s: s.id)
        rows = list(free_rows(random.Random(0).sample(aside, options.limit)))
    else:
        told = test_texts()
        pool = Pool(told)
        chosen = by_hash(told, options.limit)
        kinds = [k for k in DAMAGES.values() if k.sees == PICTURE or not options.unseen]
        rows = list(pair_rows(chosen, pool, kinds) if options.what == "pairs" else manipulated_rows(chosen, pool))
    options.folder.mkdir(parents=True, exist_ok=True)
    target = options.folder / f"{options.what}.{options.view}.{part_name(options.part)}.jsonl"
    judge(rows, options, "blind" if options.what == "free" else options.view, target)


if __name__ == "__main__":
    main()
