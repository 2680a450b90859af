"""The probe is scikit-learn's logistic regression; neighbours are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skingpt_r1.dermbench.probe import fit, neighbours


@pytest.mark.parametrize("strength", [0.003, 1.0])
def test_the_probe_is_the_balanced_regression_of_scikit_learn(strength: float) -> None:
    rng = np.random.default_rng(0)
    row = rng.choice(3, 200, p=[0.7, 0.2, 0.1])
    x = rng.normal(0, 1, (200, 12)) * np.linspace(0.1, 9, 12) + row[:, None]
    x[:, 3] = 5.0  # a feature that never varies
    labels = [("nv", "bcc", "mel")[i] for i in row]
    ours = fit(x, labels, strength)
    scaler = StandardScaler().fit(x)
    theirs = LogisticRegression(C=strength, class_weight="balanced", max_iter=5000, tol=1e-8)
    theirs.fit(scaler.transform(x), labels)
    new = rng.normal(0, 4, (50, 12))
    new[:, 3] = 5.0
    assert ours.labels == tuple(theirs.classes_)
    assert ours.probability(new) == pytest.approx(theirs.predict_proba(scaler.transform(new)), abs=2e-3)


def test_neighbours_by_hand() -> None:
    known = [[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0, 2]]
    told = neighbours(known, ["a", "a", "b", "b", "b"], k=3)
    assert told.labels == ("a", "b")
    # nearest of (5, 1): the second and first, both a, then (0.1, 0.9); a has 2 votes of 1/2, b one of 1/3
    assert told.probability([[5, 1]])[0] == pytest.approx([1 / (1 + 1 / 3), (1 / 3) / (1 + 1 / 3)])
    assert told.probability([[0, 0.1]])[0] == pytest.approx([0, 1])


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="1 labels"):
        fit([[1.0], [2.0]], ["a", "a"])
    with pytest.raises(ValueError, match="k = 3"):
        neighbours([[1.0], [2.0]], ["a", "b"], 3)
