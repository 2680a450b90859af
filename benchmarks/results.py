"""What every benchmark writes beside its figures, and the interval that every figure carries."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).parent / "results"


def keep(name: str, figures: dict[str, Any], of: str | None = None) -> Path:
    """Write results/NAME.json with where, when and how it was measured, or results/NAME_OF.json of one of several."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    told = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]  # no path of a machine
    about = {
        "command": " ".join(["python", "-m", f"benchmarks.{name}", *told]),
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}{f'_{of}' if of else ''}.json"
    path.write_text(json.dumps({**about, **figures}, indent=1) + "\n")
    return path


def processor() -> str:
    """Model name of the processor, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return names[0] if names else platform.processor()


def balanced_accuracy(predicted: Sequence[str], truth: Sequence[str]) -> float:
    """Mean recall over the labels in `truth`."""
    said, true = np.asarray(predicted), np.asarray(truth)
    return float(np.mean([(said[true == label] == label).mean() for label in sorted(set(truth))]))


def interval(
    metric: Callable[[np.ndarray], float], groups: Sequence[str], repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of metric(row numbers), drawing whole groups (patients, lesions)."""
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    blocks = [np.asarray(rows) for rows in members.values()]
    rng = np.random.default_rng(seed)
    values = [
        metric(np.concatenate([blocks[i] for i in rng.integers(0, len(blocks), len(blocks))])) for _ in range(repeats)
    ]
    return float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))
