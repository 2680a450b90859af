"""Agreement of blind raters: who is strict, and the edges. The formulas are tested in tests/dermeval."""

from __future__ import annotations

import numpy as np
import pytest

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify.agreement import Pair, agreement
from tests.dermeval.test_agreement import pairs


def told(x: np.ndarray, names: tuple[str, str] = ("Ada", "Bo")) -> list[Pair]:
    return [Pair(names, (dict.fromkeys(DIMENSIONS, a), dict.fromkeys(DIMENSIONS, b))) for a, b in x.tolist()]


def test_a_strict_rater_is_found_and_the_interval_leaves_zero_out() -> None:
    x = pairs(np.random.default_rng(3), 80, 0.8, 0.3, shift=-0.6)
    found = agreement(told(x))
    ada, bo = found.biases
    assert (ada.rater, bo.rater, ada.n) == ("Ada", "Bo", 80)
    assert ada.overall.value == pytest.approx(-bo.overall.value) and 0.4 < ada.overall.value < 0.8
    assert ada.overall.low > 0 > bo.overall.high
    row = found.dimensions[0]
    assert row.alpha.low < row.alpha.value < row.alpha.high
    assert row.icc.low < row.icc.value < row.icc.high
    assert found == agreement(told(x))  # the bootstrap is seeded


def test_perfect_agreement_no_variation_and_too_few() -> None:
    perfect = agreement(told(np.array([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [1, 1]], float))).dimensions[0]
    assert perfect.alpha.value == pytest.approx(1) and perfect.icc.value == pytest.approx(1) and perfect.within == 1
    flat = agreement(told(np.full((20, 2), 4.0))).dimensions[0]
    assert (flat.alpha.value, flat.icc.value, flat.within) == (None, None, 1)
    few = agreement(told(np.array([[1, 5], [2, 2]], float)))
    assert (few.n, few.dimensions[0].alpha.value) == (2, None)
    assert few.biases[0].overall.value == pytest.approx(-2) and few.biases[0].overall.low is None
    assert agreement([]).biases == ()
