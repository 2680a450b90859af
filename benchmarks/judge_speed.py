"""Cases a second of DermEval and its peak memory, from the start of the process, beside the lint score in the same run.

    python -m benchmarks.judge_speed --evaluator runs/dermeval [--cases 48]

"new pictures": every text with its own test picture, as when a corpus is filtered. "one picture": as many texts about a
single picture, as when systems are compared. Each is a process of `skingpt dermeval score`, so that loading counts;
"warm" leaves it out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.judge_rows import by_hash, test_texts
from benchmarks.results import keep
from benchmarks.score_judge import lint_score
from skingpt_r1.dermeval.degrade.subject import Subject
from skingpt_r1.dermeval.judging import Submission, load_judge
from skingpt_r1.models.diagnose import ADAPTERS

COLD = "from skingpt_r1.cli.main import main; main()"
_PEAK = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True); "
_PEAK += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def process(told: list[Subject], evaluator: Path, batch: int) -> dict[str, float]:
    """Seconds and peak memory of one process that scores them all."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [{"id": f"{n}", "image": s.image, "text": s.text} for n, s in enumerate(told)]
        cases = Path(folder) / "cases.jsonl"
        cases.write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = ["dermeval", "score", str(cases), "--out", f"{folder}/scores.jsonl"]
        command += ["--evaluator", str(evaluator), "--batch", str(batch)]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, sys.executable, "-c", COLD, *command],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 1),
        "cases_per_second": round(len(told) / seconds, 2),
        "peak_gb": round(int(done.stdout.split()[-1]) / 1024**2, 2),
    }


def warm(told: list[Subject], evaluator: Path) -> dict[str, float]:
    """Cases a second once all is loaded: new pictures, and the same ones again, which are remembered."""
    judge = load_judge(evaluator)
    submissions = [Submission(s.id, Path(str(s.image)), s.text, s.history) for s in told]
    judge.judge(submissions[:1])
    rates = {}
    for name in ("new pictures", "pictures remembered"):
        began = time.perf_counter()
        judge.judge(submissions)
        rates[name] = round(len(told) / (time.perf_counter() - began), 2)
    return rates


def by_rules(told: list[Subject]) -> float:
    """Cases a second of the lint score, which looks at no picture."""
    began = time.perf_counter()
    for subject in told:
        lint_score(subject.text)
    return round(len(told) / (time.perf_counter() - began), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=48, help="a third of them from each set")
    parser.add_argument("--evaluator", type=Path, default=ADAPTERS, help="folder of the evaluator")
    options = parser.parse_args()
    told = by_hash(test_texts(), options.cases // 3)
    figures: dict[str, Any] = {
        "cases": len(told),
        "new pictures": {f"batch {b}": process(told, options.evaluator, b) for b in (1, 8, 32)},
        "one picture": {"batch 8": process([told[0]] * len(told), options.evaluator, 8)},
        "warm_cases_per_second": warm(told, options.evaluator),
        "lint_cases_per_second": by_rules(told),
    }
    print(json.dumps(figures, indent=1))
    keep("judge_speed", figures)


if __name__ == "__main__":
    main()
