"""Temperature and abstention, on rows whose right answer is known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.models import calibration
from skingpt_r1.models.calibration import Validated
from skingpt_r1.records import SkinGPTError


def overconfident(n: int = 2000, temperature: float = 2.5) -> list[Validated]:
    """Rows whose truth is drawn from the tempered probabilities: the fitted temperature must be that one."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(n):
        logits = rng.normal(0, 3, 4)
        raw, true = (np.exp(logits / t) / np.exp(logits / t).sum() for t in (1.0, temperature))
        best = int(raw.argmax())
        named = dict(zip("abcd", raw.tolist(), strict=True))
        rows.append(Validated(named, "abcd"[best], named["abcd"[best]], "abcd"[rng.choice(4, p=true)]))
    return rows


def test_finds_the_temperature_that_made_the_data() -> None:
    assert calibration.fit(overconfident()).temperature == pytest.approx(2.5, rel=0.1)


def test_confidence_is_the_share_that_is_right() -> None:
    rows = overconfident()
    fitted = calibration.fit(rows[:1000])
    confidence = np.array([fitted.confidence(r.said, r.share) for r in rows[1000:]])
    right = np.array([r.said == r.truth for r in rows[1000:]])
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 1.0)):
        inside = (confidence >= low) & (confidence < high)
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.08)


def test_a_diagnosis_that_is_named_too_often_earns_less_trust() -> None:
    rows = [Validated({"a": 0.8, "b": 0.2}, "a", 0.8, "a")] * 50
    rows += [Validated({"a": 0.2, "b": 0.8}, "b", 0.8, "a")] * 40 + [
        Validated({"a": 0.2, "b": 0.8}, "b", 0.8, "b")
    ] * 10
    fitted = calibration.fit(rows)
    assert fitted.confidence("a", 0.8) > 0.85
    assert fitted.confidence("b", 0.8) < 0.35
    assert fitted.confidence("b", 0.9) > fitted.confidence("b", 0.5)


def test_abstention_keeps_the_promised_risk_on_the_rows_it_was_fitted_on() -> None:
    fitted = calibration.fit(overconfident())
    assert fitted.kept is not None
    assert fitted.risk is not None
    assert fitted.kept >= calibration.LEAST_KEPT
    assert fitted.risk <= calibration.ALLOWED_RISK or fitted.kept == pytest.approx(calibration.LEAST_KEPT, abs=0.01)


def test_the_differential_gives_the_others_the_rest_in_their_order() -> None:
    found = calibration.Calibration(temperature=3.0).differential({"a": 0.7, "b": 0.2, "c": 0.1}, "a", 0.4)
    assert sum(found.values()) == pytest.approx(1)
    assert found["a"] == 0.4
    assert found["b"] > found["c"] > 0.2
    assert calibration.Calibration().differential({"a": 1.0}, "a", 0.4) == {"a": 1.0}


def test_round_trip_and_a_damaged_file(tmp_path: Path) -> None:
    table = {"open": calibration.Calibration(1.5, 0.9, 0.1, {"a": -0.5}, 0.4, 10, 0.2, 0.9)}
    calibration.save(tmp_path / "c.json", table)
    assert calibration.load(tmp_path / "c.json") == table
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(SkinGPTError, match=r"c\.json"):
        calibration.load(tmp_path / "c.json")
