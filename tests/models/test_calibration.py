"""Temperature and abstention, on rows whose right answer is known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.models import calibration
from skingpt_r1.records import SkinGPTError


def overconfident(n: int = 2000, temperature: float = 2.5) -> list[tuple[dict[str, float], str]]:
    """Rows whose truth is drawn from the tempered probabilities: the fitted temperature must be that one."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(n):
        logits = rng.normal(0, 3, 4)
        raw, true = (np.exp(logits / t) / np.exp(logits / t).sum() for t in (1.0, temperature))
        rows.append((dict(zip("abcd", raw.tolist(), strict=True)), "abcd"[rng.choice(4, p=true)]))
    return rows


def test_finds_the_temperature_that_made_the_data() -> None:
    assert calibration.fit(overconfident()).temperature == pytest.approx(2.5, rel=0.1)


def test_abstention_keeps_the_promised_risk_on_the_rows_it_was_fitted_on() -> None:
    fitted = calibration.fit(overconfident())
    assert fitted.kept is not None
    assert fitted.risk is not None
    assert fitted.kept >= calibration.LEAST_KEPT
    assert fitted.risk <= calibration.ALLOWED_RISK or fitted.kept == pytest.approx(calibration.LEAST_KEPT, abs=0.01)


def test_tempering_keeps_the_order_and_the_sum() -> None:
    found = calibration.tempered({"a": 0.7, "b": 0.2, "c": 0.1}, 3.0)
    assert sum(found.values()) == pytest.approx(1)
    assert sorted(found, key=lambda n: -found[n]) == ["a", "b", "c"]
    assert found["a"] < 0.7


def test_round_trip_and_a_damaged_file(tmp_path: Path) -> None:
    table = {"open": calibration.Calibration(1.5, 0.4, 10, 0.2, 0.9)}
    calibration.save(tmp_path / "c.json", table)
    assert calibration.load(tmp_path / "c.json") == table
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(SkinGPTError, match=r"c\.json"):
        calibration.load(tmp_path / "c.json")
