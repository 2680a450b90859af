"""Pictures out of scope: the same for a seed, none on both sides, and plain skin that really keeps off the lesion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.dermbench.trust import drawn
from skingpt_r1.dermbench.trust.outside import LEAST_SIDE, PHOTOS, SIDE, Use, expert_outline, free_square, outside
from skingpt_r1.dermbench.trust.outside import plain_skin as cut
from skingpt_r1.dermbench.trust.readings import held_out
from skingpt_r1.dermbench.trust.scope import jobs
from skingpt_r1.models.weights import digest_of
from skingpt_r1.records import Case, Modality, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import load


@pytest.mark.parametrize("name", drawn.SEEN | drawn.UNSEEN)
def test_a_drawing_is_a_picture_and_repeats(name: str) -> None:
    if name == "charts":
        pytest.importorskip("matplotlib")
    draw = (drawn.SEEN | drawn.UNSEEN)[name]
    one, again, other = (draw(np.random.default_rng(seed), 128) for seed in (1, 1, 2))
    assert one.dtype == np.uint8
    assert one.ndim == 3
    assert one.shape[2] == 3
    assert min(one.shape[:2]) >= 96  # or the check of sizes would refuse it for its size alone
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_fit_and_test_share_no_photo_no_draw_and_no_unseen_kind() -> None:
    assert not set(PHOTOS[Use.FIT]) & set(PHOTOS[Use.TEST])
    fit, test = list(outside(Use.FIT, 2)), list(outside(Use.TEST, 2))
    assert {p.family for p in fit} == {"sample photos", *drawn.SEEN}
    assert {p.family for p in test if not p.seen} == set(drawn.UNSEEN)
    bytes_of_fit = {p.pixels.tobytes() for p in fit}
    assert not [p.family for p in test if p.pixels.tobytes() in bytes_of_fit]


def test_sample_photos_are_grouped_by_their_source() -> None:
    photos = [p for p in outside(Use.TEST, 20) if p.family == "sample photos"]
    assert len(photos) == 20
    assert {p.group for p in photos} == set(PHOTOS[Use.TEST])
    assert min(min(p.pixels.shape[:2]) for p in photos) >= 96


def test_the_free_square_is_the_largest_without_lesion() -> None:
    lesion = np.zeros((200, 300), bool)
    lesion[50:150, 180:280] = True
    found = free_square(lesion)
    assert found is not None
    top, left, side = found
    assert not lesion[top : top + side, left : left + side].any()
    assert top >= 0
    assert left >= 0
    assert top + side <= 200
    assert 150 < side <= 180
    assert free_square(np.ones((200, 300), bool)) is None
    assert free_square(np.zeros((60, 60), bool)) is None  # below the least side, however free


def test_a_case_without_a_mask_cannot_be_cut_by_it() -> None:
    case = Case("x", "examples/ISIC_0012551.jpg", Modality.DERMOSCOPY, "isic2017")
    with pytest.raises(SkinGPTError, match="no expert mask"):
        next(cut([case], expert_outline, "plain skin", True))


def test_plain_skin_of_real_rows(data_root: Path) -> None:
    cases = [c for c in load("ham10000_hires", data_root) if c.split == "train"][:12]
    pictures = list(cut(cases, expert_outline, "plain skin", True))
    assert len(pictures) > 3
    for picture in pictures:
        assert min(picture.pixels.shape[:2]) >= SIDE > LEAST_SIDE
        assert picture.group in {c.group for c in cases}


def test_only_test_rows_are_held_out_and_limits_share(data_root: Path) -> None:
    few, more = held_out(7, data_root), held_out(30, data_root)
    assert {c.dataset for c in held_out(7, data_root, sets=["pad_ufes_20"])} == {"pad_ufes_20"}
    with pytest.raises(SkinGPTError, match="no set 'pad'"):
        held_out(7, data_root, sets=["pad"])
    assert len(few) == 7
    assert all(c.split == "test" for c in more)
    assert {c.dataset for c in few} == {"ham10000", "isic2017", "pad_ufes_20"}
    assert {key(c) for c in few} <= {key(c) for c in more}  # a longer run goes on with a shorter one's readings


def test_other_rows_are_other_pictures_of_scope(data_root: Path) -> None:
    def edits(name: str) -> set[tuple[str, str]]:
        cases = held_out(4, data_root, sets=[name])
        made = jobs(cases, 2, data_root, lambda pixels: np.zeros(pixels.shape[:2]))
        return {(job.key, job.edit) for job in made if job.family == "plain skin, other cameras"}

    assert edits("isic2017") == edits("isic2017")
    assert edits("isic2017") and not edits("isic2017") & edits("pad_ufes_20")


def test_other_adapters_have_another_digest(tmp_path: Path) -> None:
    (tmp_path / "writer.safetensors").write_bytes(b"one")
    one = digest_of(tmp_path)
    digest_of.cache_clear()
    (tmp_path / "writer.safetensors").write_bytes(b"two")
    assert digest_of(tmp_path) != one
    digest_of.cache_clear()
