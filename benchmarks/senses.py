"""What does each sense add to DermEval? Trained without it, held against the whole on patients kept aside.

    python -m benchmarks.senses run --without nothing words naming --steps 400    # names in any number of processes
    python -m benchmarks.senses run --counted                               # what the first look loses, in minutes
    python -m benchmarks.senses report [--counted]

Each evaluator is trained from its start with one sense taken away, on the same draws and as long; "nothing" has all.
Run folders runs/senses/NAME, answers runs/senses/judged/NAME.jsonl; started again after kill -9, each goes on where
it was. Intervals: 95 %, bootstrap over patients.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.probes import judge, obey, rows_of, whole_lines
from benchmarks.results import keep
from benchmarks.soreb_report import COLUMNS, ERROR, RANKED, mean_of, paired, table
from skingpt_r1.dermeval.degrade.registry import DAMAGES, PICTURE
from skingpt_r1.dermeval.reader import Senses
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.recipe import course
from skingpt_r1.dermeval.training.supervised import supervise

RUNS: Final = Path("runs/senses")
COUNTED: Final = Path("runs/senses_counted")  # the first look's answers, never among those of readers
NOTHING: Final = "nothing"
NAMES: Final = (NOTHING, *(f.name for f in fields(Senses)))
UNCOUNTED: Final = ("words", "counts")  # of which the first look knows nothing, or all


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet, judge what is not judged yet."""
    counted = options.out == COUNTED
    for name in options.without:
        if counted and name in UNCOUNTED:
            continue
        taken = {} if name == NOTHING else {name: False}
        config = EvalConfig(steps=options.steps, batch=options.batch, soreb_steps=0, **taken)
        start = course(config, options.corpus, options.free, options.runs)
        if not counted:
            supervise(config, start.reader, start.lessons.draw, start.digest, options.out / name, resume=True)
        rows = rows_of(start.aside, options.probes)
        judge(start.reader, start.lessons, rows, options.out / "judged" / f"{name}.jsonl", counted)


def report(folder: Path, shown: bool) -> None:
    """Error, and share of damaged texts ranked below their original, of each model and against the whole."""
    lines = {name: whole_lines(folder / "judged" / f"{name}.jsonl") for name in NAMES}
    lines = {name: mine for name, mine in lines.items() if mine}
    if NOTHING not in lines:
        raise SystemExit(f"{folder}: the whole evaluator has not judged yet; run --without {NOTHING} first.")
    pairs = sorted(set.intersection(*map(paired, lines.values())))
    kinds = {x["pair"]: x["kind"] for x in lines[NOTHING] if x["kind"] in DAMAGES}
    cases = {x["pair"]: x["case"] for x in lines[NOTHING]}
    seen = np.array([DAMAGES[kinds[pair]].sees == PICTURE for pair in pairs])
    tables = {name: table(mine, pairs) for name, mine in lines.items()}
    figures = {
        "pairs": len(pairs),
        "only the picture shows it": int(seen.sum()),
        "without": {name: told(t, seen, [cases[p] for p in pairs]) for name, t in tables.items()},
        "less the whole": {
            name: told(t - tables[NOTHING], seen, [cases[p] for p in pairs])
            for name, t in tables.items()
            if name != NOTHING
        },
    }
    print(json.dumps(figures, indent=1))
    if shown or folder == COUNTED:
        keep("senses", figures, of="counted" if folder == COUNTED else None)


def told(values: np.ndarray, seen: np.ndarray, cases: Sequence[str]) -> dict[str, Any]:
    """values: [P, COLUMNS]. seen: [P], whether only the picture shows the damage."""
    error, ranked = values[:, COLUMNS.index(ERROR)], values[:, COLUMNS.index(RANKED)]
    groups = {ERROR: error, f"{RANKED}, the text shows it": ranked[~seen], f"{RANKED}, only the picture": ranked[seen]}
    names = [np.array(cases), np.array(cases)[~seen], np.array(cases)[seen]]
    return {name: mean_of(of, own.tolist()) for (name, of), own in zip(groups.items(), names, strict=True) if len(of)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", nargs="+", choices=NAMES, default=NAMES, help="the sense that is taken away")
    parser.add_argument(
        "--counted",
        action="store_const",
        dest="out",
        const=COUNTED,
        default=argparse.SUPPRESS,
        help="the first look alone: nothing is trained to read",
    )
    parser.add_argument("--steps", type=int, default=EvalConfig().steps)
    parser.add_argument("--batch", type=int, default=EvalConfig().batch)
    parser.add_argument("--probes", type=int, default=300, help="pairs of a sound and a damaged text to judge")
    obey(parser, run, report, RUNS)


if __name__ == "__main__":
    main()
