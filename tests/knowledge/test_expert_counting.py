"""The scripts count expert tables as they say: joins, votes, what is left out, and labels that nobody knows."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.knowledge.scripts import import_script

MARKS = st.frozensets(st.sampled_from(["lesion|papule", "lesion|plaque", "surface|scale"]))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return import_script("build_expert_features")


def write(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_shipped_counts_are_those_of_the_tables(data_root: Path, script: ModuleType) -> None:
    shipped = json.loads(script.TARGET.read_text(encoding="utf-8"))["tables"]
    assert [tally.to_json() for tally in script.count(data_root)] == shipped, "run scripts/build_likelihoods.py"


def test_skincon_joins_by_hash_and_names_what_it_leaves_out(tmp_path: Path, script: ModuleType) -> None:
    words = {word: "0" for group in script.SKINCON.values() for word in group.split(",")}
    rows = [
        *({"ImageID": f"psoriasis{i}.jpg", **words, "Scale": "1", "Do not consider this image": "0"} for i in range(5)),
        {"ImageID": "psoriasis5.jpg", **words, "Scale": "1", "Do not consider this image": "1"},
        {"ImageID": "psoriasis6.jpg", **words, "Do not consider this image": "0"},
        {"ImageID": "nowhere.jpg", **words, "Do not consider this image": "0"},
        {"ImageID": "odd.jpg", **words, "Do not consider this image": "0"},
        {"ImageID": "scabies.jpg", **words, "Do not consider this image": "0"},
    ]
    labels = [{"md5hash": f"psoriasis{i}", "label": "psoriasis", "qc": ""} for i in range(6)]
    labels += [{"md5hash": "psoriasis6", "label": "psoriasis", "qc": "3 Wrongly labelled"}]
    labels += [
        {"md5hash": "odd", "label": "purple moon rash", "qc": ""},
        {"md5hash": "scabies", "label": "scabies", "qc": ""},
    ]
    write(tmp_path / "skincon" / "fitzpatrick17k_skincon_annotations.csv", rows)
    write(tmp_path / "fitzpatrick17k" / "fitzpatrick17k.csv", labels)
    tally = script.skincon(tmp_path)
    shipped = tally.to_json()
    assert (tally.rows, shipped["n"], shipped["features"]) == (10, 5, ["surface|scale"])
    assert shipped["diagnoses"] == {"psoriasis": {"n": 5, "present": {"surface|scale": 5}}}
    for told in (
        "no label in Fitzpatrick17k: 1",
        "do not consider this image: 1",
        "wrongly labelled: 1",
        "fewer than 5 pictures: scabies: 1",
        "unmatched label: purple moon rash: 1",
    ):
        assert told in tally.told()


def test_dermxdb_is_one_row_a_picture_by_majority_of_those_who_named_a_diagnosis(
    tmp_path: Path, script: ModuleType
) -> None:
    def reading(labeller: str, picture: str, tags: str, marked: str) -> dict[str, str]:
        return {
            "annotation_file": f"{labeller}_{picture}",
            "image_filename": "",
            "tags_diagnosis_or_nonlocalisable": tags,
            "localised_characteristics": marked,
        }

    rows = []
    for picture in "abcde":
        rows += [reading(f"labeller{i}", picture, "Acne; Male; Young", "Papule:Red/Round; Scar") for i in (1, 2, 3)]
        rows += [reading("labeller4", picture, "Psoriasis; Symmetrical", "Papule:Hyper-pigmented; Scale:White")]
        rows += [reading("labeller5", picture, "Acne; Symmetrical", "Scale")]
        rows += [reading(f"labeller{i}", picture, "Other-disease", "Scale") for i in (6, 7, 8)]
        rows += [reading("labeller12", picture, "Acne", "Scale")]  # a second reading
    rows += [reading("labeller1", "few", "Acne", "Papule"), reading("labeller1", "stranger", "Acne", "Papule")]
    known = [{"current_filename": f"{name}.jpeg", "diagnosis": "Acne"} for name in [*"abcde", "few"]]
    write(tmp_path / "dermxdb" / "dermxdb_characteristics.csv", rows)
    write(tmp_path / "dermxdb" / "metadata.csv", known, ";")
    tally = script.dermxdb(tmp_path)
    assert tally.to_json()["diagnoses"] == {
        "acne": {"n": 5, "present": {"lesion|papule": 5, "papule|red": 5, "papule|round": 5, "surface|scar": 5}}
    }
    assert dict(tally.left_out) == {
        "second readings": 5,
        "pictures without a diagnosis in the metadata": 1,
        "pictures in which fewer than four labellers saw one of the six diagnoses": 1,
    }


@given(st.lists(MARKS, max_size=9))
def test_a_majority_is_more_than_half(ballots: list[frozenset[str]]) -> None:
    kept = import_script("expert_tally").majority(ballots)
    for mark in {mark for ballot in ballots for mark in ballot}:
        assert (mark in kept) == (sum(mark in ballot for ballot in ballots) > len(ballots) / 2)


@given(st.lists(st.tuples(st.sampled_from(["acne", "scabies", "odd"]), MARKS), max_size=40))
def test_counts_never_exceed_the_pictures_and_none_is_lost(rows: list[tuple[str, frozenset[str]]]) -> None:
    tally = import_script("expert_tally").Tally("made up", "", "", "")
    for label, found in rows:
        tally.add(label, None if label == "odd" else label, found)
    shipped = tally.to_json()
    few = sum(n for n in tally.pictures.values() if n < 5)
    assert shipped["n"] + few + tally.unmatched["odd"] == len(rows)
    for row in shipped["diagnoses"].values():
        assert row["n"] >= 5
        assert all(feature in shipped["features"] and 0 < x <= row["n"] for feature, x in row["present"].items())
    for feature in shipped["features"]:
        assert sum(row["present"].get(feature, 0) for row in shipped["diagnoses"].values()) >= 5
