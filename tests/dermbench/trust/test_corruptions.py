"""Corruptions harm the picture, more at a higher severity, the same for the same seed, and keep its shape."""

from __future__ import annotations

import numpy as np
import pytest

from skingpt_r1.dermbench.trust.corruptions import CORRUPTIONS, SEVERITIES, corrupted, corruption
from skingpt_r1.images.reading import read_photo

PHOTO = read_photo("examples/ISIC_0012551.jpg").pixels[:, 20:]  # not square


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def test_the_named_ones_are_there() -> None:
    assert set(CORRUPTIONS) == {"JPEG", "blur", "darker", "brighter", "rotation", "hair", "ruler", "ink"}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_harm_grows_with_the_severity_and_repeats(name: str) -> None:
    before = PHOTO.copy()
    pictures = [corrupted(PHOTO, name, severity, seed=3) for severity in SEVERITIES]
    harm = [distance(PHOTO, p) for p in pictures]
    assert harm[0] > 0
    if name != "rotation":  # 90 degrees of a round thing may look less turned than 30
        assert harm == sorted(harm), harm
    for picture, severity in zip(pictures, SEVERITIES, strict=True):
        assert picture.shape == PHOTO.shape
        assert picture.dtype == np.uint8
        assert np.array_equal(picture, corrupted(PHOTO, name, severity, seed=3))
    assert np.array_equal(before, PHOTO)


@pytest.mark.parametrize("name", ["hair", "ink", "ruler"])
def test_another_picture_gets_another_drawing(name: str) -> None:
    flat = [np.full((200, 200, 3), grey, np.uint8) for grey in range(150, 158)]
    changed = {np.any(corrupted(p, name, 1, 0) != p, axis=2).tobytes() for p in flat}
    assert len(changed) > 1


@pytest.mark.parametrize("name", ["hair", "ink"])
def test_another_seed_draws_others(name: str) -> None:
    assert not np.array_equal(corrupted(PHOTO, name, 2, 0), corrupted(PHOTO, name, 2, 1))


def test_a_quarter_turn_is_exact_and_ink_keeps_off_the_lesion() -> None:
    square = PHOTO[:200, :200]
    turned = corrupted(square, "rotation", 3)
    assert min(distance(turned, np.rot90(square, k)) for k in (1, 3)) < 3
    inked = np.abs(corrupted(square, "ink", 3).astype(int) - square).sum(2) > 30
    assert inked.any()
    assert not inked[70:130, 70:130].any()


def test_unknown_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="severity 4"):
        corrupted(PHOTO, "blur", 4)
    with pytest.raises(ValueError, match="two corruptions"):
        corruption("blur")(lambda pixels, severity, rng: pixels)
