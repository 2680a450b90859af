"""From the model's label probabilities to a confidence that means what it says.

The confidence of a narrative's diagnosis is a logistic curve of its own probability, with one slope a label set and an
offset a diagnosis (a balanced writer names rare diseases too often, so that its "melanoma" deserves less trust than
its "nevus"), fitted on validation rows by penalised likelihood. A temperature shapes what the other diagnoses
get of the rest. Below a confidence that the validation rows chose, the model abstains. All of it lives in
`adapters/calibration.json` with the rows it was fitted on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

OPEN = "open"  # the entry for no label set, or one that we have no validation rows for
ALLOWED_RISK = 0.25  # share of wrong diagnoses among those not abstained from, on validation
LEAST_KEPT = 0.5  # of the validation rows: a model that always abstains helps nobody
_STIFFNESS = 2.0  # of the offsets towards zero; in rows, roughly: a diagnosis named twice moves little
_EDGE = 1e-4  # probabilities nearer to 0 or 1 say no more


class Validated(NamedTuple):
    """One validation row. probability: all labels; said: the narrative's diagnosis; share: its probability after the
    checks (`verify.lowered`); truth: the right diagnosis.
    """

    probability: Mapping[str, float]
    said: str
    share: float
    truth: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """slope, offset, offsets: the logistic curve of the confidence; offsets by diagnosis are added to offset.

    temperature: divides the log probabilities of the other diagnoses. abstain_below: confidence, 0..1. n:
    validation rows. risk, kept: error share and share of rows at or above `abstain_below`, on those rows.
    """

    temperature: float = 1.0
    slope: float = 1.0
    offset: float = 0.0
    offsets: Mapping[str, float] = field(default_factory=dict)
    abstain_below: float = 0.0
    n: int = 0
    risk: float | None = None
    kept: float | None = None

    def confidence(self, diagnosis: str, share: float) -> float:
        """How often a narrative that names this diagnosis with this probability (0..1) is right, 0..1."""
        return float(expit(self.slope * _logit(share) + self.offset + self.offsets.get(diagnosis, 0.0)))

    def differential(self, probability: Mapping[str, float], diagnosis: str, confidence: float) -> dict[str, float]:
        """The diagnosis at its confidence, the others sharing the rest by their tempered probability; sums to 1."""
        if len(probability) == 1:
            return dict(probability)
        others = tempered({n: p for n, p in probability.items() if n != diagnosis}, self.temperature)
        return {n: confidence if n == diagnosis else (1 - confidence) * others[n] for n in probability}


def tempered(probability: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Probabilities p^(1/T), renormalised; sums to 1."""
    logs = {name: math.log(max(p, 1e-12)) / temperature for name, p in probability.items()}
    top = max(logs.values())
    powers = {name: math.exp(value - top) for name, value in logs.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def fit(rows: Sequence[Validated]) -> Calibration:
    """Calibration from validation rows. Raises ValueError without rows."""
    if not rows:
        raise ValueError("no validation rows to calibrate on")
    grid = [math.exp(step / 20) for step in range(-20, 41)]  # 0.37 .. 7.4
    temperature = min(grid, key=lambda t: _loss(rows, t))
    curve = Calibration(round(temperature, 4), *_curve(rows))
    threshold, risk, kept = _threshold([(curve.confidence(r.said, r.share), r.said == r.truth) for r in rows])
    return replace(curve, abstain_below=round(threshold, 4), n=len(rows), risk=round(risk, 4), kept=round(kept, 4))


def _curve(rows: Sequence[Validated]) -> tuple[float, float, dict[str, float]]:
    names = sorted({r.said for r in rows})
    logit = np.array([_logit(r.share) for r in rows])
    named = np.array([[r.said == name for name in names] for r in rows], dtype=float)
    right = np.array([1.0 if r.said == r.truth else -1.0 for r in rows])

    def cost(x: np.ndarray) -> float:
        margin = right * (math.exp(x[0]) * logit + x[1] + named @ x[2:])  # a slope above zero: never upside down
        return float(np.logaddexp(0, -margin).sum() + _STIFFNESS / 2 * (x[2:] ** 2).sum() + 0.5 * x[0] ** 2)

    found = minimize(cost, np.zeros(2 + len(names))).x
    offsets = {name: round(float(value), 4) for name, value in zip(names, found[2:], strict=True)}
    return round(math.exp(found[0]), 4), round(float(found[1]), 4), offsets


def _logit(share: float) -> float:
    inside = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def _loss(rows: Sequence[Validated], temperature: float) -> float:
    return -sum(math.log(max(tempered(r.probability, temperature).get(r.truth, 0.0), 1e-9)) for r in rows)


def _threshold(scored: Sequence[tuple[float, bool]]) -> tuple[float, float, float]:
    """Lowest confidence whose error share at or above it is allowed, or the one that keeps LEAST_KEPT."""
    ordered = sorted(scored, reverse=True)
    wrong, found = 0, None
    for n, (confidence, right) in enumerate(ordered, 1):
        wrong += not right
        if wrong / n <= ALLOWED_RISK or n <= LEAST_KEPT * len(ordered):
            found = (confidence, wrong / n, n / len(ordered))
    if found is None:
        raise ValueError("no validation rows")
    return found


def save(path: Path, table: Mapping[str, Calibration]) -> None:
    """Write the table as JSON."""
    write_text(path, json.dumps({name: asdict(entry) for name, entry in table.items()}, indent=1) + "\n")


def load(path: Path) -> dict[str, Calibration]:
    """Read the table. Raises SkinGPTError where it is missing or malformed."""
    try:
        return {name: Calibration(**entry) for name, entry in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SkinGPTError(
            f"{path}: no readable calibration ({error}). Reinstall, or fit it again: python -m benchmarks.calibrate."
        ) from error
