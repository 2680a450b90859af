"""Is a benchmark run's time linear in its cases, and its memory flat? One tenth, the whole and ten times of a suite.

    skingpt bench build
    python -m benchmarks.scale

The suite's rows are told again under other ids until there are enough. The system is the reference control, which costs
nothing, and the judge the offline one, so that what is measured is our own work and inspect_ai's. Each size runs in a
process of its own; memory is the largest resident set of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.results import keep
from skingpt_r1.dermbench.running import RunConfig, run
from skingpt_r1.dermbench.suites.benchmark import OnSuite
from skingpt_r1.dermbench.suites.manifest import Suite, read, write
from skingpt_r1.dermbench.systems.registry import named

SIZES: Final = (0.1, 1.0, 10.0)  # of the suite


def repeated(suite: Suite, cases: int) -> Suite:
    """So many rows, each of the suite's in turn, under ids of their own."""
    rows = [suite.rows[n % len(suite.rows)] for n in range(cases)]
    told = tuple(dataclasses.replace(row, id=f"{row.id}.{n}") for n, row in enumerate(rows))
    return dataclasses.replace(suite, rows=told)


def one(options: argparse.Namespace) -> None:
    """Prints seconds, megabytes and cases of one run."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        write(repeated(read(options.suite), options.cases), out)
        benchmark = OnSuite(out, judges=("offline",))
        (result,) = run(benchmark, RunConfig(), [named("skingpt/reference")], out / "logs")
        finished = result.standing.finished
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # kilobytes on Linux
    print(json.dumps({"cases": finished, "seconds": round(time.monotonic() - began, 1), "peak_mb": round(most)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", type=Path, default=Path("runs/dermbench-open"))
    parser.add_argument("--cases", type=int, help="this one size only, in this process")
    options = parser.parse_args()
    if options.cases:
        return one(options)
    whole = len(read(options.suite).rows)
    told: list[dict[str, Any]] = []
    for size in SIZES:
        words = [sys.executable, "-m", "benchmarks.scale", "--suite", str(options.suite), "--cases"]
        done = subprocess.run([*words, str(round(size * whole))], capture_output=True, text=True, check=True)
        told.append(json.loads(done.stdout.splitlines()[-1]))
        print(told[-1], flush=True)
    first, last = told[1], told[-1]
    more = last["cases"] - first["cases"]
    keep("scale", {
        "system": "skingpt/reference, offline judge", "runs": told,
        "kilobytes_a_case": round(1000 * (last["peak_mb"] - first["peak_mb"]) / more, 1),
        "milliseconds_a_case": round(1000 * (last["seconds"] - first["seconds"]) / more, 1),
    })  # fmt: skip
    return None


if __name__ == "__main__":
    main()
