"""Words from numbers: soft at the cut points, silent where nothing can be known, all of them used."""

from __future__ import annotations

import csv
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_measure import ellipse, measured, painted

from skingpt_r1.images.colours import COLOURS
from skingpt_r1.images.findings import LARGE_FROM, SMALL_BELOW, explain, strongest, support
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.measure import LesionMeasurement, Quantity, measure_lesion
from skingpt_r1.images.picture import heat_picture, measurement_picture, outline_picture
from skingpt_r1.images.reading import read_photo

VOCABULARY = {
    "size": ("small", "medium", "large"),
    "symmetry": ("symmetric", "asymmetric"),
    "border": ("regular", "irregular"),
    "edge": ("sharp", "blurred"),
    "colour": COLOURS,
    "variety": ("uniform", "varied"),
}


@pytest.fixture(scope="module")
def disc() -> LesionMeasurement:
    return measured(ellipse())


def test_supports_of_one_concept_add_up(disc: LesionMeasurement) -> None:
    for concept, words in VOCABULARY.items():
        values = [support(disc, concept, word) for word in words]
        assert all(value is not None and 0 <= value <= 1 for value in values)
        if concept not in ("colour", "variety"):
            assert sum(v for v in values if v is not None) == pytest.approx(1, abs=0.05)


def test_denial_is_the_complement(disc: LesionMeasurement) -> None:
    for name in COLOURS:
        yes, no = support(disc, "colour", name), support(disc, "colour", name, polarity=False)
        assert yes is not None and no is not None and yes + no == pytest.approx(1)


def test_cut_points_are_borderline(disc: LesionMeasurement) -> None:
    at_cut = replace(disc, area=Quantity(SMALL_BELOW, SMALL_BELOW - 0.01, SMALL_BELOW + 0.01))
    assert support(at_cut, "size", "small") == pytest.approx(0.5, abs=0.01)
    assert not any(claim[0] == "size" for claim in strongest(at_cut))
    sure = replace(disc, area=Quantity(0.6, 0.55, 0.65))
    assert ("size", "large", True) in [claim[:3] for claim in strongest(sure)]
    wide = replace(disc, area=Quantity(LARGE_FROM + 0.1, LARGE_FROM - 0.2, LARGE_FROM + 0.2))
    narrow = replace(disc, area=Quantity(LARGE_FROM + 0.1, LARGE_FROM + 0.09, LARGE_FROM + 0.11))
    assert support(wide, "size", "large") < support(narrow, "size", "large")  # type: ignore[operator]


def test_a_brown_disc_is_described_as_one(disc: LesionMeasurement) -> None:
    claims = [claim[:3] for claim in strongest(disc)]
    for expected in (
        ("symmetry", "symmetric", True),
        ("border", "regular", True),
        ("edge", "sharp", True),
        ("colour", "dark brown", True),
        ("colour", "red", False),
        ("variety", "uniform", True),
    ):
        assert expected in claims
    assert ("colour", "red", True) not in claims and ("colour", "yellow", False) not in claims


def test_two_colours_are_neither_uniform_nor_varied(disc: LesionMeasurement) -> None:
    colours = {name: Quantity(0.0, 0.0, 0.0) for name in disc.colours}
    colours |= {name: Quantity(0.45, 0.44, 0.46) for name in ("light brown", "dark brown")}
    two = replace(disc, colours=colours)
    assert max(support(two, "variety", word) or 0 for word in ("uniform", "varied")) < 0.2


def test_shape_of_a_cut_off_lesion_is_not_checkable() -> None:
    cut = measured(ellipse(a=110, b=110, at=(0.1, 0.1)))
    assert cut.cut > 0.25
    assert support(cut, "symmetry", "symmetric") is None and explain(cut, "border", "regular") is None
    assert support(cut, "size", "large") is not None


def test_what_is_not_measured_gets_no_number(disc: LesionMeasurement) -> None:
    assert support(disc, "structure", "grey patterns") is None
    assert support(disc, "colour", "purple") is None
    assert support(disc, "size", "huge") is None


def test_explanations_name_number_and_cut(disc: LesionMeasurement) -> None:
    for concept, words in VOCABULARY.items():
        found = explain(disc, concept, words[0])
        assert found is not None and "from" in found[0] and "\n" not in found[0]
    text, number = explain(disc, "size", "small")  # type: ignore[misc]
    assert "20%" in text and number == disc.area.value  # pi 60^2 / 240^2 = 0.196


def test_every_word_is_used_on_expert_masks(data_root: Path) -> None:
    """Two-way words: each for at least a quarter of the training lesions, sizes at least a seventh."""
    folder = data_root / "ham10000"
    with open(folder / "cases.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    counts: Counter[tuple[str, str]] = Counter()
    chosen = random.Random(3).sample(rows, 80)
    for row in chosen:
        pixels = read_photo(folder / row["file"]).pixels
        mask = load_mask(folder / "masks" / f"{row['image_id']}.png", "centre-square", pixels.shape[:2])
        found = measure_lesion(pixels, mask)
        assert found is not None
        counts.update((c, v) for c, v, polarity, _ in strongest(found, at_least=0.5) if polarity)
    for concept, least in (("size", 1 / 7), ("symmetry", 1 / 4), ("border", 1 / 4), ("edge", 1 / 4)):
        for word in VOCABULARY[concept]:
            assert counts[concept, word] >= least * len(chosen), (concept, word, counts)
    assert all(counts["colour", name] for name in ("light brown", "dark brown", "black", "red", "pink"))


def test_pictures_draw_without_touching_the_photo(disc: LesionMeasurement) -> None:
    pixels = painted(ellipse())
    before = pixels.copy()
    outlined = np.asarray(outline_picture(pixels, disc.mask, side=240))
    assert (pixels == before).all()
    changed = (outlined != pixels).any(axis=2)
    distance = np.abs(np.hypot(*(np.indices((240, 240)) - 119.5)) - 60)
    assert changed.any() and distance[changed].max() < 7  # on the outline, radius 60, and nowhere else
    sheet = measurement_picture(pixels, disc, side=320)
    assert sheet.width == 320 and sheet.height > 340
    heat = np.zeros((9, 9))
    heat[4, 4] = 1
    warm = np.asarray(heat_picture(pixels, heat, side=240)).astype(int)
    assert np.ptp(warm[5, 5]) <= 1 and np.ptp(warm[120, 120]) > 60  # grey where cold
