"""Let the shipped model read the rows of a split: one JSON line a picture, resumable.

    python -m benchmarks.read_rows test                     # all test rows, image only
    python -m benchmarks.read_rows val --limit 300          # the rows that calibration is fitted on
    python -m benchmarks.read_rows test --blind --limit 300 # the same prompts, a flat picture of the mean colour
    python -m benchmarks.read_rows test --history           # with the recorded history
    OMP_NUM_THREADS=1 python -m benchmarks.read_rows test --part 0/2 &   # two processes use two cores better

Each row is read within the label set of its source. Nothing of a row but its picture (and, if asked, its history)
reaches the model.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.parts import add_part, part_name
from skingpt_r1.dermbench.systems.pictures import flat
from skingpt_r1.distill.data import gather
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.diagnose import Model, Reading, Told, load
from skingpt_r1.narrative.report import as_json
from skingpt_r1.records import Case, History
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES, TESTED
from skingpt_r1.sources.registry import load as load_source

RUNS = Path("runs/readings")
BATCH = 32


def rows_of(split: str, limit: int | None) -> list[Case]:
    """Cases of a split in a fixed shuffled order, `limit` of them stratified over the three sets.

    A val row that touches a test row is left out: what is fitted on val is judged on test.
    """
    dropped = gather(None, RUNS.parent).dropped if split == "val" else frozenset()  # of test, none ever is
    chosen: list[Case] = []
    for name in TESTED:
        mine = [case for case in load_source(name) if case.split == split and key(case) not in dropped]
        random.Random(0).shuffle(mine)
        chosen += mine[: limit // len(TESTED)] if limit else mine
    return chosen


def line_of(case: Case, reading: Reading) -> str:
    """One JSON line: the report, and the truth that the model never saw."""
    truth = {
        "key": key(case),
        "set": case.dataset,
        "truth": case.label,
        "group": case.group or case.id,
    }
    raw = {name: round(p, 6) for name, p in reading.label_probability.items()}
    told = {"label_probability": raw, "share": round(reading.share, 6), **as_json(reading.report)}
    return json.dumps({**truth, **told}, ensure_ascii=False) + "\n"


def read(model: Model, cases: Sequence[Case], target: Path, *, blind: bool, history: bool) -> None:
    """Append what is missing to `target`, in batches of one label set."""
    done = {json.loads(line)["key"] for line in target.read_text().splitlines()} if target.exists() else set()
    left = [case for case in cases if key(case) not in done]
    began = time.monotonic()
    finished = 0
    with target.open("a") as stream:
        for name in TESTED:
            mine = [case for case in left if case.dataset == name]
            labels = label_set(SOURCES[name].label_set)
            for start in range(0, len(mine), BATCH):
                batch = mine[start : start + BATCH]
                photos = [read_photo(case.image) for case in batch]
                told = [Told(case.history if history else History()) for case in batch]
                for case, reading in zip(
                    batch,
                    model.diagnose_all([flat(p) if blind else p for p in photos], told, labels),
                    strict=True,
                ):
                    stream.write(line_of(case, reading))
                stream.flush()
                finished += len(batch)
                pace = (time.monotonic() - began) / finished
                print(
                    f"{name} {start + len(batch)}/{len(mine)}, {pace:.2f} s a photo, "
                    f"{pace * (len(left) - finished):.0f} s left",
                    flush=True,
                )


def lines_of(name: str, folder: Path = RUNS) -> list[dict[str, Any]]:
    """All readings under a name ("test", "val", "test-blind"), whatever process made them, in a fixed order."""
    files = sorted(folder.glob(f"{name}.*.jsonl"))
    if not files:
        raise SystemExit(f"{folder}/{name}.*.jsonl: no readings; run python -m benchmarks.read_rows first.")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return sorted(lines, key=lambda line: line["key"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", choices=("val", "test"))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--history", action="store_true")
    parser.add_argument("--adapters", type=Path, help="folder of other adapters than the shipped ones")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the readings go")
    add_part(parser)
    options = parser.parse_args()
    name = options.split + ("-blind" if options.blind else "") + ("-history" if options.history else "")
    options.folder.mkdir(parents=True, exist_ok=True)
    read(
        load(adapters=options.adapters),
        rows_of(options.split, options.limit)[options.part],
        options.folder / f"{name}.{part_name(options.part)}.jsonl",
        blind=options.blind,
        history=options.history,
    )


if __name__ == "__main__":
    main()
