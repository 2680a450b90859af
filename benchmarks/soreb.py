"""Does SOREB help? Two ways on from one supervised evaluator, held against each other on patients kept aside.

    python -m benchmarks.soreb run --steps 40 --seeds 0 1 2
    python -m benchmarks.soreb report

For each seed, from the shipped evaluator, which is supervised alone: SOREB, and as a control the supervised stage goes
on. Both take the same number of steps (not the same time: a step of SOREB also samples), see the same questions and
have the same peak learning rate. Run folders runs/soreb/seedN/soreb and runs/soreb/seedN/supervised, answers
runs/soreb/judged/MODEL.jsonl; started again after kill -9, each goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.probes import judge, obey, rows_of
from benchmarks.soreb_report import WAYS, report
from skingpt_r1.dermeval.reader import Reader
from skingpt_r1.dermeval.saved import SHIPPED, load_adapters, made_of
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.lessons import Lessons
from skingpt_r1.dermeval.training.recipe import course, second_draw
from skingpt_r1.dermeval.training.soreb import soreb
from skingpt_r1.dermeval.training.supervised import supervise
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.sources.streams import sha256_of

RUNS: Final = Path("runs/soreb")


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet, judge what is not judged yet."""
    begin = options.evaluator / SHIPPED
    saved = made_of(begin)
    if json.loads(saved["config"])["soreb_steps"]:
        raise SystemExit(f"{begin}: has been through SOREB; name one that was trained with --set soreb_steps=0.")
    config = EvalConfig(**{**json.loads(saved["config"]), "soreb_steps": options.steps})
    start = course(config, options.corpus, options.free, options.runs)
    if start.digest != saved["data"]:
        raise SystemExit(f"{begin}: trained on other texts; name the --corpus and --free that it was trained on.")
    reader, rows = start.reader, rows_of(start.aside, options.probes)
    load_adapters(begin, reader)
    judge(reader, start.lessons, rows, options.out / "judged" / "start.jsonl")
    data = f"{start.digest} from {sha256_of(begin)[:16]}"
    for seed in options.seeds:
        own = replace(config, seed=seed, batch=options.batch or config.batch)
        for way in WAYS:
            load_adapters(begin, reader)
            go_on(way, own, reader, start.lessons.by(own), data, options.out / f"seed{seed}" / way)
            judge(reader, start.lessons, rows, options.out / "judged" / f"seed{seed}.{way}.jsonl")


def go_on(way: str, config: EvalConfig, reader: Reader, lessons: Lessons, data: str, out: Path) -> None:
    """Train the reader one of the two ways from where its first stage ended; a run that was cut off goes on."""
    draw = second_draw(config, lessons)
    if way == "soreb":
        soreb(config, reader, draw, data, out, resume=True)
    else:
        control = replace(config, steps=config.soreb_steps, rate=config.soreb_rate)
        supervise(control, reader, draw, data, out, resume=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluator", type=Path, default=ADAPTERS, help="folder of the evaluator to begin with")
    parser.add_argument("--steps", type=int, default=40, help="of each way on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batch", type=int, help="questions a step; the supervised stage's where not given")
    parser.add_argument("--probes", type=int, default=150, help="pairs of a sound and a damaged text to judge")
    obey(parser, run, report, RUNS)


if __name__ == "__main__":
    main()
