"""Measurements against shapes and colours whose numbers are known by construction."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.images import shape
from skingpt_r1.images.colours import NAMES, colour_shares
from skingpt_r1.images.lab import to_lab
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.measure import LesionMeasurement, measure_lesion, outlined
from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import CaseError

SKIN = (205, 165, 145)
BROWN = (105, 70, 48)


def ellipse(
    side: int = 240, a: float = 60, b: float = 60, turn: float = 0.0, at: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5
    y, x = y - at[0] * side, x - at[1] * side
    u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    return (u / a) ** 2 + (v / b) ** 2 <= 1


def painted(mask: np.ndarray, colour: tuple[int, int, int] = BROWN, skin: tuple[int, int, int] = SKIN) -> np.ndarray:
    return np.where(mask[..., None], np.array(colour, np.uint8), np.array(skin, np.uint8))


def measured(mask: np.ndarray, **options: object) -> LesionMeasurement:
    found = measure_lesion(painted(mask), mask, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_lab_matches_scikit_image() -> None:
    color = pytest.importorskip("skimage.color")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert np.abs(to_lab(pixels) - color.rgb2lab(pixels)).max() < 0.05


def test_area_and_axes_of_an_ellipse() -> None:
    found = measured(ellipse(a=80, b=40, turn=0.5))
    assert found.area.value == pytest.approx(math.pi * 80 * 40 / 240**2, rel=0.02)
    assert found.area.low < found.area.value < found.area.high
    assert found.axes.long == pytest.approx(160, rel=0.03) and found.axes.short == pytest.approx(80, rel=0.03)
    assert found.axes.angle % math.pi == pytest.approx(0.5, abs=0.03)
    assert found.cut == 0


def test_symmetric_shapes_score_low_and_a_half_moon_high() -> None:
    assert measured(ellipse(a=80, b=45, turn=0.7)).asymmetry.value < 0.05
    half = ellipse() & (np.indices((240, 240))[0] < 120)
    assert measured(half).asymmetry.value > 0.2
    lopsided = ellipse(a=50, b=50) | ellipse(a=25, b=25, at=(0.25, 0.65))
    assert measured(lopsided).asymmetry.value > 0.15


def test_asymmetry_ignores_what_lies_outside_the_frame() -> None:
    """A disc that the frame cuts in two is not asymmetric, as far as anyone can see."""
    cut = measured(ellipse(at=(0.5, 0.1)))
    assert cut.cut > 0.15
    assert cut.asymmetry.value < measured(ellipse() & (np.indices((240, 240))[0] < 120)).asymmetry.value


def star(points: int, depth: float) -> np.ndarray:
    y, x = np.mgrid[:240, :240] - 119.5
    return np.hypot(x, y) < 60 * (1 + depth * np.sin(points * np.arctan2(y, x)))


def test_border_irregularity_is_1_for_ellipses_and_grows_with_notches() -> None:
    for a, b, turn in ((60, 60, 0.0), (80, 40, 0.4), (30, 30, 0.0)):
        assert measured(ellipse(a=a, b=b, turn=turn)).border_irregularity.value == pytest.approx(1, abs=0.07)
    values = [measured(star(9, depth)).border_irregularity.value for depth in (0.03, 0.1, 0.2)]
    assert values == sorted(values) and values[-1] > 1.5


def test_border_irregularity_follows_the_outline_of_a_star() -> None:
    """Expected from the curve's own length: 2 pi r^2-normalised perimeter^2 / (4 pi area), to 10 %."""
    t = np.linspace(0, 2 * math.pi, 20_000)
    r = 60 * (1 + 0.1 * np.sin(5 * t))
    x, y = r * np.cos(t), r * np.sin(t)
    length = np.hypot(np.diff(x), np.diff(y)).sum()
    expected = length**2 / (4 * math.pi * 0.5 * (r**2).mean() * 2 * math.pi)
    assert measured(star(5, 0.1)).border_irregularity.value == pytest.approx(expected, rel=0.1)


def test_edge_is_sharper_without_a_fading_rim() -> None:
    y, x = np.mgrid[:240, :240] - 119.5
    radius = np.hypot(x, y)
    steps = []
    for fade in (2, 20, 60):
        weight = np.clip((60 + fade / 2 - radius) / fade, 0, 1)[..., None]
        pixels = (weight * np.array(BROWN) + (1 - weight) * np.array(SKIN)).astype(np.uint8)
        found = measure_lesion(pixels, radius < 60)
        assert found is not None
        steps.append(found.edge_sharpness.value)
    assert steps[0] > 1.5 * steps[1] > 3 * steps[2]
    distance = np.linalg.norm(to_lab(np.uint8([[BROWN]]))[0, 0] - to_lab(np.uint8([[SKIN]]))[0, 0])
    assert measured(ellipse()).contrast.value == pytest.approx(distance, rel=0.02)


def test_a_loose_outline_does_not_blur_the_edge() -> None:
    pixels = painted(ellipse(a=60, b=60))
    tight, loose = (measure_lesion(pixels, ellipse(a=r, b=r)) for r in (60, 66))
    assert tight and loose
    assert loose.edge_sharpness.value > 0.8 * tight.edge_sharpness.value


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((160, 115, 85), "light brown"),
        ((85, 52, 35), "dark brown"),
        ((28, 24, 24), "black"),
        ((95, 105, 125), "blue-grey"),
        ((178, 30, 45), "red"),
        ((225, 130, 140), "pink"),
        ((246, 246, 244), "white"),
        ((225, 190, 70), "yellow"),
        (SKIN, "skin"),
    ],
)
def test_plain_colours_get_their_names(colour: tuple[int, int, int], name: str) -> None:
    mask = ellipse()
    shares = colour_shares(painted(mask, colour), mask)
    assert max(shares, key=lambda key: shares[key]) == name
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("tint", [(1.0, 0.88, 1.05), (1.0, 0.85, 0.75), (0.8, 0.8, 0.8)])
def test_names_survive_the_tint_of_a_dermoscope(tint: tuple[float, float, float]) -> None:
    """Lilac, orange and darker: the camera multiplies skin and lesion alike."""
    mask = ellipse()
    for colour, name in (((150, 105, 75), "light brown"), ((85, 52, 35), "dark brown")):
        pixels = np.clip(painted(mask, colour) * np.array(tint), 0, 255).astype(np.uint8)
        shares = colour_shares(pixels, mask)
        assert max(shares, key=lambda key: shares[key]) == name


def test_shares_follow_the_painted_areas() -> None:
    mask = ellipse()
    pixels = painted(mask)
    pixels[mask & (np.indices((240, 240))[1] < 120)] = (178, 30, 45)
    found = measure_lesion(pixels, mask)
    assert found is not None
    assert found.colours["red"].value == pytest.approx(0.5, abs=0.05)
    assert found.colours["red"].low <= found.colours["red"].value <= found.colours["red"].high
    assert set(found.colours) == set(NAMES) and found.colour_count.value == 2


def test_interval_widens_with_an_uncertain_mask() -> None:
    y, x = np.mgrid[:240, :240] - 119.5
    radius = np.hypot(x, y)
    widths = []
    for softness in (1, 25):
        found = measure_lesion(painted(radius < 60), 1 / (1 + np.exp((radius - 60) / softness)))
        assert found is not None
        widths.append(found.area.high - found.area.low)
    assert widths[1] > 2 * widths[0]


def test_diameter_only_with_a_scale() -> None:
    mask = ellipse(side=480, a=120, b=80)
    assert measured(mask).diameter_mm is None
    diameter = measured(mask, mm_per_pixel=0.05).diameter_mm
    assert diameter is not None and diameter.value == pytest.approx(12, rel=0.03)  # 240 pixels x 0.05 mm


def test_nothing_segmented_gives_none() -> None:
    pixels = painted(ellipse())
    assert measure_lesion(pixels, np.zeros((240, 240))) is None
    assert measure_lesion(pixels, np.full((9, 9), 0.4)) is None
    dust = np.zeros((240, 240), bool)
    dust[5, 5] = True
    assert measure_lesion(pixels, dust) is None


def test_mask_may_fill_the_picture_and_have_another_size() -> None:
    pixels = painted(ellipse())
    whole = measure_lesion(pixels, np.ones((9, 9)))
    assert whole is not None and whole.area.value == 1 and whole.cut == 1
    small = measure_lesion(pixels, ellipse(side=60, a=15, b=15).astype(float))
    assert small is not None and small.area.value == pytest.approx(math.pi / 16, rel=0.05)
    assert np.isfinite([v for q in small.numbers()["colours"].values() for v in q]).all()


def test_the_largest_region_is_taken_and_its_holes_filled() -> None:
    ring = ellipse() & ~ellipse(a=20, b=20)
    mask = shape.lesion_mask((ring | ellipse(a=10, b=10, at=(0.1, 0.1))).astype(np.float32), 0.5)
    assert mask[120, 120] and not mask[24, 24]


def test_centre_square_mask_fits_the_cropped_photo(data_root: Path) -> None:
    """cases.csv gives 0.2724 of the cropped image for this lesion; the whole mask would give less."""
    folder = data_root / "ham10000"
    photo = read_photo(folder / "images" / "ISIC_0024319.jpg")
    mask = load_mask(folder / "masks" / "ISIC_0024319.png", "centre-square", photo.pixels.shape[:2])
    assert mask.shape == (224, 224) and mask.mean() == pytest.approx(0.2724, abs=0.005)
    full = load_mask(folder / "masks" / "ISIC_0024319.png", "full", photo.pixels.shape[:2])
    assert full.mean() < 0.9 * mask.mean()
    lightness = to_lab(photo.pixels)[..., 0]
    assert lightness[mask].mean() < lightness[~mask].mean() - 5  # it lies on the dark lesion


def test_missing_mask_is_a_case_error(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no readable mask"):
        load_mask(tmp_path / "gone.png", "full", (10, 10))


def test_outlined_is_whether_there_is_something_to_measure() -> None:
    pixels = np.full((60, 80, 3), 180, np.uint8)
    nothing, spot = np.zeros((60, 80), np.float32), np.zeros((60, 80), np.float32)
    spot[20:40, 30:50] = 0.9
    for chance in (nothing, spot):
        assert outlined(pixels, chance) == (measure_lesion(pixels, chance) is not None)
    assert outlined(pixels, spot)
