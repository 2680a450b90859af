"""Intervals cover what they should, patients are drawn whole, pairs are tested as pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from skingpt_r1.dermbench.statistics import (
    compare,
    difference,
    draws,
    estimate,
    estimates,
    holm,
    interval,
    members,
    ranks,
)


def test_groups_are_drawn_whole() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    assert [rows.tolist() for rows in members(groups)] == [[0, 2, 5], [1, 4], [3]]
    for rows in draws(groups, 50):
        count = np.bincount(rows, minlength=6)
        assert count[0] == count[2] == count[5]
        assert count[1] == count[4]


def test_the_interval_of_a_mean_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        x = rng.normal(0, 1, 60)
        low, high = interval(lambda rows, x=x: float(x[rows].mean()), [str(i) for i in range(60)], 300, trial)
        covered += low <= 0 <= high
    assert 180 <= covered <= 199  # binomial(200, 0.95) and the known shortness of the percentile interval


def test_one_patient_with_many_pictures_widens_the_interval() -> None:
    right = np.array([1.0] * 50 + [0.0] * 50)
    alone = estimate(lambda rows: float(right[rows].mean()), [str(i) for i in range(100)])
    together = estimate(lambda rows: float(right[rows].mean()), [str(i // 10) for i in range(100)])
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_what_tells_nothing_has_no_estimate() -> None:
    assert estimate(lambda rows: float("nan"), ["a", "b"]).value is None
    assert estimate(lambda rows: 1.0, []).value is None


def test_several_figures_are_what_each_is_alone() -> None:
    x, groups = np.random.default_rng(3).normal(0, 1, 30), [str(i // 2) for i in range(30)]
    metrics = {
        "mean": lambda rows: float(x[rows].mean()),
        "nan": lambda rows: float("nan"),
        "of high ones": lambda rows: float(x[rows][x[rows] > 1.5].mean()) if (x[rows] > 1.5).any() else float("nan"),
    }
    told = estimates(metrics, groups)
    assert told == {name: estimate(metric, groups) for name, metric in metrics.items()}
    assert told["nan"].value is None and told["of high ones"].low is not None
    assert estimates(metrics, []) == dict.fromkeys(metrics, estimate(metrics["nan"], []))


def test_p_of_a_comparison_is_that_of_all_sign_flips() -> None:
    ours, theirs = [3.0, 4.0, 2.0, 5.0, 4.5, 3.0, 4.0], [2.0, 4.2, 1.0, 3.0, 4.0, 3.5, 2.0]
    apart = np.subtract(ours, theirs)
    exact = np.mean([abs(np.dot(s, apart)) >= abs(apart.sum()) - 1e-12 for s in itertools.product((-1, 1), repeat=7)])
    told = compare(ours, theirs, list("abcdefg"))
    assert told.p == pytest.approx(exact, abs=0.015)
    assert told.difference.value == pytest.approx(apart.mean())
    assert told.effect == pytest.approx(apart.mean() / apart.std(ddof=1))
    assert told.difference.low < apart.mean() < told.difference.high


def test_equal_systems_do_not_differ() -> None:
    told = compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "c"])
    assert (told.difference.value, told.p, told.effect) == (0.0, 1.0, None)
    with pytest.raises(ValueError):
        compare([1.0], [1.0, 2.0], ["a", "b"])


def test_many_pictures_of_one_patient_are_one_piece_of_evidence() -> None:
    ours = [1.0] * 30
    assert compare(ours, [0.0] * 30, [str(i) for i in range(30)]).p < 0.001
    assert compare(ours, [0.0] * 30, ["one patient"] * 30).p == 1.0


def test_difference_of_two_figures_is_paired() -> None:
    hard = np.random.default_rng(0).normal(0, 5, 80)
    told = difference(
        lambda rows: float((hard + 1)[rows].mean()), lambda rows: float(hard[rows].mean()), [str(i) for i in range(80)]
    )
    assert told.low == pytest.approx(1) and told.high == pytest.approx(1)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})


def test_ranks_and_their_intervals() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(3, 1, 100)
    told = ranks(
        {"best": hard + 1, "twin": hard + rng.normal(0, 0.1, 100), "other twin": hard + rng.normal(0, 0.1, 100)},
        [str(i) for i in range(100)],
    )
    assert (told["best"].low, told["best"].value, told["best"].high) == (1, 1, 1)
    assert (told["twin"].low, told["twin"].high) == (2, 3)
    tied = ranks({"a": [1.0, 2.0], "b": [2.0, 1.0], "c": [0.0, 0.0]}, ["x", "y"])
    assert (tied["a"].value, tied["b"].value, tied["c"].value) == (1.5, 1.5, 3)
