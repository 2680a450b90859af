"""Each variant changes one thing, is trained once, and can be read with."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("inspect_ai")

from inspect_ai.log import write_eval_log

from skingpt_r1.dermbench.ablation.figures import SUITE, figures, of_a_dimension, of_logs
from skingpt_r1.dermbench.ablation.study import StudyConfig, study
from skingpt_r1.dermbench.ablation.table import NOT_SHOWN, OPPOSITE, YES, helps, markdown, plot
from skingpt_r1.dermbench.ablation.training import Grounds, OneSight, adapters_of
from skingpt_r1.dermbench.ablation.variants import BOTH, FILTERED, MAIN, VARIANTS, chosen
from skingpt_r1.dermbench.classify.task import classify
from skingpt_r1.dermbench.judges.offline import offline_judge
from skingpt_r1.dermbench.solving import recited
from skingpt_r1.dermbench.statistics import Metric
from skingpt_r1.distill.data import LabelledMaps, spaces
from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import SAYING, SOFT_WORDS, lora_rank, visual_digest
from skingpt_r1.models.teacher import Teacher
from skingpt_r1.records import Case, History, Modality, SkinGPTError
from tests.dermbench import evals
from tests.dermbench.classified import output, public_set, run, saying
from tests.narrative.samples import TEXT

BUDGET = {"look_steps": 1, "look_batch": 2, "name_steps": 1, "name_batch": 2, "write_steps": 0}  # writing is slow


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
        assert mine == plain | dict(variant.changes)
    assert plain["seed"] == 3
    assert MAIN == ("base", "visual", "language", BOTH)


def test_the_recipe_itself_is_always_among_the_chosen() -> None:
    assert [v.name for v in chosen(["base", "base"])] == ["base", BOTH]
    with pytest.raises(SkinGPTError, match="no variant 'bais'"):
        chosen(["bais"])


def test_the_difference_is_paired_and_the_seeds_are_told() -> None:
    hard = np.random.default_rng(0).normal(0, 3, 60)
    by = {
        "base": [_mean(hard), _mean(hard + 0.2)],
        BOTH: [_mean(hard + 1), _mean(hard + 1.2)],
    }
    base, both = figures("pad_ufes_20", "accuracy", by, [str(i) for i in range(60)])
    assert base.less is not None and both.less is None
    assert (base.less.value, base.less.low, base.less.high) == pytest.approx((1, 1, 1))
    assert both.seeds == pytest.approx((hard.mean() + 1, hard.mean() + 1.2))
    assert both.mean.value == pytest.approx(hard.mean() + 1.1)
    text = markdown([base, both], {"seeds": [0, 1]})
    assert "+1.000 (+1.000 to +1.000), clear of 0" in text
    assert f"{VARIANTS['base'].asks} *Yes*: pad_ufes_20, accuracy." in text
    drawn = plot([base, both])
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "pad_ufes_20, accuracy (n = 60)" in drawn  # matplotlib names the text that it draws in a comment


def test_it_helps_only_if_every_seed_agrees_and_the_interval_is_clear() -> None:
    hard = np.random.default_rng(1).normal(0, 0.1, 40)
    for gains, answer in (((1, 1.2), YES), ((-1, -1.2), OPPOSITE), ((2, -0.5), NOT_SHOWN), ((0, 0), NOT_SHOWN)):
        by = {"base": [_mean(hard)] * 2, BOTH: [_mean(hard + gain) for gain in gains]}
        base, both = figures("suite", "safety by offline", by, [str(i) for i in range(40)])
        assert helps(base, both) == answer
        assert of_a_dimension(base)


def test_half_a_run_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINGPT_DATA", str(public_set(tmp_path / "data")))
    for name in ("base@0", "both@0"):
        saying_so = saying([output("Final label: NEV")] * 3)
        log = run(classify("pad_ufes_20", limit=3), saying_so, tmp_path / "logs/pad", metadata={"system": name})
    assert {f.variant for f in of_logs(tmp_path / "logs", ["base", BOTH], [0])} == {"base", BOTH}
    log.samples = (log.samples or [])[:1]
    write_eval_log(log, log.location)
    assert of_logs(tmp_path / "logs", ["base", BOTH], [0]) == []


def test_half_a_judged_run_is_no_figure_and_none_yet_no_error(tmp_path: Path) -> None:
    judged = tmp_path / SUITE
    judged.mkdir()
    assert of_logs(tmp_path, ["base", BOTH], [0]) == []
    for name in ("base@0", "both@0"):
        log = evals.run(
            [evals.sample(n) for n in range(2)], [offline_judge()], judged, system=name, solver=recited("reference")
        )
    found = of_logs(tmp_path, ["base", BOTH], [0])
    assert {(f.variant, f.n) for f in found} == {("base", 2), (BOTH, 2)}
    log.samples = (log.samples or [])[:1]
    write_eval_log(log, log.location)
    assert of_logs(tmp_path, ["base", BOTH], [0]) == []


def _mean(values: np.ndarray) -> Metric:
    return lambda rows: float(values[rows].mean())


@pytest.mark.slow
def test_a_study_runs_compares_and_goes_on(shared: Grounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINGPT_DATA", str(public_set(tmp_path / "data")))
    out, config = tmp_path / "out", StudyConfig(("base",), (0,), BUDGET, cases=2, sets=("pad_ufes_20",))
    adapters_of(VARIANTS["base"], 0, BUDGET, shared, out)
    _teacher(tmp_path / "runs")
    shutil.copytree(out / "base", out / BOTH)  # equal adapters: no difference may be found
    found = study(config, None, tmp_path / "runs", out, resume=True)
    assert {(f.variant, f.metric, f.n) for f in found} == {
        (name, metric, 2) for name in ("base", BOTH) for metric in ("accuracy", "balanced accuracy")
    }
    assert [f.less.value for f in found if f.less is not None] == [0, 0]
    logs = sorted((out / "logs").rglob("*.eval"))
    assert len(logs) == 2 and (out / "table.md").exists() and (out / "ablation.svg").exists()
    assert study(config, None, tmp_path / "runs", out, resume=True) == found
    assert sorted((out / "logs").rglob("*.eval")) == logs
    with pytest.raises(SkinGPTError, match="begun with another cases"):
        study(replace(config, cases=3), None, tmp_path / "runs", out, resume=True)


def test_a_study_may_be_given_more_variants_and_seeds_and_no_other_corpus(tmp_path: Path) -> None:
    config = StudyConfig()
    assert replace(config, variants=tuple(VARIANTS), seeds=(5,)).claimed() == config.claimed()
    assert replace(config, budget={"write_steps": 1}).claimed() != config.claimed()
    config = StudyConfig((FILTERED,), (0,), BUDGET, sets=(), filtered=tmp_path / "one")
    teacher = _teacher(tmp_path / "runs")
    for name in (FILTERED, BOTH):
        (tmp_path / "out" / name / "seed0" / "adapters").mkdir(parents=True)
    with pytest.raises(SkinGPTError, match="nothing has been run yet"):
        study(config, None, tmp_path / "runs", tmp_path / "out")
    with pytest.raises(SkinGPTError, match="begun with another filtered"):
        study(replace(config, filtered=tmp_path / "two"), None, tmp_path / "runs", tmp_path / "out", resume=True)
    teacher.write_bytes(b"trained again")
    with pytest.raises(SkinGPTError, match="begun with another teacher"):
        study(config, None, tmp_path / "runs", tmp_path / "out", resume=True)


def _teacher(runs: Path) -> Path:
    (runs / "teacher").mkdir(parents=True)
    path = runs / "teacher/best.safetensors"
    path.write_bytes(b"one")
    return path


@pytest.mark.slow
def test_variants_are_trained_once_and_load(shared: Grounds, tmp_path: Path) -> None:
    base = adapters_of(VARIANTS["base"], 0, BUDGET, shared, tmp_path)
    said = load_file(base / "writer.safetensors")
    assert not said["vocabulary.up.weight"].any()
    assert not any(tensor.any() for name, tensor in said.items() if "lora_B" in name)
    small = adapters_of(VARIANTS["rank-4"], 0, BUDGET, shared, tmp_path)
    assert lora_rank(small / "writer.safetensors") == 4
    moved = load_file(small / "writer.safetensors")
    assert any(not torch.equal(moved[name], tensor) for name, tensor in said.items() if name.startswith("connector."))
    written = (small / "writer.safetensors").stat().st_mtime_ns
    assert adapters_of(VARIANTS["rank-4"], 0, BUDGET, shared, tmp_path) == small
    assert (small / "writer.safetensors").stat().st_mtime_ns == written
    with pytest.raises(SkinGPTError, match="--filtered"):
        adapters_of(VARIANTS[FILTERED], 0, BUDGET, shared, tmp_path)


@pytest.mark.slow
def test_phases_that_would_come_out_equal_are_taken_over(shared: Grounds, tmp_path: Path) -> None:
    fewer = _first_three(shared)
    grounds = replace(shared, taught={**shared.taught, FILTERED: (fewer, fewer)})

    def trained(name: str, seed: int = 0, out: Path = tmp_path) -> Path:
        return adapters_of(VARIANTS[name], seed, BUDGET, grounds, out).parent

    def written(name: str, phase: str, seed: int = 0) -> int:
        return (trained(name, seed) / phase / "checkpoint.safetensors").stat().st_mtime_ns

    for phase, equal in (
        ("look", ("visual", "no-bias", "no-claims", "rank-4", FILTERED)),
        ("name", ("no-bias", "rank-4")),
    ):
        for name in equal:
            assert written(name, phase) == written(BOTH, phase), (name, phase)
    for name in ("no-claims", FILTERED):
        assert written(name, "name") != written(BOTH, "name")
    assert written("no-labels", "look") != written(BOTH, "look")
    assert written(BOTH, "look", seed=1) != written(BOTH, "look")
    for name in ("no-bias", "rank-4"):  # what was taken over is what would have come out
        assert _seeing(trained(name)) == _seeing(trained(name, out=tmp_path / "alone"))


def _first_three(shared: Grounds) -> tuple[LabelledMaps, Taught]:
    maps, lessons = shared.taught[""][0]
    return LabelledMaps(maps.cases[:3], maps.maps[:3], maps.hashes[:3], spaces()), lessons


def _seeing(folder: Path) -> dict[str, bytes]:
    said = load_file(folder / "writer.safetensors")
    return {n: t.float().numpy().tobytes() for n, t in said.items() if not n.startswith(SAYING)}


def test_with_eyes_given_only_what_is_said_may_differ(tmp_path: Path) -> None:
    given = {"start": tmp_path, "corpus": tmp_path / "corpus"}
    assert {v.name for v in VARIANTS.values() if not v.of_writing} == {"base", "language", "no-labels"}
    assert StudyConfig(("rank-4", "no-bias"), **given).variants == ("rank-4", "no-bias")
    with pytest.raises(SkinGPTError, match=r"language: sees otherwise.*visual, both, no-bias"):
        StudyConfig(("rank-4", "language"), **given)
    with pytest.raises(SkinGPTError, match="--from and --corpus go together"):
        StudyConfig(("rank-4",), start=tmp_path)


def test_a_study_with_eyes_given_needs_no_teacher_and_keeps_to_its_eyes(tmp_path: Path) -> None:
    eyes, out = tmp_path / "eyes" / "writer.safetensors", tmp_path / "out"
    eyes.parent.mkdir()
    save_file({"encoder.a": torch.zeros(2), "language.b": torch.zeros(2)}, eyes)
    config = StudyConfig((BOTH,), (0,), BUDGET, sets=(), start=eyes.parent, corpus=tmp_path / "corpus")
    (out / BOTH / "seed0" / "adapters").mkdir(parents=True)
    for resume in (False, True):
        with pytest.raises(SkinGPTError, match="nothing has been run yet"):
            study(config, None, tmp_path / "runs", out, resume)
    save_file({"encoder.a": torch.ones(2), "language.b": torch.zeros(2)}, eyes)
    with pytest.raises(SkinGPTError, match="begun with another sight"):
        study(config, None, tmp_path / "runs", out, resume=True)
    with pytest.raises(SkinGPTError, match="no finished corpus"):
        study(config, None, tmp_path / "runs", tmp_path / "other")


@pytest.mark.slow
def test_with_eyes_given_speaking_is_learned_anew_and_seeing_stays(shared: Grounds, tmp_path: Path) -> None:
    few = _first_three(shared)
    grounds = OneSight(ADAPTERS, {"": (few, few)})
    before = load_file(ADAPTERS / "writer.safetensors")

    def trained(steps: int, out: Path) -> dict[str, torch.Tensor]:
        path = (
            adapters_of(VARIANTS[BOTH], 0, {"write_steps": steps, "write_batch": 2}, grounds, out)
            / "writer.safetensors"
        )
        assert visual_digest(path) == visual_digest(ADAPTERS / "writer.safetensors")
        return load_file(path)

    silent, taught = trained(0, tmp_path / "silent"), trained(1, tmp_path)
    moved = "language.base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"
    assert before[moved].any() and not silent[moved].any() and taught[moved].any()
    assert not torch.equal(taught["vocabulary.up.weight"], silent["vocabulary.up.weight"])
