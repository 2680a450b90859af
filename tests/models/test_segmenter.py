"""The shipped segmenter on planted pictures, and the losses and scores that train and judge it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from skingpt_r1.distill.segment import box_iou, box_loss, dice_and_iou, mask_loss
from skingpt_r1.models.encoder import PYRAMID_CHANNELS
from skingpt_r1.models.segmenter import SegmentationHead, Segmenter, load_segmenter, squashed
from skingpt_r1.records import SkinGPTError


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return load_segmenter()


def planted(height: int, width: int, centre: tuple[float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Skin with a little grain and a dark brown disc of `radius` pixels; centre is (row, column) shares."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - centre[0] * height, columns - centre[1] * width)
    dark = np.clip((radius - distance) / 4 + 0.5, 0, 1)[..., None]
    picture = np.array([214, 170, 150]) * (1 - dark) + np.array([84, 52, 42]) * dark
    picture = picture + rng.normal(0, 6, (height, width, 1))
    return picture.clip(0, 255).astype(np.uint8), distance < radius


@pytest.mark.parametrize(
    ("height", "width", "centre", "radius"),
    [(300, 300, (0.5, 0.5), 70), (288, 384, (0.4, 0.65), 60), (500, 300, (0.6, 0.4), 80)],
)
def test_a_planted_disc_is_outlined(
    segmenter: Segmenter, height: int, width: int, centre: tuple[float, float], radius: float
) -> None:
    picture, truth = planted(height, width, centre, radius)
    chance = segmenter.probability(picture)
    assert chance.shape == (height, width)
    assert chance.dtype == np.float32
    assert chance.min() >= 0
    assert chance.max() <= 1
    assert dice_and_iou(chance >= 0.5, truth)[0] > 0.8


def test_the_same_photo_gives_the_same_map(segmenter: Segmenter) -> None:
    picture, _ = planted(200, 260, (0.5, 0.5), 40)
    assert np.array_equal(segmenter.probability(picture), segmenter.probability(picture.copy()))


def test_a_photo_of_one_pixel_has_a_map(segmenter: Segmenter) -> None:
    assert segmenter.probability(np.full((1, 1, 3), 120, np.uint8)).shape == (1, 1)


def test_head_is_small_and_reads_every_level() -> None:
    head = SegmentationHead()
    assert sum(p.numel() for p in head.parameters()) < 300_000
    maps = [torch.randn(2, c, s, s) for c, s in zip(PYRAMID_CHANNELS, (65, 33, 17), strict=True)]
    plain = head(maps)
    assert plain.shape == (2, 130, 130)
    for level in range(3):
        changed = [m + (i == level) for i, m in enumerate(maps)]
        assert not torch.allclose(head(changed), plain)


def test_head_learns_an_outline_within_a_few_steps() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(2, c, s, s) * 0.1 for c, s in zip(PYRAMID_CHANNELS, (33, 17, 9), strict=True)]
    target = torch.zeros(2, 66, 66)
    target[:, 16:46, 20:50] = 1
    maps[0][:, 0, 8:23, 10:25] += 3
    head = SegmentationHead()
    optimiser = torch.optim.AdamW(head.parameters(), 1e-2)
    first = float(mask_loss(head(maps), target).mean().detach())
    for _ in range(12):
        loss = mask_loss(head(maps), target).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < first / 2


def test_a_box_is_best_explained_by_a_lesion_that_fills_it_as_told() -> None:
    box = torch.zeros(1, 40, 40)
    box[:, 10:30, 10:30] = 1
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    disc = ((rows - 19.5).hypot(columns - 19.5) < 10).float()[None]
    area = disc.mean((1, 2))
    sure = [box_loss((m * 2 - 1) * 12, box, area).item() for m in (disc, box, disc.roll(9, 2), torch.zeros_like(box))]
    assert sure[0] < 0.05
    assert all(other > sure[0] + 0.05 for other in sure[1:])


def test_scores_of_known_overlaps() -> None:
    left, right = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    left[:, :2] = right[:, 1:3] = True
    assert dice_and_iou(left, right) == (0.5, pytest.approx(1 / 3))
    assert dice_and_iou(~left & left, ~left & left) == (1.0, 1.0)
    assert box_iou(left, (0.0, 0.0, 0.5, 1.0)) == 1.0
    assert box_iou(left, (0.25, 0.0, 0.75, 1.0)) == pytest.approx(1 / 3)
    assert box_iou(~left & left, (0.0, 0.0, 1.0, 1.0)) == 0.0


def test_the_whole_photo_is_seen() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :20] = 255
    assert squashed(picture).shape == (260, 260, 3)
    assert squashed(picture)[:, 5].mean() > 250


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not tensors")
    with pytest.raises(SkinGPTError, match=r"bad\.safetensors"):
        load_segmenter(bad)
