"""What a run may see: the search for duplicates is asked once for the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.distill import data
from skingpt_r1.records import Case, Modality
from skingpt_r1.sources.clustering import Pair


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    made = []
    for n, split in enumerate(("train", "test", "train")):
        path = tmp_path / f"{n}.png"
        Image.fromarray(np.full((8, 8, 3), 40 * n, np.uint8)).save(path)
        made.append(Case(f"c{n}", str(path), Modality.DERMOSCOPY, "made", split=split))
    return made


def test_pairs_are_searched_again_only_when_a_picture_changed(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[int] = []

    def search(given: Sequence[Case], *_: object) -> list[Pair]:
        searches.append(len(given))
        return [("made/c0", "made/c1", 0.9)]

    monkeypatch.setattr(data, "find_duplicates", search)
    runs = tmp_path / "runs"
    first, second = data._pairs(cases, runs), data._pairs(cases, runs)
    assert first == second == [("made/c0", "made/c1", 0.9)]
    assert searches == [3]
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(cases[2].image)
    data._pairs(cases, runs)
    assert searches == [3, 3]
