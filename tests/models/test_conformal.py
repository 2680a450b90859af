"""The promise of prediction sets holds whatever the model is worth, class by class, and they equal a library's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from crepes import ConformalClassifier

from skingpt_r1.models.conformal import LEAST, Sets, fit, load, save, threshold
from skingpt_r1.records import SkinGPTError

NAMES = ("melanoma", "melanocytic nevus", "seborrheic keratosis")
Row = tuple[dict[str, float], str]


def rows(seed: int, counts: tuple[int, ...], skill: float = 1.0) -> list[Row]:
    """Pictures of a model that favours the nevus, and knows the truth by `skill` only."""
    rng = np.random.default_rng(seed)
    made: list[Row] = []
    for truth, count in enumerate(counts):
        logits = rng.normal(size=(count, 3)) + np.array([-1.0, 1.0, 0.0])
        logits[:, truth] += skill
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        made += [(dict(zip(NAMES, row.tolist(), strict=True)), NAMES[truth]) for row in shares]
    return made


def covered(sets: Sets, fresh: list[Row], name: str) -> float:
    return float(np.mean([name in sets.among(p) for p, truth in fresh if truth == name]))


@pytest.mark.parametrize("skill", [0.0, 2.0])
def test_every_class_is_covered_as_promised_even_by_a_poor_model(skill: float) -> None:
    """Mean over 40 fits: 90 % is expected at least, and at most 1 / (n + 1) = 1.6 % more."""
    fresh = rows(999, (4000, 4000, 4000), skill)
    found = {
        name: np.mean([covered(fit(rows(s, (60, 60, 60), skill)), fresh, name) for s in range(40)]) for name in NAMES
    }
    for name in NAMES:
        assert 0.885 <= found[name] <= 0.93, found


def test_one_threshold_for_all_would_fail_the_class_that_the_model_neglects() -> None:
    """The marginal kind pays for missed melanomas with nevi; that is why there is one threshold a class."""
    data, fresh = rows(1, (300, 300, 300), 0.5), rows(2, (3000, 3000, 3000), 0.5)
    marginal = threshold([p[truth] for p, truth in data], 0.9)
    held = np.mean([p["melanoma"] >= marginal for p, truth in fresh if truth == "melanoma"])
    assert held < 0.85
    assert covered(fit(data), fresh, "melanoma") > 0.87


def test_the_sets_are_those_of_a_library() -> None:
    """crepes, one conformal classifier a class; without smoothing, as ours."""
    data, fresh = rows(3, (37, 80, 52)), rows(4, (50, 50, 50))
    sets = fit(data)
    for name in NAMES:
        library = ConformalClassifier()
        library.fit(np.array([1 - p[name] for p, truth in data if truth == name]))
        alphas = np.array([[1 - p[name]] for p, _ in fresh])
        theirs = library.predict_set(alphas, confidence=0.9, smoothing=False)[:, 0].astype(bool)
        ours = np.array([p[name] >= sets.least[name] for p, _ in fresh])
        assert ours.tolist() == theirs.tolist()


def test_rare_diagnoses_share_a_threshold_and_the_promise() -> None:
    counts = (LEAST // 2, 100, LEAST // 2 + 1)
    sets = fit(rows(5, counts))
    assert sets.pooled == ("melanoma", "seborrheic keratosis")
    assert sets.least["melanoma"] == sets.least["seborrheic keratosis"] != sets.least["melanocytic nevus"]
    assert dict(sets.rows) == dict(zip(NAMES, counts, strict=True))
    fresh = [row for row in rows(6, (2000, 1, 2000)) if row[1] in sets.pooled]
    drawn = [fit(rows(s, counts)) for s in range(100, 130)]
    held = [np.mean([t in one.among(p) for p, t in fresh]) for one in drawn]
    assert np.mean(held) >= 0.885


def test_too_few_rows_promise_nothing_and_let_everything_in() -> None:
    """Of eight rows none may be missed at 90 %: ceil(9 * 0.9) = 9 is more than there are."""
    assert threshold([0.9] * 8, 0.9) == 0.0
    assert threshold([0.9] * 8 + [0.2], 0.9) == 0.2
    assert threshold([i / 20 for i in range(1, 20)], 0.9) == 2 / 20  # the 18th highest of 19, not the 19th


def test_a_set_is_never_empty_and_ranked() -> None:
    sets = Sets(0.9, dict.fromkeys(NAMES, 0.9), dict.fromkeys(NAMES, 30))
    assert sets.among({"melanoma": 0.3, "melanocytic nevus": 0.5, "seborrheic keratosis": 0.2}) == (
        "melanocytic nevus",
    )
    wide = Sets(0.9, dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 30))
    assert wide.among({"melanoma": 0.3, "melanocytic nevus": 0.5, "seborrheic keratosis": 0.2}) == (
        "melanocytic nevus", "melanoma", "seborrheic keratosis",
    )  # fmt: skip


def test_sets_come_back_from_their_file_and_a_missing_file_is_none(tmp_path: Path) -> None:
    table = {"isic2017": fit(rows(7, (20, 5, 30)))}
    save(tmp_path / "conformal.json", table)
    assert load(tmp_path / "conformal.json") == table
    assert load(tmp_path / "no.json") == {}
    (tmp_path / "bad.json").write_text('{"isic2017": {"coverage": 0.9}}')
    with pytest.raises(SkinGPTError, match=r"benchmarks\.calibrate"):
        load(tmp_path / "bad.json")


def test_nothing_is_fitted_on_nothing() -> None:
    with pytest.raises(ValueError, match="no validation rows"):
        fit([])
    with pytest.raises(ValueError, match="wart"):
        fit([({"melanoma": 1.0}, "wart")])
