"""kill -9 in the middle of a real training run, resume, and compare with the run that nobody disturbed.

    python -m benchmarks.resume

Short runs of `skingpt train teacher` and `skingpt train distill` on some real rows of every set, split and label, as
commands. Each is killed once its journal shows that it is past a checkpoint, and resumed; its tensors are then compared
with those of an undisturbed run, bit for bit. Needs no earlier training.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.results import keep, no_options
from skingpt_r1.sources.registry import available, data_root

ROWS = 12  # most of a set, split and label
SHARED = ("features", "evidence.jsonl", "hashes.json", "embeddings.safetensors", "duplicates.json")
COMMAND = "from skingpt_r1.cli.main import main; main()"
TEACHER = ("steps=60", "batch=8", "evaluate_every=60")
DISTILL = ("look_steps=55", "look_batch=8", "name_steps=60", "write_steps=30", "write_batch=2", "language_rows=4")


def some_rows(place: Path) -> Path:
    """A data folder with the tables cut down and the pictures linked to."""
    root = data_root()
    for source in available(root):
        theirs, mine = root / source.folder, place / "data" / source.folder
        mine.mkdir(parents=True)
        with (theirs / "cases.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        taken: Counter[tuple[str, str]] = Counter()
        kept = []
        for row in rows:
            taken[row["split"], row["label"]] += 1
            if row["split"] != "test" and taken[row["split"], row["label"]] <= ROWS:
                kept.append(row)
        with (mine / "cases.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(kept)
        for name in ("images", "masks"):
            if (theirs / name).exists():
                (mine / name).symlink_to((theirs / name).resolve())
    return place / "data"


def start(kind: str, runs: Path, settings: tuple[str, ...], resume: bool) -> subprocess.Popen[bytes]:
    """The training command in a process of its own. `runs` lies beside the data folder."""
    changes = [part for setting in settings for part in ("--set", setting)]
    where = ["--data", str(runs.parent / "data"), "--runs", str(runs)]
    again = ["--resume"] if resume else []
    return subprocess.Popen([sys.executable, "-c", COMMAND, "train", kind, *where, *changes, *again])


def folder(name: str, place: Path, first: Path, *more: str) -> Path:
    """A run folder of its own that shares the caches (and `more`) of the first run."""
    made = place / name
    made.mkdir()
    for shared in (*SHARED, *more):
        if (first / shared).exists():
            (made / shared).symlink_to(first / shared)
    return made


def killed_after(process: subprocess.Popen[bytes], journal: Path, lines: int) -> int:
    """kill -9 once the journal has so many lines; returns how many it had. Raises RuntimeError if it ended before."""
    while True:
        written = journal.read_text().count("\n") if journal.exists() else 0
        if written >= lines:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return written
        if process.poll() is not None:
            raise RuntimeError(f"the run ended with {process.returncode} before it could be killed")
        time.sleep(0.05)


def trained(kind: str, runs: Path, settings: tuple[str, ...], resume: bool = False) -> None:
    """The training command to its end. Raises RuntimeError where it fails."""
    if start(kind, runs, settings, resume).wait():
        raise RuntimeError(f"train {kind} failed")


def compared(kind: str, settings: tuple[str, ...], phase: str, lines: int, place: Path, result: str) -> dict[str, Any]:
    """How the tensors of a run that is killed in a phase and resumed differ from the first run's."""
    calm = place / "first"
    trained(kind, calm, settings)
    disturbed = folder(f"killed-{kind}", place, calm, *(["teacher"] if kind == "distill" else []))
    at = killed_after(start(kind, disturbed, settings, False), disturbed / phase / "journal.jsonl", lines)
    trained(kind, disturbed, settings, resume=True)
    one, other = (load_file(runs / result) for runs in (calm, disturbed))
    same = [name for name in one if torch.equal(one[name], other[name])]
    return {
        "settings": settings,
        "killed_in": phase,
        "killed_after_steps": at,
        "tensors": len(one),
        "equal": len(same),
        "keys_equal": one.keys() == other.keys(),
    }


def main() -> None:
    no_options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        some_rows(place)
        (place / "first").mkdir()
        figures = {
            "teacher": compared("teacher", TEACHER, "teacher", 54, place, "teacher/checkpoint.safetensors"),
            "distill": compared("distill", DISTILL, "writer/write", 27, place, "writer/writer.safetensors"),
        }
    print(json.dumps(figures, indent=1))
    keep("resume", figures)


if __name__ == "__main__":
    main()
