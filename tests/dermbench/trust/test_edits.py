"""Evidence is taken away where it is, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from skingpt_r1.dermbench.trust import curves, edits
from skingpt_r1.images.colours import COLOURS, colour_shares
from tests.narrative.samples import disc

PIXELS, MASK = disc()
FAR = np.zeros_like(MASK)
FAR[:20] = FAR[-20:] = True


def apart(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other)[where].mean())


def test_without_its_lesion_the_picture_is_skin_all_over() -> None:
    edited = edits.without_lesion(PIXELS, MASK)
    assert apart(edited, np.broadcast_to(PIXELS[0, 0], PIXELS.shape), MASK) < 2
    assert apart(edited, PIXELS, FAR) == 0


def test_a_dermoscopes_rim_is_no_skin_to_paint_with() -> None:
    rimmed = PIXELS.copy()
    rimmed[~(np.hypot(*(np.mgrid[:240, :240] - 119.5)) < 70)] = (8, 6, 5)
    edited = edits.without_lesion(rimmed, MASK)
    assert apart(edited, np.broadcast_to(PIXELS[0, 0], PIXELS.shape), MASK) < 25  # the rim's edge makes grain


def test_an_outline_of_nothing_or_of_everything_is_not_painted_in() -> None:
    assert edits.paintable(MASK)
    assert not edits.paintable(np.zeros_like(MASK)) and not edits.paintable(np.ones_like(MASK))


def test_without_its_background_the_lesion_stays() -> None:
    textured = PIXELS.copy()
    textured[FAR] = np.random.default_rng(0).integers(0, 255, (int(FAR.sum()), 3))
    edited = edits.without_background(textured, MASK)
    assert apart(edited, textured, MASK) < 0.5
    assert edited[FAR].std(0).max() < 2
    assert np.array_equal(edits.without_background(PIXELS, np.ones_like(MASK)), PIXELS)


@pytest.mark.parametrize("colour", edits.PAINTS)
def test_a_recoloured_lesion_is_measured_in_its_new_colour(colour: str) -> None:
    """The measurement that checks colour claims must see the change, or the test of the claims would test nothing."""
    edited = edits.recoloured(PIXELS, MASK, colour)
    assert apart(edited, PIXELS, FAR) == 0
    shares = colour_shares(edited, MASK)
    assert max(COLOURS, key=lambda name: shares[name]) == colour, shares


def test_the_new_colour_is_none_of_those_claimed() -> None:
    assert edits.contrary(("dark brown", "light brown")) in ("blue-grey", "red")
    assert edits.contrary(("red", "pink")) not in ("red", None)
    assert edits.contrary(()) is None and edits.contrary(edits.PAINTS) is None
    with pytest.raises(ValueError, match="purple"):
        edits.recoloured(PIXELS, MASK, "purple")


def test_nothing_outlined_nothing_changed() -> None:
    empty = np.zeros_like(MASK)
    assert np.array_equal(edits.recoloured(PIXELS, empty, "red"), PIXELS)


def test_hiding_follows_the_order_of_the_map() -> None:
    """One cell of 17 x 17 leads the order: deletion at 1 of 289 blurs that place, insertion shows it alone."""
    square = np.random.default_rng(0).integers(0, 255, (260, 260, 3)).astype(np.uint8)
    flat = np.full((260, 260, 3), 128, np.float32)
    ranking = np.zeros((17, 17), np.float32)
    ranking[8, 8] = 1
    gone = curves.hidden(square, flat, ranking, 1 / 289, insertion=False)
    only = curves.hidden(square, flat, ranking, 1 / 289, insertion=True)
    middle = (slice(129, 131), slice(129, 131))  # of the cell, where the soft mask is nearly 1
    assert np.abs(gone[middle] - 128.0).max() < 20 < np.abs(square[middle] - 128.0).max()
    assert np.abs(only[middle].astype(float) - square[middle]).max() < 20
    assert np.array_equal(gone[:60], square[:60])
    assert np.all(only[:60] == 128)
    assert np.array_equal(curves.hidden(square, flat, ranking, 0.0, insertion=False), square)
    assert np.all(curves.hidden(square, flat, ranking, 1.0, insertion=False) == 128)


def test_the_map_elsewhere_is_as_lumpy_and_not_the_same() -> None:
    evidence = np.zeros((17, 17), np.float32)
    evidence[6:11, 6:11] = 1
    moved = curves.elsewhere(evidence, (0, 1))
    assert moved.sum() == evidence.sum()
    assert (moved * evidence).sum() < 5
    assert curves.middle((17, 17)).argmax() == 8 * 17 + 8


def test_the_area_is_the_mean_height() -> None:
    assert curves.area([2.0] * len(curves.FRACTIONS)) == pytest.approx(2)
    assert curves.area(list(curves.FRACTIONS)) == pytest.approx(0.5)
