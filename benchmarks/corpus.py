"""Time and memory of `skingpt dermcot build` at one and at ten times the size, on both engines.

Each part is a process of its own: the build (describe .. score, the engine's start included; memory of the whole
family of processes, shared pages counted once, as sampled), reading the finished journal back as --resume does, and
writing the corpus from it. Cases are the public train and val rows, repeated under other ids where there are too few.

python -m benchmarks.corpus --sizes 300 3000
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.results import keep
from skingpt_r1.records import Case
from skingpt_r1.sources.registry import available, load

WORKERS = 2
FILES = ("journal.jsonl", "corpus.jsonl", "rejected.jsonl", "report.json", "settings.json")


def sample(size: int) -> list[Case]:
    """Rows of all sets in turn, so that dermoscopy and photographs, with and without masks, are mixed as they are."""
    rows = sorted(
        (case for source in available() for case in load(source.name) if case.split != "test"),
        key=lambda case: hash_of(case.id),
    )
    repeated = islice(cycle(rows), size)
    return [dataclasses.replace(case, id=f"{case.id}~{n // len(rows)}") for n, case in enumerate(repeated)]


def hash_of(name: str) -> str:
    """An order that has nothing to do with the data."""
    return hashlib.sha256(name.encode()).hexdigest()


def build(engine: str, size: int, folder: Path) -> None:
    """In a process of its own: all stages and the corpus."""
    from skingpt_r1.dermcot.build import build as build_corpus
    from skingpt_r1.dermcot.describing import Measured, shipped_segment
    from skingpt_r1.dermcot.engines import ENGINES, EngineName
    from skingpt_r1.dermcot.scoring import LintScorer
    from skingpt_r1.dermcot.stages import BuildConfig, Tools

    cases = sample(size)
    began = time.perf_counter()
    tools = Tools(Measured(shipped_segment), LintScorer(), {})
    build_corpus(BuildConfig(), tools, cases, folder, False, WORKERS, ENGINES[EngineName(engine)])
    print(json.dumps({"seconds": round(time.perf_counter() - began, 1)}))


def journal(size: int, folder: Path) -> None:
    """In a process of its own: what --resume reads."""
    from skingpt_r1.dermcot.journal import intact

    cases = sample(size)
    before, began = peak_mb(), time.perf_counter()
    assert intact(folder / "journal.jsonl", cases) == size
    print(json.dumps({"seconds": round(time.perf_counter() - began, 2), "more_mb": round(peak_mb() - before, 1)}))


def publish(folder: Path) -> None:
    """In a process of its own: corpus, rejected and report from the journal."""
    from skingpt_r1.dermcot.journal import publish as write

    before, began = peak_mb(), time.perf_counter()
    write(folder / "journal.jsonl", folder)
    print(json.dumps({"seconds": round(time.perf_counter() - began, 2), "more_mb": round(peak_mb() - before, 1)}))


def peak_mb() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def part(*words: str) -> dict[str, Any]:
    """The figures that a part prints, with the most memory that it and its children held at once."""
    command = [sys.executable, "-m", "benchmarks.corpus", "--part", *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most = 0.0
    while child.poll() is None:
        most = max(most, family_mb(child.pid))
        time.sleep(0.3)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} failed with {child.returncode}")
    assert child.stdout is not None
    return {**json.loads(child.stdout.read().splitlines()[-1]), "peak_mb": round(most)}


def family_mb(pid: int) -> float:
    """Proportional set size of a process and its descendants, MB."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    family = [pid]
    for member in family:
        family += parents.get(member, [])
    total = 0
    for member in family:
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measured(engine: str, size: int, folder: Path) -> dict[str, Any]:
    """All parts of one size on one engine."""
    load_before = os.getloadavg()[0]
    figures = {"build": part("build", engine, str(size), str(folder))}
    figures["build"]["cases_per_s"] = round(size / figures["build"]["seconds"], 2)
    figures["journal"] = part("journal", str(size), str(folder))
    figures["publish"] = part("publish", str(folder))
    megabytes = (folder / "journal.jsonl").stat().st_size / 1e6
    return {**figures, "journal_mb": round(megabytes, 2), "load_before": round(load_before, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", type=int, default=[300, 3000])
    parser.add_argument("--engines", nargs="+", default=["local", "ray"])
    parser.add_argument("--part", nargs="+")
    asked = parser.parse_args()
    if asked.part:
        name, *words = asked.part
        if name == "build":
            build(words[0], int(words[1]), Path(words[2]))
        elif name == "journal":
            journal(int(words[0]), Path(words[1]))
        else:
            publish(Path(words[0]))
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in asked.sizes:
            for engine in asked.engines:
                folder = Path(scratch) / f"{engine}-{size}"
                found.setdefault(str(size), {})[engine] = measured(engine, size, folder)
                print(engine, size, json.dumps(found[str(size)][engine]), flush=True)
            folders = [Path(scratch) / f"{engine}-{size}" for engine in asked.engines]
            found[str(size)]["same_bytes"] = all(
                len({(folder / name).read_bytes() for folder in folders}) == 1 for name in FILES
            )
            keep("corpus", {"workers": WORKERS, "cores": os.cpu_count(), "sizes": found})


if __name__ == "__main__":
    main()
