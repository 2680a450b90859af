"""How far a score may be from what it should be: split conformal margins, one a dimension.

Fitted on narratives whose target is known and whose pictures no stage was trained on. Then nine of ten targets of
narratives like those lie inside score +- margin, whatever the model; of other narratives nothing is promised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

COVERAGE: Final = 0.9
Margins = Mapping[str, float]


def margins(scores: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> dict[str, float]:
    """The margin of each dimension. Raises ValueError on fewer rows than the coverage needs (nine)."""
    rank = math.ceil((len(scores) + 1) * COVERAGE)
    if rank > len(scores):
        raise ValueError(f"{len(scores)} rows are too few for {COVERAGE:.0%} coverage")
    found = {}
    for i, name in enumerate(DIMENSIONS):
        errors = sorted(abs(s[i] - t[i]) for s, t in zip(scores, targets, strict=True))
        found[name] = round(errors[rank - 1], 4)
    return found


def interval(score: float, margin: float) -> tuple[float, float]:
    """The interval around a score, inside the scale."""
    return max(LOWEST, round(score - margin, 4)), min(HIGHEST, round(score + margin, 4))


def save(path: Path, found: Margins, rows: int) -> None:
    """Write the margins with what they promise."""
    write_text(path, json.dumps({"coverage": COVERAGE, "rows": rows, "margins": dict(found)}, indent=1) + "\n")


def load(path: Path) -> dict[str, float]:
    """Read them. Raises SkinGPTError where the file is missing or malformed."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["margins"]
        return {name: float(told[name]) for name in DIMENSIONS}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SkinGPTError(f"{path}: no readable margins ({error!r}). Reinstall, or train it again.") from error
