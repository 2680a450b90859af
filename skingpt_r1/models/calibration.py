"""From the model's label probabilities to a confidence that means what it says.

One temperature a label set, fitted on validation rows by maximum likelihood; below a confidence that the
validation rows chose, the model abstains. Both live in `adapters/calibration.json`
with the rows they were fitted on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from skingpt_r1.records import SkinGPTError

OPEN = "open"  # the entry for no label set, or one that we have no validation rows for
ALLOWED_RISK = 0.25  # share of wrong diagnoses among those not abstained from, on validation
LEAST_KEPT = 0.5  # of the validation rows: a model that always abstains helps nobody


@dataclass(frozen=True, slots=True)
class Calibration:
    """temperature: divides log probabilities. abstain_below: confidence, 0..1. n: validation rows.

    risk, kept: error share and share of rows at or above `abstain_below`, on those rows.
    """

    temperature: float = 1.0
    abstain_below: float = 0.0
    n: int = 0
    risk: float | None = None
    kept: float | None = None


def tempered(probability: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Probabilities p^(1/T), renormalised; sums to 1."""
    logs = {name: math.log(max(p, 1e-12)) / temperature for name, p in probability.items()}
    top = max(logs.values())
    powers = {name: math.exp(value - top) for name, value in logs.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def fit(rows: Sequence[tuple[Mapping[str, float], str]]) -> Calibration:
    """Calibration from (label probabilities, true label) of validation rows. Raises ValueError without rows."""
    if not rows:
        raise ValueError("no validation rows to calibrate on")
    grid = [math.exp(step / 20) for step in range(-20, 41)]  # 0.37 .. 7.4
    temperature = min(grid, key=lambda t: _loss(rows, t))
    scored = []
    for probability, truth in rows:
        calibrated = tempered(probability, temperature)
        best = max(calibrated, key=lambda name: calibrated[name])
        scored.append((calibrated[best], best == truth))
    threshold, risk, kept = _threshold(scored)
    return Calibration(round(temperature, 4), round(threshold, 4), len(rows), round(risk, 4), round(kept, 4))


def _loss(rows: Sequence[tuple[Mapping[str, float], str]], temperature: float) -> float:
    return -sum(math.log(max(tempered(p, temperature).get(truth, 0.0), 1e-9)) for p, truth in rows)


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
    path.write_text(json.dumps({name: asdict(entry) for name, entry in table.items()}, indent=1) + "\n")


def load(path: Path) -> dict[str, Calibration]:
    """Read the table. Raises SkinGPTError where it is missing or malformed."""
    try:
        return {name: Calibration(**entry) for name, entry in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SkinGPTError(
            f"{path}: no readable calibration ({error}). Reinstall, or run `skingpt train calibrate`."
        ) from error
