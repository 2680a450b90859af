"""Lessons out of a built corpus: the same texts, with the history that they were told and no other."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.stages import BuildConfig
from skingpt_r1.dermcot.taught import Written, read_corpus
from skingpt_r1.dermcot.teaching import alone
from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.recipe import teach
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import visual_digest
from skingpt_r1.records import History, SkinGPTError
from tests.dermcot.test_build import cases, tools


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cases with pictures, half of them told with their age."""
    folder = tmp_path_factory.mktemp("taught")
    rng = np.random.default_rng(0)
    pictures = []
    for i, case in enumerate(cases(12)):
        path = folder / f"{case.id}.png"
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
        split = "val" if i % 4 == 0 else "train"
        pictures.append(dataclasses.replace(case, image=str(path), split=split, history=History(age=60.0)))
    build(BuildConfig(), tools(), pictures, folder / "corpus", resume=False)
    return folder / "corpus"


def test_a_lesson_is_the_corpus_text_with_its_own_history(corpus: Path) -> None:
    found, tellings = read_corpus(corpus)
    lines = (corpus / "corpus.jsonl").read_text()
    lessons = Written(found, tellings)
    assert len(found) == 12
    kinds = set()
    for row in range(12):
        lesson = lessons.narrative(row, random.Random(row), history=False)
        kinds.add(lesson.history)
        assert lesson.text.splitlines()[1] in lines
        assert len(lessons.words(row)) == 11
        assert lessons.words(row)[-1] == found[row].diagnosis
    assert kinds == {History(), History(age=60.0)}


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match="no finished corpus"):
        read_corpus(tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"case": {}}\n')
    with pytest.raises(SkinGPTError, match=r"corpus\.jsonl:1"):
        read_corpus(tmp_path)
    (tmp_path / "corpus.jsonl").write_text("")
    with pytest.raises(SkinGPTError, match="is empty"):
        read_corpus(tmp_path)


@pytest.mark.slow
def test_finished_adapters_are_taught_a_corpus_without_a_teacher(corpus: Path, tmp_path: Path) -> None:
    config = DistillConfig(write_steps=2, write_batch=2)
    teach(config, ADAPTERS, alone(corpus, tmp_path), tmp_path / "writer", resume=False)
    before, after = load_file(ADAPTERS / "writer.safetensors"), load_file(tmp_path / "writer" / "writer.safetensors")
    assert before.keys() == after.keys()
    moved = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert {"language", "connector"} <= moved


@pytest.mark.slow
def test_a_corpus_can_be_taught_without_touching_what_sees(corpus: Path, tmp_path: Path) -> None:
    config = DistillConfig(write_steps=2, write_batch=2, write_sees=False)
    teach(config, ADAPTERS, alone(corpus, tmp_path), tmp_path / "writer", resume=False)
    written = tmp_path / "writer" / "writer.safetensors"
    before, after = load_file(ADAPTERS / "writer.safetensors"), load_file(written)
    moved = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert "language" in moved and moved <= {"language", "vocabulary"}
    assert visual_digest(written) == visual_digest(ADAPTERS / "writer.safetensors")
