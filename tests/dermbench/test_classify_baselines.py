"""Baselines are fitted on other rows than they are reported on, and land in the table of the systems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inspect_ai.log import read_eval_log
from PIL import Image
from typer.testing import CliRunner

from skingpt_r1.cli.bench import app
from skingpt_r1.dermbench.classify.baselines import baselines, write_baselines
from skingpt_r1.dermbench.classify.figures import figures
from skingpt_r1.dermbench.classify.table import runs_in
from skingpt_r1.records import SkinGPTError
from tests.sources.test_published import ddi

COLOURS = {"NEV": (200, 150, 140), "MEL": (60, 40, 40), "BCC": (230, 120, 130)}
COUNT = {"train": 5, "val": 2, "test": 3}
TABLE = "image_id,file,label,split,patient_or_lesion_id,age"


def _colours(root: Path) -> Path:
    """A public set whose labels are colours, so that anything that sees must find them; nevi are commonest."""
    rng = np.random.default_rng(0)
    folder = root / "pad_ufes_20"
    (folder / "images").mkdir(parents=True)
    rows = [TABLE]
    for label, colour in COLOURS.items():
        for split, n in COUNT.items():
            for i in range(n + (label == "NEV")):
                name = f"{label}{split}{i}"
                noise = rng.normal(0, 12, (8, 8, 3)) + colour
                small = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
                small.resize((80, 80), Image.Resampling.BICUBIC).save(folder / "images" / f"{name}.png")
                rows.append(f"{name},images/{name}.png,{label},{split},{name},50")
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _colours(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINGPT_DATA", str(root))


def test_baselines_see_colours_and_the_majority_does_not(root: Path) -> None:
    told = baselines("pad_ufes_20", root / "runs")
    assert (
        list(told.left_out) == ["fine-tuned teacher"] and "skingpt train teacher" in told.left_out["fine-tuned teacher"]
    )
    runs = {(run.system, run.split): run for run in told.runs}
    seeing = {(name, split) for name in ("linear probe", "k nearest neighbours") for split in ("test", "val")}
    assert set(runs) == seeing | {("majority", "test")}
    value = {name: figures(run).found["balanced_accuracy"].value for name, run in runs.items()}
    assert (value["linear probe", "test"] or 0) > 0.8 and (value["k nearest neighbours", "test"] or 0) > 0.8
    assert value["majority", "test"] == pytest.approx(1 / 3)
    assert {a.said for a in runs["majority", "test"].answers} == {"NEV"}
    assert runs["majority", "test"].answers[0].confidence == pytest.approx(9 / 23)  # nevi of train and val
    assert all(run.baseline for run in told.runs) and runs["linear probe", "test"].notes[0].startswith("C = ")
    for (_, split), run in runs.items():
        assert {a.case for a in run.answers} == {
            f"pad_ufes_20/{label}{split}{i}" for label in COLOURS for i in range(COUNT[split] + (label == "NEV"))
        }
        assert all(sum((a.probability or {}).values()) == pytest.approx(1) for a in run.answers)


def test_labels_of_the_test_rows_change_no_answer(root: Path) -> None:
    """The rows reported take no part in fitting: with their labels shuffled the answers stay the same."""
    table = root / "pad_ufes_20" / "cases.csv"
    before, text = baselines("pad_ufes_20", root / "runs"), table.read_text()
    try:
        table.write_text("\n".join(_spoilt(line) for line in text.splitlines()) + "\n")
        after = baselines("pad_ufes_20", root / "runs")
    finally:
        table.write_text(text)
    for one, other in zip(before.runs, after.runs, strict=True):
        assert {a.case: a.probability for a in one.answers} == {a.case: a.probability for a in other.answers}
        assert one.notes == other.notes


def _spoilt(line: str) -> str:
    cells = line.split(",")
    return ",".join([*cells[:2], "NEV", *cells[3:]]) if cells[3] == "test" else line


def test_a_set_without_training_rows_has_no_baseline(tmp_path: Path) -> None:
    ddi(tmp_path / "ddi")
    told = baselines(f"ddi:{tmp_path / 'ddi'}", tmp_path / "runs", teacher=tmp_path)
    assert told.runs == () and told.left_out["linear probe"] == "the set has no training rows"
    assert told.left_out["fine-tuned teacher"] == "it has no labels of this set"


def test_a_teacher_that_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match="no teacher"):
        baselines("pad_ufes_20", root / "runs", teacher=tmp_path)


def test_the_teacher_answers_within_the_labels_of_the_set(root: Path, tmp_path: Path) -> None:
    """A teacher that was never trained: its weights are the published encoder's, its head is what chance made it."""
    from skingpt_r1.distill.data import spaces
    from skingpt_r1.models.teacher import Teacher
    from skingpt_r1.models.weights import save_tensors

    teacher = Teacher(len(spaces().labels))
    tensors = {name: parameter.detach().contiguous() for name, parameter in teacher.trained().items()}
    save_tensors(tmp_path / "best.safetensors", tensors)
    told = baselines("pad_ufes_20", root / "runs", teacher=tmp_path, limit=2, train_limit=3)
    (run,) = (r for r in told.runs if r.system == "fine-tuned teacher" and r.split == "test")
    assert len(run.answers) == 2 and not told.left_out.get("fine-tuned teacher")
    for answer in run.answers:
        assert set(answer.probability or {}) == set(run.labels) and answer.said in run.labels
        assert sum((answer.probability or {}).values()) == pytest.approx(1, abs=1e-5)


def test_the_commands(root: Path, tmp_path: Path) -> None:
    command = ["classify", "pad_ufes_20", "--systems", "skingpt/majority", "--out", str(tmp_path)]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0 and "skingpt/majority: 10 answered, 0 pending" in said.output, said.output
    (log,) = (tmp_path / "pad_ufes_20-test").glob("*.eval")
    assert read_eval_log(str(log), header_only=True).plan.config.temperature is None  # ours is greedy, as in diagnose
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, SkinGPTError) and "--resume" in str(again.exception)
    assert CliRunner().invoke(app, [*command, "--resume"]).exit_code == 0
    options = ["--out", str(tmp_path), "--runs", str(root / "runs")]
    said = CliRunner().invoke(app, ["classify-baselines", "pad_ufes_20", *options])
    assert said.exit_code == 0 and "left out: fine-tuned teacher" in said.output
    assert (tmp_path / "linear-probe.pad_ufes_20.test.answers.json").is_file()
    said = CliRunner().invoke(app, ["classify-table", str(tmp_path), "--out", str(tmp_path / "table")])
    assert said.exit_code == 0 and "PAD-UFES-20 (subset), test" in said.output, said.output
    text = (tmp_path / "table.md").read_text()
    assert (
        "skingpt/majority" in text
        and "| linear probe (C = " in text
        and "specificity at 90 % sensitivity" in text.replace("90%", "90 %")
    )
    assert (tmp_path / "table.json").is_file()


def test_what_was_written_is_read_back(root: Path, tmp_path: Path) -> None:
    told = baselines("pad_ufes_20", root / "runs", limit=2)
    paths = write_baselines(told, tmp_path)
    assert len(paths) == len(told.runs) == len(set(paths))
    assert {(r.system, r.split): r for r in runs_in([tmp_path])} == {(r.system, r.split): r for r in told.runs}
