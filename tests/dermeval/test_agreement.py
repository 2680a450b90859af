"""Every statistic held against a library, against numbers worked out by hand, and at its edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from skingpt_r1.dermeval.agreement import (
    FIGURES,
    Estimate,
    alpha,
    bias,
    bootstrap,
    figures,
    icc_1_1,
    icc_2_1,
    library_alpha,
    library_icc,
    limits_of_agreement,
    mae,
    pearson,
    spearman,
)
from skingpt_r1.records import SkinGPTError

EIGHT = np.array([[1, 2], [2, 2], [3, 4], [4, 3], [5, 5], [2, 4], [4, 5], [3, 1]], float)


def pairs(rng: np.random.Generator, n: int, spread: float, noise: float, shift: float = 0.0) -> np.ndarray:
    truth = rng.normal(3, spread, n)
    x = np.stack([truth + rng.normal(0, noise, n), truth + shift + rng.normal(0, noise, n)], 1)
    return np.clip(np.round(2 * x) / 2, 0, 5)


def test_eight_pairs_by_hand() -> None:
    """Differences -1 0 -1 1 0 -2 -1 2: sum -2, of absolutes 8, of squares 12. Both columns: means 3 and 3.25.

    Sums of squares about the means: 12 and 15.5; of products: 8. Pooled (16 scores, mean 3.125): 27.75.
    """
    assert float(mae(EIGHT)) == 8 / 8
    assert float(bias(EIGHT)) == -2 / 8
    assert float(pearson(EIGHT)) == pytest.approx(8 / np.sqrt(12 * 15.5))
    assert float(alpha(EIGHT)) == pytest.approx(1 - (12 / 8) / (2 * 27.75 / 15))
    between = (12 + 15.5 + 2 * 8) / 2 / 7  # mean square of the eight case means, times two
    assert float(icc_1_1(EIGHT)) == pytest.approx((between - 12 / 16) / (between + 12 / 16))
    rest, raters = (12 - 8 / 16) / 14, 8 * (2 / 8) ** 2 / 2
    expected = (between - rest) / (between + rest + 2 * (raters - rest) / 8)
    assert float(icc_2_1(EIGHT)) == pytest.approx(expected)
    spread = 1.96 * np.sqrt((12 - 8 / 16) / 7)
    assert limits_of_agreement(EIGHT) == pytest.approx((-0.25 - spread, -0.25 + spread))


@pytest.mark.parametrize(("n", "noise", "shift"), [(6, 0.5, 0.0), (30, 0.3, 0.5), (200, 1.5, 0.0), (50, 0.0, 0.0)])
def test_our_formulas_are_those_of_the_libraries(n: int, noise: float, shift: float) -> None:
    x = pairs(np.random.default_rng(n), n, 1.0, noise, shift)
    assert float(alpha(x)) == pytest.approx(library_alpha(x), abs=1e-9)
    assert float(icc_1_1(x)) == pytest.approx(library_icc(x), abs=1e-9)
    assert float(icc_2_1(x)) == pytest.approx(library_icc(x, model=2), abs=1e-9)
    assert float(pearson(x)) == pytest.approx(scipy.stats.pearsonr(*x.T).statistic)
    assert float(spearman(x)) == pytest.approx(scipy.stats.spearmanr(*x.T).statistic)


def test_shrout_and_fleiss() -> None:
    """Raters 1 and 3 of their table (1979, table 2): one of them is four points stricter.

    One-way that is worse than chance: (2.867 - 3.667) / (2.867 + 3.667), mean squares 8.6 / 3 and 44 / 12.
    Two-way it has a part of its own, and what is left agrees: 0.2387 as pingouin says of the same twelve numbers.
    """
    x = np.array([[9, 5], [6, 3], [8, 6], [7, 2], [10, 6], [6, 4]], float)
    between = 2 * np.var(x.mean(1), ddof=1)
    within = ((x[:, 0] - x[:, 1]) ** 2 / 2).mean()
    assert float(icc_1_1(x)) == pytest.approx((between - within) / (between + within)) and float(icc_1_1(x)) < 0
    assert float(icc_2_1(x)) == pytest.approx(0.238683, abs=1e-6)


@pytest.mark.parametrize("formula", [formula for _, formula in FIGURES.values()])
def test_many_draws_at_once_are_the_draws_one_by_one(formula: Callable[[np.ndarray], np.ndarray]) -> None:
    x = np.stack([pairs(np.random.default_rng(seed), 20, 1.0, 0.5) for seed in range(4)])
    assert formula(x) == pytest.approx([float(formula(one)) for one in x])


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    sigma, noise, hits = 1.0, 0.7, 0
    truth = sigma**2 / (sigma**2 + noise**2)
    for seed in range(60):
        t = rng.normal(0, sigma, 60)
        x = np.stack([t + rng.normal(0, noise, 60), t + rng.normal(0, noise, 60)], 1)
        low, high = np.percentile(bootstrap(x, icc_1_1, seed), (2.5, 97.5))
        hits += low <= truth <= high
    assert 48 <= hits <= 60


def test_without_spread_only_the_errors_are_told() -> None:
    flat = figures(np.array([[4.0, 3.0]] * 8))
    assert (flat["mae"], flat["bias"]) == (Estimate(1, 1, 1), Estimate(1, 1, 1))
    one_varies = figures(np.stack([np.full(8, 4.0), EIGHT[:, 1]], 1))
    for told in (flat, one_varies):
        assert told["pearson"] == told["spearman"] == Estimate()
    assert figures(np.full((8, 2), 4.0))["icc"] == figures(np.full((8, 2), 4.0))["alpha"] == Estimate()
    few = figures(EIGHT[:4])
    assert few["mae"] == Estimate(0.75) and few["alpha"] == Estimate() and limits_of_agreement(EIGHT[:4]) is None
    assert figures(np.empty((0, 2)))["mae"] == Estimate()


def test_the_interval_of_a_bias_leaves_zero_out_where_one_is_stricter() -> None:
    told = figures(pairs(np.random.default_rng(3), 80, 0.8, 0.3, shift=-0.6))
    assert told["bias"].low is not None and told["bias"].low > 0
    assert told == figures(pairs(np.random.default_rng(3), 80, 0.8, 0.3, shift=-0.6))  # the bootstrap is seeded


def test_a_missing_package_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> object:
        raise ModuleNotFoundError("no", name=name)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(SkinGPTError, match=r"krippendorff is missing\): pip install 'skingpt-r1\[stats\]'"):
        library_alpha(EIGHT)
