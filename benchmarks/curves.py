"""Draws the curves of a release: training losses with and without each distillation, and risk over coverage.

    python -m benchmarks.curves runs/writer runs/language_only runs/visual_only --out docs/curves.png

Reads the journals of the named run folders and results/score_rows_test.json. In the picture a run is called by
its folder's name.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.results import FOLDER

SMOOTH = 20  # steps that the training curves are averaged over


def journal(run: Path, phase: str) -> list[dict[str, Any]]:
    """Lines of one phase's journal, empty where the run did without that phase."""
    path = run / phase / "journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def series(lines: list[dict[str, Any]], key: str, smooth: int = SMOOTH) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of one journalled figure, each the mean of the last `smooth`."""
    told = [(line["step"], line[key]) for line in lines if key in line]
    if not told:
        return np.zeros(0), np.zeros(0)
    steps, values = (np.array(column, dtype=float) for column in zip(*told, strict=True))
    sums = np.cumsum(np.insert(values, 0, 0.0))
    first = np.maximum(np.arange(1, len(values) + 1) - smooth, 0)
    last = np.arange(1, len(values) + 1)
    return steps, (sums[last] - sums[first]) / (last - first)


def losses(axes: Any, runs: list[Path]) -> None:
    """Three panels: the visual loss while looking, then both losses while writing."""
    panels = (
        ("look", "distil", "looking: 10 (1 - cosine) to the teacher"),
        ("write", "sft", "writing: cross entropy of the narratives"),
        ("write", "decision", "writing: the same, tokens that decide"),
    )
    for axis, (phase, key, title) in zip(axes, panels, strict=True):
        for run in runs:
            steps, values = series(journal(run, phase), key)
            if len(steps):
                axis.plot(steps, values, label=run.name.replace("_", " "))
        axis.set(title=title, xlabel="step", ylabel="loss")
        axis.legend()
        axis.grid(alpha=0.3)


def coverage(axis: Any) -> None:
    """Error share among the most confident share of the test pictures."""
    curve = json.loads((FOLDER / "score_rows_test.json").read_text())["abstention_curve"]
    axis.plot([p["kept"] for p in curve], [p["risk"] for p in curve], marker="o")
    axis.set(title="abstention, test rows", xlabel="share of pictures answered", ylabel="share wrong of those")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of skingpt train distill")
    parser.add_argument("--out", type=Path, default=Path("docs/curves.png"))
    options = parser.parse_args()
    figure, axes = plt.subplots(1, 4, figsize=(20, 4.2), layout="constrained")
    losses(axes[:3], options.runs)
    coverage(axes[3])
    figure.savefig(options.out, dpi=110)
    print(options.out)


if __name__ == "__main__":
    main()
