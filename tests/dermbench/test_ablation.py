"""Each variant changes one thing, is trained once, and can be read with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skingpt_r1.dermbench.ablation.training import Grounds, adapters_of
from skingpt_r1.dermbench.ablation.variants import BOTH, FILTERED, MAIN, VARIANTS, chosen
from skingpt_r1.distill.data import LabelledMaps, spaces
from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.models.embedded import SOFT_WORDS, lora_rank
from skingpt_r1.models.teacher import Teacher
from skingpt_r1.records import Case, History, Modality, SkinGPTError
from tests.narrative.samples import TEXT

BUDGET = {"look_steps": 1, "look_batch": 2, "name_steps": 1, "name_batch": 2, "write_steps": 1, "write_batch": 1}


class Taught:
    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        return Lesson(History(), TEXT)

    def words(self, row: int) -> Sequence[str | None]:
        return [f"{slot} {row % 2}" for slot in SOFT_WORDS]


@pytest.fixture(scope="module")
def shared() -> Grounds:
    torch.manual_seed(0)
    columns = spaces().labels
    cases = [Case(f"{i}", f"{i}.jpg", Modality.DERMOSCOPY, n, label=label) for i, (n, label) in enumerate(columns)]
    maps = LabelledMaps(cases, torch.randn(len(cases), 1, 88, 17, 17).half(), [c.id for c in cases], spaces())
    taught = ((maps, Taught()), (maps, Taught()))
    return Grounds(Teacher(len(spaces().labels)).eval(), (maps, maps), {"": taught})


def test_a_variant_changes_what_it_says_and_nothing_else() -> None:
    plain = asdict(VARIANTS[BOTH].config(BUDGET, 3))
    for variant in VARIANTS.values():
        mine = asdict(variant.config(BUDGET, 3))
        assert {n: v for n, v in mine.items() if plain[n] != v} == dict(variant.changes)
    assert plain["seed"] == 3
    assert MAIN == ("base", "visual", "language", BOTH)


def test_the_recipe_itself_is_always_among_the_chosen() -> None:
    assert [v.name for v in chosen(["base", "base"])] == ["base", BOTH]
    with pytest.raises(SkinGPTError, match="no variant 'bais'"):
        chosen(["bais"])


@pytest.mark.slow
def test_variants_are_trained_once_and_load(shared: Grounds, tmp_path: Path) -> None:
    base = adapters_of(VARIANTS["base"], 0, BUDGET, shared, tmp_path)
    said = load_file(base / "writer.safetensors")
    assert not said["vocabulary.up.weight"].any()
    assert not any(tensor.any() for name, tensor in said.items() if "lora_B" in name)
    small = adapters_of(VARIANTS["rank-4"], 0, BUDGET, shared, tmp_path)
    assert lora_rank(small / "writer.safetensors") == 4
    moved = load_file(small / "writer.safetensors")
    assert any(tensor.any() for name, tensor in moved.items() if "lora_B" in name)
    written = (small / "writer.safetensors").stat().st_mtime_ns
    assert adapters_of(VARIANTS["rank-4"], 0, BUDGET, shared, tmp_path) == small
    assert (small / "writer.safetensors").stat().st_mtime_ns == written
    with pytest.raises(SkinGPTError, match="--filtered"):
        adapters_of(VARIANTS[FILTERED], 0, BUDGET, shared, tmp_path)
