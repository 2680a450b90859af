"""Evidence and lessons: measured on a picture whose lesion is known, and kept through a kill."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.dermcot.corpus import Corpus
from skingpt_r1.dermcot.evidence import collect, feature_rows, observed, read_evidence, told
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Case, History, Modality


def disc(side: int = 200, radius: int = 60) -> np.ndarray:
    """A round mask whose share of the picture is pi r^2 / s^2 = 0.28: between small and large."""
    y, x = np.mgrid[:side, :side] - side / 2
    return (x**2 + y**2 < radius**2).astype(np.float32)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    rng = np.random.default_rng(0)
    pixels = np.full((200, 200, 3), (222, 184, 160), np.float32) + rng.normal(0, 3, (200, 200, 3))
    pixels[disc() > 0] = (92, 56, 40)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    history = History(age=70, site="back", bleed=True, skin_type=2)
    image = str(tmp_path / "a.png")
    return Case(
        "a", image, Modality.DERMOSCOPY, "ham10000", history, label="mel", diagnosis="melanoma", concepts=("WLSA",)
    )


def test_a_round_dark_disc_is_described_as_one(case: Case) -> None:
    keys = {s.claim.key for s in observed(case, lambda pixels: disc())}
    assert {("size", "medium", True), ("symmetry", "symmetric", True), ("border", "regular", True)} <= keys
    assert ("edge", "sharp", True) in keys
    assert ("colour", "dark brown", True) in keys
    assert ("colour", "red", True) not in keys


def test_the_image_claims_do_not_depend_on_the_label(case: Case) -> None:
    import dataclasses

    other = dataclasses.replace(case, label="nv", diagnosis="melanocytic nevus")
    assert observed(case, lambda pixels: disc()) == observed(other, lambda pixels: disc())


def test_what_a_killed_run_kept_is_not_measured_again(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    whole = collect([case], lambda pixels: disc(), path)
    text = path.read_text()
    path.rename(path.with_suffix(".part"))
    with path.with_suffix(".part").open("a") as stream:
        stream.write('{"case": "ham10000/b", "cl')  # torn by a kill

    def measured_again(pixels: np.ndarray) -> np.ndarray:
        raise AssertionError("the case is in the journal")

    assert collect([case], measured_again, path) == whole
    assert path.read_text() == text
    assert read_evidence(path) == whole


def test_a_lesson_says_only_what_the_evidence_holds(case: Case, tmp_path: Path) -> None:
    evidence = collect([case], lambda pixels: disc(), tmp_path / "e.jsonl")
    held = {s.claim.key for s in evidence["ham10000/a"]}
    corpus = Corpus([case], evidence, {})
    for seed in range(30):
        lesson = corpus.narrative(0, random.Random(seed), history=seed % 2 == 0)
        narrative = parse(lesson.text)
        assert narrative.problems == ()
        assert narrative.diagnosis == "melanoma"
        allowed = held | {s.claim.key for s in told(lesson.history)}
        assert {c.key for c in narrative.claims} <= allowed
        if seed % 2:
            assert lesson.history == History()
            assert not any(c.concept in HISTORY_CONCEPTS for c in narrative.claims)
        assert lesson.history.skin_type is None
        assert not any(c.concept == "structure" for c in narrative.claims)


def test_lessons_of_one_case_differ(case: Case, tmp_path: Path) -> None:
    corpus = Corpus([case], collect([case], lambda pixels: disc(), tmp_path / "e.jsonl"), {})
    texts = {corpus.narrative(0, random.Random(seed), False).text for seed in range(20)}
    assert len(texts) >= 15


def test_counting_leaves_out_what_was_not_measured(case: Case, tmp_path: Path) -> None:
    evidence = collect([case], lambda pixels: disc(), tmp_path / "e.jsonl")
    [(diagnosis, keys, assessed)] = feature_rows([case], evidence)
    assert diagnosis == "melanoma"
    assert not {c for c, _, _ in keys} & {"modality", "structure", "size"}
    assert json.loads((tmp_path / "e.jsonl").read_text())["case"] == "ham10000/a"
    assert "border" in assessed
