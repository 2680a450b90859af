"""Warm and cold seconds a photo, peak memory, adapter size, on this machine.

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

from benchmarks.results import keep

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


def main() -> None:
    from skingpt_r1.models.diagnose import ADAPTERS, load

    cold_seconds = cold()
    model = load()
    model.diagnose(str(PHOTO))
    warm, steps = [], []
    for _ in range(5):
        began = time.perf_counter()
        reading = model.diagnose(str(PHOTO))
        warm.append(round(time.perf_counter() - began, 2))
        steps.append({k: round(v, 2) for k, v in reading.report.seconds.items()})
    figures = {
        "goal": {"warm_s": 6, "cold_s": 15, "peak_gb": 2, "adapters_mb": 20},
        "cold_s": cold_seconds,
        "warm_s": warm,
        "warm_median_s": statistics.median(warm),
        "steps_of_last": steps[-1],
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
        "adapters_mb": {p.name: round(p.stat().st_size / 1e6, 2) for p in sorted(ADAPTERS.glob("*.safetensors"))},
    }
    print(json.dumps(figures, indent=1))
    keep("latency", figures)


if __name__ == "__main__":
    main()
