"""Likelihood ratios are right, and the shipped counts are those of the open tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType

import pytest

from skingpt_r1.knowledge.diagnoses import table as diagnosis_table
from skingpt_r1.knowledge.likelihoods import (
    Table,
    count_features,
    feature_of,
    likelihood_ratio,
    probability,
    ratio_in,
    tables,
)
from tests.knowledge.scripts import import_script


def test_ratio_by_hand() -> None:
    """38 of 98 against 8 of 98: smoothed 39/100 and 9/100, ratio 4.333.

    Log method: error = sqrt(1/39 - 1/100 + 1/9 - 1/100) = sqrt(0.11675) = 0.34169;
    4.3333 / exp(1.96 * 0.34169) = 2.218 and 4.3333 * exp(..) = 8.466.
    """
    table = Table("made up", {"a": {"colour|red": [38, 98]}, "b": {"colour|red": [8, 98]}})
    ratio = ratio_in(table, "colour|red", True, "a", ["b"])
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == pytest.approx((4.3333, 2.218, 8.466, 196), rel=1e-3)
    denied = ratio_in(table, "colour|red", False, "a", ["b"])
    assert denied is not None and denied.value == pytest.approx((61 / 100) / (91 / 100))


def test_rivals_weigh_equally_and_unknown_ones_not_at_all() -> None:
    table = Table("", {"a": {"f|x": [8, 8]}, "b": {"f|x": [0, 8]}, "c": {"f|x": [399, 998]}, "d": {"f|x": [1, 2]}})
    ratio = ratio_in(table, "f|x", True, "a", ["b", "c", "d", "e"])
    assert ratio is not None and ratio.value == pytest.approx(0.9 / ((0.1 + 0.4) / 2))
    assert ratio_in(table, "f|x", True, "a", ["d", "e"]) is None
    assert ratio_in(table, "f|y", True, "a", ["b"]) is None


def test_counting() -> None:
    rows = [
        (
            "a",
            {("colour", "red", True), ("itch", "yes", False), ("age", "70", True)},
            {"colour", "itch", "age"},
        ),
        ("a", {("colour", "white", True), ("itch", "yes", True)}, {"colour", "itch"}),
        ("b", {("site", "nose", True), ("age", "20", True)}, {"site", "age"}),
    ]
    assert count_features(rows) == {
        "a": {"age|60 or older": [1, 1], "colour|red": [1, 2], "colour|white": [1, 2], "itch|yes": [1, 2]},
        "b": {"age|60 or older": [0, 1], "site|head or neck": [1, 1]},
    }


def test_features() -> None:
    assert feature_of(("age", "59.5", True)) == ("age|60 or older", False)
    assert feature_of(("site", "palms/soles", True)) == ("site|limb", True)
    assert feature_of(("site", "moon", True)) is None
    assert feature_of(("itch", "yes", False)) == ("itch|yes", False)
    assert probability(0, 0) == 0.5


def test_shipped_numbers_mean_what_textbooks_say() -> None:
    """Directions only, all from the books that the table of diagnoses names: no number is remembered here."""
    for claim, diagnosis, rival in [
        (("structure", "thick reticular or branched lines", True), "melanoma", "melanocytic nevus"),
        (("bleed", "yes", True), "basal cell carcinoma", "seborrheic keratosis"),
        (("age", "30", True), "melanocytic nevus", "actinic keratosis"),
        (("elevation", "yes", False), "actinic keratosis", "basal cell carcinoma"),
    ]:
        ratio = likelihood_ratio(*claim, diagnosis, [rival])
        assert ratio is not None and ratio.low > 1, (claim, str(ratio))
    assert likelihood_ratio("itch", "yes", True, "scabies", ["melanoma"]) is None


def test_every_ratio_has_an_ordered_interval() -> None:
    for table in tables():
        assert set(table.counts) <= set(diagnosis_table())
        for diagnosis, features in table.counts.items():
            for feature, (present, assessed) in features.items():
                assert 0 <= present <= assessed
                ratio = ratio_in(table, feature, True, diagnosis, set(table.counts) - {diagnosis})
                assert ratio is None or 0 < ratio.low < ratio.value < ratio.high < math.inf


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return import_script("build_likelihoods")


def test_shipped_counts_are_those_of_the_tables(data_root: Path, script: ModuleType) -> None:
    shipped = json.loads(script.TARGET.read_text(encoding="utf-8"))["tables"]
    for rebuilt in script.build(data_root):
        assert rebuilt in shipped, f"{rebuilt['source']}: run scripts/build_likelihoods.py"


def test_whether_a_biopsy_was_taken_is_never_counted() -> None:
    """It tells the label: in PAD-UFES-20 every BCC, SCC and melanoma was biopsied, few keratoses."""
    assert not any("biops" in feature for t in tables() for features in t.counts.values() for feature in features)
