"""Prediction sets: the diagnoses among which the right one is, nine times of ten, whatever the model is worth.

Split conformal prediction, class-conditional (Mondrian; Vovk et al. 2005): a diagnosis belongs to the set unless its
probability is lower than that of nearly all validation pictures which really had it. The promise then holds for
each diagnosis and not only on average, where a set may pay for missed melanomas with nevi. It holds for pictures
like the validation rows. A diagnosis with fewer than `LEAST` validation rows has no threshold of its own: those
are taken together as one class, and the promise holds for them together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

COVERAGE: Final = 0.9
SHIPPED: Final = "conformal.json"
LEAST: Final = 19  # rows of a class of its own: with fewer, the 10 % that may be missed are one row or none


@dataclass(frozen=True, slots=True)
class Sets:
    """Thresholds of one label set.

    coverage: promised, 0..1. least: by diagnosis, the probability (the writer's own, before calibration) from which it
    is in the set. rows: validation rows by diagnosis. pooled: the diagnoses that share one threshold, for want of rows.
    """

    coverage: float
    least: Mapping[str, float]
    rows: Mapping[str, int]
    pooled: tuple[str, ...] = ()

    def among(self, probability: Mapping[str, float]) -> tuple[str, ...]:
        """The set, likeliest first; never empty: the likeliest stands in, which can only raise coverage.

        probability: of every diagnosis of the label set. Raises KeyError on one without a threshold.
        """
        ranked = sorted(probability, key=lambda name: -probability[name])
        return tuple(name for name in ranked if probability[name] >= self.least[name]) or tuple(ranked[:1])


def fit(rows: Sequence[tuple[Mapping[str, float], str]], coverage: float = COVERAGE) -> Sets:
    """Thresholds from (probability of every diagnosis, the right one) of validation rows.

    Raises ValueError without rows, or where a right diagnosis has no probability.
    """
    if not rows:
        raise ValueError("no validation rows to fit prediction sets on")
    names = list(rows[0][0])
    own: dict[str, list[float]] = {name: [] for name in names}
    for probability, truth in rows:
        if truth not in own:
            raise ValueError(f"no probability of {truth!r}, which is the right diagnosis of a row")
        own[truth].append(probability[truth])
    pooled = tuple(name for name in names if len(own[name]) < LEAST)
    together = [p for name in pooled for p in own[name]]
    shared = threshold(together, coverage)
    least = {name: shared if name in pooled else threshold(own[name], coverage) for name in names}
    return Sets(coverage, least, {name: len(own[name]) for name in names}, pooled)


def threshold(right: Sequence[float], coverage: float) -> float:
    """The probability that a share `coverage` of fresh pictures reaches, given those of n pictures' right diagnosis.

    The k-th highest with k = ceil((n + 1) coverage); 0 where n is too small to promise anything, so all are let in.
    """
    rank = math.ceil((len(right) + 1) * coverage - 1e-9)  # 20 * 0.9 must be 18 and not 18.000000000000004
    return sorted(right, reverse=True)[rank - 1] if rank <= len(right) else 0.0


def save(path: Path, table: Mapping[str, Sets]) -> None:
    """Write the sets of each label set as JSON."""
    write_text(path, json.dumps({name: asdict(entry) for name, entry in table.items()}, indent=1) + "\n")


def load(path: Path) -> dict[str, Sets]:
    """Read them; no file is an empty table, for adapters of one's own. Raises SkinGPTError where it is malformed."""
    if not path.exists():
        return {}
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {name: Sets(**{**entry, "pooled": tuple(entry["pooled"])}) for name, entry in table.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SkinGPTError(
            f"{path}: no readable prediction sets ({error!r}). Reinstall, or fit them: python -m benchmarks.calibrate."
        ) from error
