"""Agreement held against the libraries, against a published example, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify.agreement import Pair, agreement, alpha, icc, library_alpha, library_icc


def pairs(rng: np.random.Generator, n: int, spread: float, noise: float, shift: float = 0.0) -> np.ndarray:
    truth = rng.normal(3, spread, n)
    x = np.stack([truth + rng.normal(0, noise, n), truth + shift + rng.normal(0, noise, n)], 1)
    return np.clip(np.round(2 * x) / 2, 0, 5)


@pytest.mark.parametrize(("n", "noise", "shift"), [(6, 0.5, 0.0), (30, 0.3, 0.5), (200, 1.5, 0.0), (50, 0.0, 0.0)])
def test_our_formulas_are_those_of_the_libraries(n: int, noise: float, shift: float) -> None:
    x = pairs(np.random.default_rng(n), n, 1.0, noise, shift)
    assert float(alpha(x)) == pytest.approx(library_alpha(x), abs=1e-9)
    assert float(icc(x)) == pytest.approx(library_icc(x), abs=1e-9)


def test_shrout_and_fleiss() -> None:
    """ICC(1,1) of raters 1 and 3 of their table (1979, table 2), worked out by hand: (2.867 - 3.667) / (2.867 + 3.667).

    Mean squares of the six targets: between 8.6 / 3, within 44 / 12.
    """
    x = np.array([[9, 5], [6, 3], [8, 6], [7, 2], [10, 6], [6, 4]], float)
    between = 2 * np.var(x.mean(1), ddof=1)
    within = ((x[:, 0] - x[:, 1]) ** 2 / 2).mean()
    assert float(icc(x)) == pytest.approx((between - within) / (between + within))
    assert float(icc(x)) < 0  # a rater who is four points stricter agrees worse than chance, one-way


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    sigma, noise, hits = 1.0, 0.7, 0
    truth = sigma**2 / (sigma**2 + noise**2)
    for _ in range(60):
        t = rng.normal(0, sigma, 60)
        x = np.stack([t + rng.normal(0, noise, 60), t + rng.normal(0, noise, 60)], 1)
        low, high = np.percentile(icc(x[rng.integers(0, 60, (400, 60))]), (2.5, 97.5))
        hits += low <= truth <= high
    assert 48 <= hits <= 60


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
