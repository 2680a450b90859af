"""Warm and cold seconds a photo, with reading ahead and without, peak memory, adapter size, on this machine.

python -m benchmarks.latency
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.results import keep, no_options
from skingpt_r1.models import guesses
from skingpt_r1.models.diagnose import ADAPTERS, Model, load

PHOTO = sorted(Path("examples").glob("*.jpg"))[0]
COLD = "from skingpt_r1.cli.main import main; main()"


def cold(runs: int = 3) -> list[float]:
    """Seconds of a whole `skingpt diagnose --json` process."""
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", COLD, "diagnose", "--json", str(PHOTO)], check=True, capture_output=True)
        seconds.append(round(time.perf_counter() - began, 2))
    return seconds


def warm(model: Model, runs: int = 5) -> tuple[list[float], str]:
    """Seconds of each of several readings of one photo, and the text of the last."""
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        reading = model.diagnose(str(PHOTO))
        seconds.append(round(time.perf_counter() - began, 2))
    print({k: round(v, 2) for k, v in reading.report.seconds.items()})
    return seconds, reading.text


def main() -> None:
    no_options(__doc__)
    cold_seconds = cold()
    model = load()
    model.diagnose(str(PHOTO))
    ahead, text = warm(model)
    model.guesses = guesses.count([])
    plain, same = warm(model)
    figures = {
        "goal": {"warm_s": 6, "cold_s": 15, "peak_gb": 2, "adapters_mb": 20},
        "cold_s": cold_seconds,
        "warm_s": ahead,
        "warm_median_s": statistics.median(ahead),
        "without_reading_ahead": {
            "warm_s": plain,
            "warm_median_s": statistics.median(plain),
            "same_text": text == same,
        },
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
        "adapters_mb": {p.name: round(p.stat().st_size / 1e6, 2) for p in sorted(ADAPTERS.glob("*.safetensors"))},
    }
    print(json.dumps(figures, indent=1))
    keep("latency", figures)


if __name__ == "__main__":
    main()
