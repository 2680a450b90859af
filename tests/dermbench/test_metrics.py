"""Eight rows by hand, and what scikit-learn and the ISIC challenge's own scoring say of two hundred."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.dermbench import metrics
from skingpt_r1.dermbench.metrics import Scored

TRUTH = ["mel", "mel", "nv", "nv", "nv", "nv", "bcc", "bcc"]
SAID = ["mel", "nv", "nv", "nv", "nv", "mel", "bcc", ""]  # the last one was not answered


def test_eight_rows_by_hand() -> None:
    assert metrics.accuracy(SAID, TRUTH) == 5 / 8
    assert metrics.recalls(SAID, TRUTH).tolist() == [1 / 2, 1 / 2, 3 / 4]  # bcc, mel, nv
    assert metrics.balanced_accuracy(SAID, TRUTH) == pytest.approx(7 / 12)
    # F1: bcc 2*1/(2+1), mel 2*1/(2+2), nv 2*3/(4+4)
    assert metrics.macro_f1(SAID, TRUTH) == pytest.approx((2 / 3 + 1 / 2 + 3 / 4) / 3)
    malignant = [t != "nv" for t in TRUTH]
    assert metrics.sensitivity([s in ("mel", "bcc") for s in SAID], malignant) == 2 / 4
    assert metrics.specificity([s == "nv" for s in SAID], malignant) == 3 / 4
    sure, right = [0.95, 0.9, 0.85, 0.8, 0.35, 0.3, 0.25, 0.05], [1, 1, 0, 1, 0, 1, 0, 0]
    # bins: 0.9-1 (2 rows, 0.925 against 1), 0.8-0.9 (2, 0.825 against 0.5), 0.3-0.4 (2, 0.325 against 0.5), ...
    by_hand = (2 * 0.075 + 2 * 0.325 + 2 * 0.175 + 0.25 + 0.05) / 8
    assert metrics.expected_calibration_error(sure, right) == pytest.approx(by_hand)
    coverage, risk = metrics.risk_coverage(sure, right)
    assert coverage.tolist() == [i / 8 for i in range(1, 9)]
    assert risk == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5, 1 / 3, 3 / 7, 1 / 2])
    assert metrics.aurc(sure, right) == pytest.approx(risk.mean())


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    assert metrics.expected_calibration_error([1.0, 1.0], [1, 0]) == 0.5


def test_true_confidences_err_by_chance_on_few_rows_and_hardly_on_many() -> None:
    usual, most = metrics.calibration_error_by_chance([0.5])
    assert usual == most == 0.5  # one row is right or wrong
    few, many = (metrics.calibration_error_by_chance(np.linspace(0.02, 0.98, n), draws=200)[0] for n in (50, 5000))
    assert few > 0.05 and many < 0.02
    assert metrics.calibration_error_by_chance([1.0, 0.0, 1.0]) == (0.0, 0.0)


def test_who_is_equally_sure_comes_in_at_the_mean() -> None:
    for right in itertools.permutations([1, 1, 0, 0]):
        assert metrics.aurc([0.5] * 4, right) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_as_scikit_learn_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, 200, p=[0.6, 0.2, 0.15, 0.05])
    shares = rng.dirichlet(np.ones(4), 200).round(2) + 0.001  # rounded, so that there are ties
    shares /= shares.sum(1, keepdims=True)
    said = shares.argmax(1)
    assert metrics.accuracy(said, truth) == pytest.approx(sk.accuracy_score(truth, said))
    assert metrics.balanced_accuracy(said, truth) == pytest.approx(sk.balanced_accuracy_score(truth, said))
    assert metrics.macro_f1(said, truth) == pytest.approx(sk.f1_score(truth, said, average="macro"))
    macro = sk.roc_auc_score(truth, shares, multi_class="ovr", average="macro")
    assert metrics.macro_auroc(shares, truth) == pytest.approx(macro)
    squared = sk.brier_score_loss(truth, shares, scale_by_half=False)
    assert metrics.brier(shares, truth) == pytest.approx(squared)
    positive = truth > 1
    assert metrics.auroc(shares[:, 1], positive) == pytest.approx(sk.roc_auc_score(positive, shares[:, 1]))
    assert metrics.sensitivity(said > 1, positive) == pytest.approx(sk.recall_score(positive, said > 1))
    assert metrics.specificity(said <= 1, positive) == pytest.approx(sk.recall_score(~positive, said <= 1))


def test_as_the_isic_challenge_scores() -> None:
    isic = pytest.importorskip("isic_challenge_scoring")  # needs a C compiler to install, so [dev] is without it
    rng = np.random.default_rng(7)
    names = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    truth = rng.permutation(np.repeat(np.arange(7), [30, 90, 20, 15, 25, 6, 4]))
    shares = rng.dirichlet(np.ones(7), len(truth)) + np.eye(7)[truth] * rng.uniform(0, 0.6, (len(truth), 1))
    shares /= shares.sum(1, keepdims=True)
    rows = [f"ISIC_{i:07}" for i in range(len(truth))]

    def frame(values: Any, columns: list[str]) -> pd.DataFrame:
        return pd.DataFrame(values, index=rows, columns=columns)

    weights = frame(1.0, ["score_weight", "validation_weight"])
    told = isic.ClassificationScore(
        frame(np.eye(7)[truth], names), frame(shares, names), weights, isic.ClassificationMetric.BALANCED_ACCURACY
    )
    assert metrics.balanced_accuracy(shares.argmax(1), truth) == pytest.approx(told.overall)
    assert metrics.macro_auroc(shares, truth) == pytest.approx(told.macro_average["auc"])
    for k, name in enumerate(names):  # that score calls a label where its share is above one half
        row, called, is_it = told.per_category.loc[name], shares[:, k] > 0.5, truth == k
        assert metrics.sensitivity(called, is_it) == pytest.approx(row["sensitivity"])
        assert metrics.specificity(~called, is_it) == pytest.approx(row["specificity"])


def _scored(score: list[float], positive: list[int], groups: str) -> Scored:
    return Scored(np.array(score), np.array(positive, dtype=bool), list(groups))


def test_the_threshold_comes_from_other_patients() -> None:
    validation = _scored([0.9, 0.8, 0.6, 0.3, 0.7, 0.5, 0.2, 0.1], [1, 1, 1, 1, 0, 0, 0, 0], "abcdefgh")
    threshold = metrics.threshold_for(0.75, validation)
    assert (threshold.value, threshold.sensitivity) == (0.6, 0.75)
    test = _scored([0.95, 0.59, 0.6, 0.4], [1, 1, 0, 0], "ijkl")
    assert metrics.specificity_at(threshold, test) == 0.5
    assert metrics.sensitivity_at(threshold, test) == 0.5
    assert metrics.threshold_for(1.0, validation).value == 0.3
    for figure in (metrics.specificity_at, metrics.sensitivity_at):
        with pytest.raises(ValueError, match="'a' too"):
            figure(threshold, validation)
        with pytest.raises(ValueError, match="'h' too"):
            figure(threshold, _scored([0.1, 0.2], [0, 1], "zh"))
    with pytest.raises(ValueError, match="0 positive"):
        metrics.threshold_for(0.9, _scored([0.1], [0], "a"))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_threshold_keeps_what_it_promises_on_validation(rows: list[tuple[float, bool]], wanted: float) -> None:
    score, positive = np.array([s for s, _ in rows]), np.array([p for _, p in rows])
    if not positive.any():
        return
    chosen = metrics.threshold_for(wanted, Scored(score, positive, ["v"] * len(rows)))
    assert metrics.sensitivity(score >= chosen.value, positive) >= wanted - 1e-9
    higher = score[score > chosen.value]
    if len(higher):  # it is the highest such threshold
        assert metrics.sensitivity(score >= higher.min(), positive) < wanted


def test_what_tells_nothing_is_nan() -> None:
    told = [
        metrics.accuracy([], []),
        metrics.balanced_accuracy([], []),
        metrics.macro_f1([], []),
        metrics.auroc([0.1, 0.2], [True, True]),
        metrics.macro_auroc([[0.5, 0.5]], [0]),
        metrics.sensitivity([True], [False]),
        metrics.specificity([True], [True]),
        metrics.expected_calibration_error([], []),
        metrics.brier(np.empty((0, 3)), []),
        metrics.aurc([], []),
    ]
    assert all(np.isnan(told))
