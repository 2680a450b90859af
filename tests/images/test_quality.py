"""The quality gate lets nearly every training picture through and stops what nobody can judge."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from skingpt_r1.images.quality import ADVICE, check_quality
from skingpt_r1.images.reading import read_photo


def skin_photo(side: int = 256, seed: int = 0) -> np.ndarray:
    """Skin tone with coherent texture and a brown spot."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(90, 166, (48, 48), dtype=np.uint8)).resize((side, side))
    fine = rng.normal(0, 5, (side, side))
    y, x = np.mgrid[:side, :side] / side - 0.5
    spot = (np.hypot(x, y) < 0.2)[..., None]
    base = np.where(spot, (110, 70, 45), (214, 168, 146)) + (np.asarray(coarse)[..., None] - 128.0) * 0.4
    return np.clip(base + fine[..., None], 0, 255).astype(np.uint8)


def names(pixels: np.ndarray) -> set[str]:
    report = check_quality(pixels)
    assert all(issue.advice == ADVICE[issue.name] for issue in report.issues)
    return {issue.name for issue in report.issues if issue.blocking}


def test_good_photo_passes() -> None:
    assert check_quality(skin_photo()).issues == ()
    assert check_quality(skin_photo(side=1500)).usable


def test_faults_are_named() -> None:
    photo = skin_photo()
    blurred = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(6)))
    assert names(blurred) == {"blur"}
    assert "too dark" in names((photo * 0.12).astype(np.uint8))
    assert "too bright" in names(np.clip(photo * 2.5 + 60, 0, 255).astype(np.uint8))
    assert "too small" in names(skin_photo(side=64))
    assert "no colour" in names(np.asarray(Image.fromarray(photo).convert("L").convert("RGB")))


def chart() -> np.ndarray:
    picture = np.full((300, 400, 3), 255, np.uint8)
    for place in range(8):
        picture[280 - 30 * place : 280, 20 + 45 * place : 50 + 45 * place] = (210, 160, 130)
    return picture


def test_what_is_not_skin_is_stopped() -> None:
    rng = np.random.default_rng(1)
    pictures = {
        "flat skin tone": np.full((256, 256, 3), (210, 160, 140), np.uint8),
        "grey": np.full((256, 256, 3), 128, np.uint8),
        "noise": rng.integers(0, 256, (256, 256, 3), dtype=np.uint8),
        "skin-toned noise": np.clip(rng.normal((210, 160, 140), 8, (256, 256, 3)), 0, 255).astype(np.uint8),
        "green": np.stack([skin_photo()[..., i] for i in (2, 0, 1)], axis=-1),
        "bar chart": chart(),
        "beige chart": np.where(chart() == 255, np.uint8(245), chart()) - np.array([0, 5, 25], np.uint8),
    }
    missed = [name for name, pixels in pictures.items() if "no skin" not in names(pixels)]
    assert missed == []


@pytest.mark.parametrize("folder", ["ham10000", "ham10000_hires", "isic2017", "pad_ufes_20"])
def test_at_least_98_percent_of_training_pictures_pass(data_root: Path, folder: str) -> None:
    """Measured on 300 rows of each folder: all 1,200 usable, 1,195 without any remark."""
    with open(data_root / folder / "cases.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] in ("train", "val")]
    chosen = random.Random(0).sample(rows, 60)
    reports = [check_quality(read_photo(data_root / folder / row["file"]).pixels) for row in chosen]
    assert sum(report.usable for report in reports) >= 59
