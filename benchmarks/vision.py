"""What the image branch alone recognises: the teacher, and the student that learned from it, on one split.

    python -m benchmarks.vision val
    python -m benchmarks.vision test

Both read the plain centre square once, through the teacher's own classification head; no language model takes part.
Needs the run folder of `skingpt train teacher` and the cached maps in runs/features. Intervals: 95 %, bootstrap
over patients or lesions (1,000 draws, seed 0).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.results import keep
from skingpt_r1.dermbench.metrics import balanced_accuracy
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.distill.data import LabelledMaps, gather, labelled_maps
from skingpt_r1.distill.recipe import saved_teacher
from skingpt_r1.distill.teacher import chosen
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import Embedded, load_adapter

RUNS = Path("runs")


def told(logits: Tensor, data: LabelledMaps) -> dict[str, Any]:
    """Balanced accuracy by label set with its interval, each case within its own set."""
    columns, picked = data.columns.numpy(), chosen(logits, data).numpy()
    found: dict[str, Any] = {}
    for name in sorted(set(data.space)):
        rows = np.array([i for i, space in enumerate(data.space) if space == name])
        said, truth = picked[rows], columns[rows]
        groups = [data.cases[i].group or data.cases[i].id for i in rows]
        low, high = interval(lambda i, s=said, t=truth: balanced_accuracy(s[i], t[i]), groups)
        found[name] = {
            "n": len(rows),
            "balanced_accuracy": round(balanced_accuracy(said, truth), 4),
            "interval": [round(low, 4), round(high, 4)],
        }
    return found


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", choices=("val", "test"))
    parser.add_argument("--adapters", type=Path, default=ADAPTERS, help="folder of writer.safetensors")
    options = parser.parse_args()
    data = labelled_maps(gather(None, RUNS), options.split, RUNS / "features")
    teacher = saved_teacher(RUNS / "teacher", len(data.spaces.labels))
    student = Embedded(language=True)
    load_adapter(student, options.adapters / "writer.safetensors")
    student.eval()
    figures = {
        "split": options.split,
        "teacher": told(torch.cat([teacher(lower)[1] for _, lower in data.plain()]), data),
        "visual_head": told(torch.cat([teacher.head(student.look(lower).proj) for _, lower in data.plain()]), data),
    }
    print(json.dumps(figures, indent=1))
    keep("vision", figures, of=options.split)


if __name__ == "__main__":
    main()
