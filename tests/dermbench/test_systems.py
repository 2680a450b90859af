"""The registry names the papers' systems, and the controls know what they may know."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.dermbench.protocol import Asked
from skingpt_r1.dermbench.systems.asking import Question, candidates
from skingpt_r1.dermbench.systems.majority import Majority, counted, frequencies, shares
from skingpt_r1.dermbench.systems.probe import Probe, by_diagnosis, heads_of
from skingpt_r1.dermbench.systems.registry import named, read_systems, systems, unnamed
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import BUILT_IN
from skingpt_r1.models.embedding import vectors_of
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import Case, Modality, SkinGPTError
from skingpt_r1.sources.registry import SOURCES, load
from tests.sources.pictures import lesion

PHOTO = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))[0]
PAPERS = {
    "Gemini-2.5 Flash", "GPT-4o-mini", "o4-mini", "Vision-R1-7B", "InternVL3-8B", "LLaVA-CoT (LLaVA-o1)",
    "Qwen2.5-VL-7B", "HuatuoGPT-Vision-7B", "LLaVA-Med-7B", "SkinGPT-R1 (published, 7B)",
}  # fmt: skip


def test_the_registry_is_complete() -> None:
    assert {s.title for s in systems().values() if s.in_paper} == PAPERS
    assert "five more" in unnamed()
    for name, system in systems().items():
        assert system.name == name and system.source
        assert (
            system.model is not None or system.control or "openai-api" in system.notes or "ranks labels" in system.notes
        )
        if system.model and not system.own:
            assert system.settings["max_tokens"] == 4096 and (system.least_pixels, system.most_pixels) == (
                3136,
                1003520,
            )
            assert system.settings.get("temperature", 0.7) == 0.7
    assert set(systems()) >= {"medgemma", "dermlip", "skingpt-4", "gpt-5.6", "gemini-3.8-flash", "skingpt/embedded"}


def test_names() -> None:
    assert named("gpt-4o-mini").model == "openai/gpt-4o-mini" and not named("gpt-4o-mini").blind
    blind = named("gpt-4o-mini+blind")
    assert (blind.name, blind.blind, blind.model) == ("gpt-4o-mini+blind", True, "openai/gpt-4o-mini")
    assert named("ollama/llava:7b").settings["temperature"] == 0.7
    assert named("skingpt/reference").control == "reference" and named("skingpt/blind").args == {"blind": True}
    for wrong, why in (("gpt", "bench systems"), ("llava-med", "own code"), ("skingpt/reference+blind", "no picture")):
        with pytest.raises(SkinGPTError, match=why):
            named(wrong)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"systems": [{"name": "mine", "model": "ollama/x", "most_pixels": 50_000}]}))
    assert named("mine+blind", read_systems(path)).most_pixels == 50_000
    path.write_text(json.dumps({"systems": [{"name": "m", "model": "skingpt/embedded", "args": {"adapters": "a"}}]}))
    assert named("m", read_systems(path)).settings == {} and named("m", read_systems(path)).title == "m"
    path.write_text(json.dumps({"systems": [{"name": "mine", "pixels": 1}]}))
    with pytest.raises(SkinGPTError, match="pixels"):
        read_systems(path)
    with pytest.raises(SkinGPTError, match="cannot be read"):
        read_systems(tmp_path / "none.json")
    path.write_text(json.dumps({"systems": [{"name": "mine", "model": "ollama/x", "args": None}]}))
    with pytest.raises(SkinGPTError, match="args is no object"):
        read_systems(path)
    path.write_text(json.dumps({"systems": [{"name": "reference", "model": "ollama/x"}]}))
    assert named("reference", read_systems(path)).control is None  # a model of that name recites nothing


def asked(labels: list[str] | None) -> Question:
    return Question(read_photo(PHOTO), Asked(None if labels is None else tuple(labels)))


def test_the_majority_is_that_of_the_training_rows() -> None:
    for name, commonest in (("ham10000", "nv"), ("isic2017", "nevus"), ("pad_ufes_20", "BCC")):
        labels = list(BUILT_IN[name].labels)
        (told,) = Majority().answer([asked(labels)], candidates(labels))
        assert (
            told.label == commonest
            and told.label_probability
            and sum(told.label_probability.values()) == pytest.approx(1)
        )
        assert parse(told.narrative).diagnosis == BUILT_IN[name].labels[commonest]
    (told,) = Majority().answer([asked(None)], None)
    assert parse(told.narrative).diagnosis == "melanocytic nevus" and told.label is None
    assert shares(candidates(["psoriasis", "eczema"])) == {"psoriasis": 0.5, "eczema": 0.5}


def test_frequencies_count_training_rows_only(data_root: Path) -> None:
    names = ("ham10000", "isic2017", "pad_ufes_20")
    assert counted((SOURCES[n].label_set, case) for n in names for case in load(n, data_root)) == frequencies()


def test_the_probe_answers_within_the_labels_it_is_asked_for(tmp_path: Path) -> None:
    cases, pictures = [], []
    for n in range(24):
        name = ("ham10000", "isic2017", "pad_ufes_20")[n % 3]
        label, diagnosis = list(BUILT_IN[name].labels.items())[n // 3 % 2]
        modality = Modality.CLINICAL if name == "pad_ufes_20" else Modality.DERMOSCOPY
        cases.append(Case(f"{n}", "", modality, name, label=label, diagnosis=diagnosis, split="train"))
        pictures.append(np.asarray(lesion(n)) if n // 3 % 2 else 255 - np.asarray(lesion(n)))
    encoder = frozen_encoder()
    vectors = vectors_of(pictures, encoder).astype(np.float64)
    heads = heads_of(cases, vectors)
    assert set(heads) == {"ham10000", "isic2017", "pad_ufes_20", "open", "modality"}
    probe = Probe(None, tmp_path)
    probe.__dict__["_heads"] = heads  # what fitted() gives
    for labels in (["melanoma", "nevus", "seborrheic_keratosis"], ["Melanoma", "BCC"], None):
        (told,) = probe.answer([asked(labels)], candidates(labels))
        assert sum(told.label_probability.values()) == pytest.approx(1)
        assert told.label in (labels or [None])
        assert parse(told.narrative).diagnosis == max(told.label_probability, key=lambda k: told.label_probability[k])
    blank = by_diagnosis(heads, vectors[:1] + random.Random(0).random(), candidates(["Melanoma", "BCC"]))
    assert set(blank[0]) == {"melanoma", "basal cell carcinoma"}
