"""The fine-tuned teacher as a baseline: its own classification head within a set's labels, on the plain centre square.

It does not ship; it is the run folder of `skingpt train teacher`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from skingpt_r1.distill.data import read_pixels, spaces
from skingpt_r1.distill.recipe import saved_teacher
from skingpt_r1.models.encoder import IMAGE_SIZE, to_pixels
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.records import Case
from skingpt_r1.sources.registry import SOURCES

_BATCH: Final = 16


@torch.inference_mode()
def taught(source: str, cases: Sequence[Case], folder: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """(labels, probabilities [N, K]) for pictures of a public set. Raises SkinGPTError where the folder holds none."""
    every = spaces()
    columns = every.members(SOURCES[source].label_set)
    teacher = saved_teacher(folder, len(every.labels))
    found = [np.empty((0, len(columns)))]
    for start in range(0, len(cases), _BATCH):
        squares = [centre_square(read_pixels(case.image), IMAGE_SIZE) for case in cases[start : start + _BATCH]]
        _, logits = teacher(teacher.encoder.lower(to_pixels(torch.from_numpy(np.stack(squares)))))
        found.append(logits[:, columns].softmax(1).double().numpy())
    return tuple(every.labels[i][1] for i in columns), np.concatenate(found)
