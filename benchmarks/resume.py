"""kill -9 in the middle of a real training run, resume, and compare with the run that nobody disturbed.

    python -m benchmarks.resume

Short runs of `skingpt train teacher` and `skingpt train distill` on the real rows, through the command line. Each is
killed once its journal shows that it is past a checkpoint, resumed, and its tensors are compared with those of an
undisturbed run, bit for bit. Needs runs/features, runs/evidence.jsonl and runs/teacher of a full training.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.results import keep

RUNS = Path("runs")
SHARED = ("features", "evidence.jsonl", "hashes.json", "embeddings.safetensors", "duplicates.json")
COMMAND = "from skingpt_r1.cli.main import main; main()"
TEACHER = ("steps=60", "batch=8", "evaluate_every=60")
DISTILL = ("look_steps=55", "look_batch=8", "name_steps=60", "write_steps=30", "write_batch=2", "language_rows=4")


def start(kind: str, runs: Path, settings: tuple[str, ...], resume: bool) -> subprocess.Popen[bytes]:
    """The training command in a process of its own."""
    changes = [part for setting in settings for part in ("--set", setting)]
    again = ["--resume"] if resume else []
    return subprocess.Popen([sys.executable, "-c", COMMAND, "train", kind, "--runs", str(runs), *changes, *again])


def folder(place: Path, name: str, kind: str) -> Path:
    """A run folder of its own that shares the caches (and, to distil, the teacher) of the full training."""
    made = place / name
    made.mkdir()
    for shared in (*SHARED, *(["teacher"] if kind == "distill" else [])):
        (made / shared).symlink_to((RUNS / shared).resolve())
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


def compared(kind: str, settings: tuple[str, ...], phase: str, lines: int, result: str) -> dict[str, Any]:
    """Both runs, and how their tensors differ."""
    with tempfile.TemporaryDirectory() as place:
        calm, disturbed = (folder(Path(place), name, kind) for name in ("calm", "disturbed"))
        if start(kind, calm, settings, False).wait():
            raise RuntimeError(f"train {kind} failed")
        at = killed_after(start(kind, disturbed, settings, False), disturbed / phase / "journal.jsonl", lines)
        if start(kind, disturbed, settings, True).wait():
            raise RuntimeError(f"train {kind} --resume failed")
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
    figures = {
        "teacher": compared("teacher", TEACHER, "teacher", 54, "teacher/checkpoint.safetensors"),
        "distill": compared("distill", DISTILL, "writer/write", 27, "writer/writer.safetensors"),
    }
    print(json.dumps(figures, indent=1))
    keep("resume", figures)


if __name__ == "__main__":
    main()
