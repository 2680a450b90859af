"""What enters a corpus, what stays out of it, and what its report says of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.cases import sampled, users_cases
from skingpt_r1.dermcot.stages import BuildConfig
from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.records import Case, Modality, SkinGPTError
from skingpt_r1.sources.clustering import Pair, key
from skingpt_r1.sources.duplicates import find_duplicates
from tests.dermcot.test_build import cases as made_cases
from tests.dermcot.test_build import tools
from tests.sources.pictures import lesion


def save(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lesion(seed).save(path, quality=92)


def duplicates(cases: Sequence[Case]) -> list[Pair]:
    return find_duplicates(cases)


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """A folder and a Parquet table: the table's test row 2 is picture 0 of the folder, patient P has 3 (test) and 4."""
    for n in range(3):
        save(tmp_path / "folder" / ("melanoma" if n else "nevus") / f"{n}.jpg", n)
    save(tmp_path / "folder" / "melanomma" / "7.jpg", 7)
    for n, seed in ((3, 3), (4, 4), (5, 5), (6, 0)):
        save(tmp_path / "table" / f"{n}.jpg", seed)
    columns = {
        "image": ["3.jpg", "4.jpg", "5.jpg", "6.jpg", "gone.jpg"],
        "dx": ["nevus"] * 5,
        "patient": ["P", "P", "Q", None, None],
        "split": ["test", "train", "train", "test", "train"],
    }
    pq.write_table(pa.table(columns), tmp_path / "table" / "rows.parquet")
    return [tmp_path / "folder", tmp_path / "table" / "rows.parquet"]


def test_patients_and_near_duplicates_are_kept_together_across_data_sets(two: list[Path], tmp_path: Path) -> None:
    labelled = users_cases(two, None, Modality.DERMOSCOPY, None, duplicates)
    names = [key(case) for case in labelled.cases]
    assert names == ["folder/melanoma/1.jpg", "folder/melanoma/2.jpg", "folder/melanomma/7.jpg", "rows/5.jpg"]
    merged = labelled.merged
    assert merged["near_duplicates"] == [["folder/nevus/0.jpg", "rows/6.jpg"]] and merged["across_datasets"] == 1
    assert merged["kept_together"] == {"groups": 2, "cases": 4}
    assert merged["test_rows"] == 2
    assert merged["left_out"]["rows/4.jpg"] == "train row shares a patient or lesion with the test row rows/3.jpg"
    assert "near-duplicate (1.00) with the test row rows/6.jpg" in merged["left_out"]["folder/nevus/0.jpg"]
    assert [part in line for part, line in zip(("'melanomma'", ":5: no file 'gone"), merged["problems"], strict=True)]
    assert merged["unknown_labels"]["melanomma"]["rows"] == 1
    assert "melanoma" in merged["unknown_labels"]["melanomma"]["nearest"]
    assert len(labelled.problems) == 4  # the missing file, the label, and the two rows left out
    meant = users_cases(two, None, Modality.DERMOSCOPY, None, duplicates, LabelSet("mine", {"melanomma": "melanoma"}))
    assert meant.merged["unknown_labels"] == {} and meant.cases[2].diagnosis == "melanoma"
    build(BuildConfig(), tools(), labelled.cases, tmp_path / "out", False, merged=merged)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["merged"] == merged and report["kept"] == 3


def test_rows_without_splits_can_be_split_by_patient(tmp_path: Path) -> None:
    for n in range(24):
        save(tmp_path / f"{n}.jpg", n)
    rows = "".join(f"{n}.jpg,{'nevus' if n % 2 else 'melanoma'},P{n // 4}\n" for n in range(24))
    (tmp_path / "rows.csv").write_text("image,label,patient\n" + rows)
    labelled = users_cases([tmp_path / "rows.csv"], None, Modality.CLINICAL, (0.5, 0.25, 0.25), lambda cases: [])
    sides: dict[str, set[str]] = {}
    for case in labelled.cases:
        sides.setdefault(str(case.group), set()).add(str(case.split))
    assert all(len(side) == 1 for side in sides.values())
    assert labelled.merged["test_rows"] == 24 - len(labelled.cases) > 0
    (tmp_path / "split.csv").write_text("image,label,split\n0.jpg,nevus,train\n")
    with pytest.raises(SkinGPTError, match="splits already"):
        users_cases([tmp_path / "split.csv"], None, Modality.CLINICAL, (0.8, 0.1, 0.1), lambda cases: [])


def test_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    for place in ("a/mine", "b/mine"):
        save(tmp_path / place / "nevus" / "1.jpg", 1)
    with pytest.raises(SkinGPTError, match="two sources are called 'mine'"):
        users_cases([tmp_path / "a/mine", tmp_path / "b/mine"], None, Modality.CLINICAL, None, lambda cases: [])


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    everything = made_cases(50)
    small, large = sampled(everything, 5), sampled(everything, 20)
    assert len(small) == 5 and [case for case in large if case in small] == list(small)
    assert sampled(everything, 0) is everything
