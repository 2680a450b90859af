"""Planted duplicates must be found, different lesions must not; and the real folders must not leak."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from skingpt_r1.models.embedding import embedder
from skingpt_r1.records import Case
from skingpt_r1.sources import duplicates
from skingpt_r1.sources.alignment import best_correlation
from skingpt_r1.sources.clustering import clusters, isic_id, key
from skingpt_r1.sources.duplicates import find_duplicates
from skingpt_r1.sources.fingerprints import fingerprint, fingerprints
from skingpt_r1.sources.registry import available, load
from skingpt_r1.sources.splits import keep_apart
from tests.sources.pictures import as_case, lesion

STRANGERS = 12


def _crop(share: float) -> Callable[[Image.Image], Image.Image]:
    def crop(image: Image.Image) -> Image.Image:
        width, height = image.size
        dx, dy = width * share, height * share
        return image.crop((round(dx), round(dy), round(width - dx), round(height - dy)))

    return crop


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized": lambda image: image.resize((120, 120)),
    "squashed": lambda image: image.resize((170, 130)),
    "cropped 5 % a side": _crop(0.05),
    "cropped 10 % a side": _crop(0.10),
    "off centre": lambda image: image.crop((0, 0, 187, 190)),
    "quarter turn": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "half turn": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "mirrored": ImageOps.mirror,
    "mirrored and turned": lambda image: ImageOps.mirror(image).transpose(Image.Transpose.ROTATE_90),
    "brighter": lambda image: image.point(lambda value: min(255, int(value * 1.15))),
    "grey": lambda image: image.convert("L").convert("RGB"),
}


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Different lesions; the first is the one that copies are made of."""
    folder = tmp_path_factory.mktemp("strangers")
    for seed in range(STRANGERS):
        lesion(seed).save(folder / f"lesion_{seed:02}.png")
    return [as_case(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("change", CHANGES)
def test_planted_copy_is_found_and_nothing_else(strangers: list[Case], tmp_path: Path, change: str) -> None:
    CHANGES[change](lesion(0)).save(tmp_path / "copy.png")
    pairs = find_duplicates([*strangers, as_case(tmp_path / "copy.png", "other")])
    assert [pair[:2] for pair in pairs] == [("made/lesion_00", "other/copy")]


@pytest.mark.parametrize("quality", [20, 60])
def test_jpeg_copy_is_found(strangers: list[Case], tmp_path: Path, quality: int) -> None:
    lesion(0).resize((150, 150)).save(tmp_path / "copy.jpg", quality=quality)
    pairs = find_duplicates([*strangers, as_case(tmp_path / "copy.jpg", "other")])
    assert [pair[:2] for pair in pairs] == [("made/lesion_00", "other/copy")]


def test_centre_square_matches_the_squashed_whole(tmp_path: Path) -> None:
    """What happened to HAM10000 (450 x 450 of 600 x 450) and to ISIC-2017 (squashed to a square)."""
    whole = lesion(5, (600, 450))
    whole.crop((75, 0, 525, 450)).resize((224, 224)).save(tmp_path / "square.jpg")
    whole.resize((256, 256)).save(tmp_path / "squashed.jpg")
    pairs = find_duplicates([as_case(tmp_path / "square.jpg"), as_case(tmp_path / "squashed.jpg")])
    assert len(pairs) == 1


def test_equal_bytes_and_equal_isic_ids_count_as_one(tmp_path: Path) -> None:
    lesion(1).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    lesion(2).save(tmp_path / "ISIC_0000001.png")
    lesion(3).save(tmp_path / "ISIC_0000001.jpg")
    cases = [as_case(tmp_path / name) for name in ("a.png", "b.png")]
    cases += [as_case(tmp_path / f"ISIC_0000001.{end}", end) for end in ("png", "jpg")]
    assert find_duplicates(cases) == [
        ("jpg/ISIC_0000001", "png/ISIC_0000001", 1.0),
        ("made/a", "made/b", 1.0),
    ]


def test_flat_and_unreadable_pictures_are_no_duplicates(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100), (200, 150, 140)).save(tmp_path / "flat.png")
    Image.new("RGB", (100, 100), (90, 50, 40)).save(tmp_path / "dark.png")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    names = ["flat.png", "dark.png", "text.jpg", "empty.jpg", "missing.jpg"]
    assert find_duplicates([as_case(tmp_path / name) for name in names]) == []
    assert find_duplicates([]) == []


def test_embedding_adds_what_hashing_cannot_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (1, 2, 3):
        lesion(seed).save(tmp_path / f"{seed}.png")
    cases = [as_case(tmp_path / f"{seed}.png") for seed in (1, 2, 3)]
    vectors = {"1": [1.0, 0.0], "2": [1.1, 0.1], "3": [-2.0, 0.5]}

    def embed(paths: object) -> np.ndarray:
        return np.array([vectors[Path(p).stem] for p in paths], dtype=np.float32)  # type: ignore[attr-defined]

    assert find_duplicates(cases, embed) == []  # three pictures do not tell what is usual
    monkeypatch.setattr(duplicates, "LEAST_WHITENED", 3)
    monkeypatch.setattr(duplicates, "DIRECTIONS", 1)
    assert [pair[:2] for pair in find_duplicates(cases, embed)] == [("made/1", "made/2")]


def test_what_all_pictures_share_makes_no_pair() -> None:
    """A common part ten times as long as the rest: plain cosines are all above 0.9, whitened ones find the one pair."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 300)).astype(np.float32)
    vectors[7] = vectors[2999] + 0.3 * vectors[7]
    vectors += 10 * rng.normal(size=300).astype(np.float32)
    assert [pair[:2] for pair in duplicates._close_vectors(vectors, 0.64)] == [(7, 2999)]


def test_our_phash_is_the_usual_one() -> None:
    """Parity with imagehash for a picture that needs no resizing there (32 x 32)."""
    picture = lesion(4).convert("L").resize((32, 32))
    expected = imagehash.phash(picture).hash
    word = int(fingerprint(picture).phash[0, 0])
    ours = np.array([word >> bit & 1 for bit in range(63, -1, -1)], dtype=bool).reshape(8, 8)
    assert (ours == expected).sum() >= 63  # a term equal to the median may fall either way


def test_correlation_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(0)
    field = rng.normal(size=(1, 12, 12)).astype(np.float32)
    inner = (3 * field[:, 2:10, 3:11] + 7).astype(np.float32)
    assert best_correlation(field, inner)[0] == pytest.approx(1, abs=1e-4)
    other = rng.normal(size=(1, 8, 8)).astype(np.float32)
    slow = max(
        np.corrcoef(field[0, r : r + 8, c : c + 8].ravel(), other.ravel())[0, 1] for r in range(5) for c in range(5)
    )
    assert best_correlation(field, other)[0] == pytest.approx(slow, abs=1e-4)


def test_cache_follows_the_content_and_survives_damage(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "hashes.json"
    lesion(1).save(tmp_path / "a.png")
    first = fingerprints([tmp_path / "a.png"], cache)[tmp_path / "a.png"]
    (tmp_path / "a.png").rename(tmp_path / "moved.png")
    moved = fingerprints([tmp_path / "moved.png"], cache)[tmp_path / "moved.png"]
    assert (moved.phash == first.phash).all() and (moved.dhash == first.dhash).all()
    assert list(json.loads(cache.read_text())["hashes"]) == [first.sha256]
    cache.write_text('{"version": 2, "hashes": {"')
    again = fingerprints([tmp_path / "moved.png"], cache)[tmp_path / "moved.png"]
    assert (again.phash == first.phash).all()
    assert json.loads(cache.read_text())["hashes"]
    assert [path.name for path in cache.parent.iterdir()] == ["hashes.json"]


def test_clusters_are_transitive() -> None:
    found = clusters([("a", "b", 1.0), ("c", "d", 0.9), ("b", "c", 0.8), ("x", "y", 1.0)])
    assert sorted(map(sorted, found)) == [["a", "b", "c", "d"], ["x", "y"]]


@pytest.mark.slow(minutes=10)
def test_no_training_row_touches_a_test_row(data_root: Path, tmp_path: Path) -> None:
    """On the real folders, checked without the code that drops: by set intersection of what is kept."""
    cases = [case for source in available(data_root) for case in load(source.name, data_root)]
    runs = Path(os.environ.get("SKINGPT_RUNS", tmp_path))  # a run folder's caches spare ten minutes
    pairs = find_duplicates(cases, embedder(runs / "embeddings.safetensors"), runs / "hashes.json")
    kept, dropped = keep_apart(cases, clusters(pairs))
    side = {key(case): case.split for case in kept}

    for stronger, weaker in (("test", {"train", "val"}), ("val", {"train"})):
        held = [case for case in kept if case.split == stronger]
        learnt = [case for case in kept if case.split in weaker]
        assert not {c.group for c in held if c.group} & {c.group for c in learnt}
        assert not {isic_id(c) for c in held} & {isic_id(c) for c in learnt} - {None}
        assert not {c.image for c in held} & {c.image for c in learnt}
        assert [p for p in pairs if {side.get(p[0]), side.get(p[1])} in [{stronger, w} for w in weaker]] == []

    assert [case for case in dropped if case.split == "test"] == []
    # Seen by eye on a sheet of pairs: one photograph or one lesion on both sides of a published split.
    found = {pair[:2] for pair in pairs}
    assert ("ham10000/ISIC_0025373", "ham10000/ISIC_0035064") in found
    assert ("isic2017/ISIC_0000171", "isic2017/ISIC_0015124") in found
    assert ("isic2017/ISIC_0000214", "isic2017/ISIC_0014958") in found  # the embedding's
    # 377 photographs are in both HAM10000 folders (their SOURCE.md); few rows may be lost to training.
    assert sum(a.partition("/")[2] == b.partition("/")[2] for a, b, _ in pairs) == 377
    assert 10 <= len(dropped) <= 80
