"""The task as a system meets it, and what its log is read as."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("inspect_ai")

from inspect_ai.model import ChatMessage, ContentImage, ContentText, ModelOutput
from PIL import Image

from skingpt_r1.dermbench import protocol
from skingpt_r1.dermbench.classify.answers import State, read_run, write_run
from skingpt_r1.dermbench.classify.benchmark import OnSet
from skingpt_r1.dermbench.classify.logs import figures_of, run_of
from skingpt_r1.dermbench.classify.scoring import by_label, confidence_of
from skingpt_r1.dermbench.classify.sets import labelled_cases, malignant, training_cases
from skingpt_r1.dermbench.classify.table import runs_in, tabulate
from skingpt_r1.dermbench.classify.task import classify
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.records import CaseError, SkinGPTError
from skingpt_r1.sources import registry
from skingpt_r1.sources.published import LAYOUTS
from tests.dermbench.classified import output, public_set, run, saying
from tests.sources.pictures import lesion
from tests.sources.test_published import ddi

PAD = dict(label_set("pad_ufes_20").labels)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKINGPT_DATA", str(public_set(tmp_path / "data")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def _parts(messages: str | list[ChatMessage]) -> tuple[ContentImage, ContentText]:
    assert not isinstance(messages, str)
    (message,) = messages  # no system message
    image, text = message.content
    assert isinstance(image, ContentImage) and isinstance(text, ContentText)
    return image, text


def test_what_a_system_is_asked() -> None:
    task = classify("pad_ufes_20")
    assert len(task.dataset) == 8
    for sample in task.dataset:
        image, text = _parts(sample.input)
        assert text.text == protocol.question(list(PAD))
        told = sample.metadata or {}
        assert Path(image.image).is_file() and told["image"] == image.image and told["labels"] == list(PAD)
        assert told["history"] == {} and told["source"] == "pad_ufes_20" and told["modality"] == "clinical"
    (first,) = (s for s in task.dataset if s.id == "pad_ufes_20/case0")
    assert first.target == "BCC" and first.metadata is not None
    assert {k: first.metadata[k] for k in ("diagnosis", "label", "group", "skin_type", "age", "sex", "site")} == {
        "diagnosis": "basal cell carcinoma", "label": "BCC", "group": "P1",
        "skin_type": 2, "age": 60.0, "sex": "female", "site": "forearm",
    }  # fmt: skip
    assert first.metadata["category"] == "keratinocytic, malignant suspected"
    assert task.config.temperature is None  # how it is sampled is the system's affair: ours is greedy


def test_history_is_told_where_it_is_asked_for() -> None:
    (first,) = (s for s in classify("pad_ufes_20", history=True).dataset if s.id == "pad_ufes_20/case0")
    asked = protocol.asked(_parts(first.input)[1].text)
    assert first.metadata is not None and asked.history.known() == first.metadata["history"]
    assert asked.history.age == 60 and asked.history.itch is True


def test_a_blind_picture_holds_one_colour(tmp_path: Path) -> None:
    colours: list[Any] = []

    def look(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        image, text = _parts(messages)
        assert text.text == protocol.question(list(PAD))
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.image.partition(",")[2]))))
        assert pixels.shape == (64, 64, 3) and len(np.unique(pixels.reshape(-1, 3), axis=0)) == 1
        colours.append(pixels[0, 0].astype(int))
        return output("It is grey.\nFinal label: NEV")

    log = run(classify("pad_ufes_20", blind=True), saying(look), tmp_path)
    assert run_of(log).baseline and len(colours) == 8
    told = registry.data_root(None) / "pad_ufes_20" / "images"
    means = [np.asarray(Image.open(told / f"{i}.png")).reshape(-1, 3).mean(0) for i in range(8)]
    assert all(min(np.abs(mean - seen).max() for seen in colours) <= 1 for mean in means)


def test_a_limit_takes_the_same_rows_every_time() -> None:
    ids = [s.id for s in classify("pad_ufes_20", limit=3).dataset]
    assert len(ids) == 3 and ids == [s.id for s in classify("pad_ufes_20").dataset][:3]


def test_a_folder_in_a_published_layout(tmp_path: Path) -> None:
    ddi(tmp_path / "ddi")
    task = classify(f"ddi/malignant:{tmp_path / 'ddi'}")
    told = {s.target: s.metadata for s in task.dataset}
    assert told["malignant"] is not None and told["malignant"]["labels"] == ["benign", "malignant"]
    assert told["malignant"]["skin_type"] == "V-VI" and told["malignant"]["source"] == "ddi/malignant"
    assert malignant({"benign": None, "malignant": None}) == {"benign": False, "malignant": True}


def test_the_documentation_names_every_layout_figure_and_option() -> None:
    text = (Path(__file__).parents[2] / "docs" / "classification.md").read_text(encoding="utf-8")
    for name in (*LAYOUTS, "table", *registry.SOURCES):
        assert f"`{name}`" in text or name == "ham10000_hires", name
    for name in ("balanced accuracy", "macro F1", "AUROC", "sensitivity", "calibration error", "Brier", "AURC"):
        assert f"| {name}" in text or f"{name}," in text, name
    wanted = re.findall(r"skingpt bench (\S+)", text)
    assert set(wanted) == {"classify", "classify-baselines", "classify-table"}
    assert {f"--{n.replace('_', '-')}" for n in ("history", "open_ended", "split", "judge")} <= set(
        re.findall(r"--[a-z-]+", text)
    )


def test_what_cannot_be_tested(tmp_path: Path) -> None:
    for source, split, said in (
        ("pad_ufes_20", "train", "tested on test"),
        ("shoes", "test", "is no set .*no LAYOUT:FOLDER"),
        (f"ddi:{tmp_path}/gone", "test", "no such folder"),
        ("isic2017", "test", "cannot be read"),
    ):
        with pytest.raises(SkinGPTError, match=said):
            labelled_cases(source, split)


def test_val_rows_that_touch_a_test_row_are_left_out(tmp_path: Path) -> None:
    """case9 is val; once its patient has a test row too, nothing of split val is left."""
    assert [c.id for c in labelled_cases("pad_ufes_20", "val", runs=tmp_path / "runs").cases] == ["case9"]
    table = tmp_path / "data" / "pad_ufes_20" / "cases.csv"
    table.write_text(table.read_text().replace(",P9,", ",P7,"))
    with pytest.raises(SkinGPTError, match="no labelled row of split 'val'"):
        labelled_cases("pad_ufes_20", "val", runs=tmp_path / "runs")


def _number(image: ContentImage) -> int:
    """Which row's picture it is; a provider is handed its bytes, no file name."""
    pixels = base64.b64decode(image.image.partition(",")[2])
    return next(
        i for i in range(8) if (registry.data_root(None) / f"pad_ufes_20/images/{i}.png").read_bytes() == pixels
    )


def _system(messages: list[ChatMessage], *_: Any) -> ModelOutput:
    """Answers by the picture's number: right, wrong, unreadable, silent, broken."""
    image, text = _parts(messages)
    labels = protocol.asked(text.text).labels or ()
    number = _number(image)
    shares = dict.fromkeys(PAD.values(), 0.02)
    said = {0: "BCC", 1: "MEL", 2: "MEL", 3: "NEV", 4: "a mole"}.get(number)
    if number == 5:
        return output("  ")
    if number == 6:
        raise RuntimeError("429: too many requests")
    assert said is None or said not in PAD or said in labels
    told = shares | {PAD.get(said or "SCC", "melanocytic nevus"): 0.9}
    return output(
        f"It is clear.\nFinal label: {said or 'SCC'}", label_probability=told, confidence=0.9, abstained=False
    )


def test_words_of_refusal_before_a_label_are_no_refusal(tmp_path: Path) -> None:
    def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        last = "Final label: NEV" if _number(_parts(messages)[0]) else "I will not name one."
        return output(f"I cannot see a pigment network.\n{last}")

    told = run_of(run(classify("pad_ufes_20", as_file=True), saying(answer), tmp_path)).answers
    assert [a.case for a in told if a.state is State.FAILED] == ["pad_ufes_20/case0"]
    assert {a.said for a in told if a.state is State.ANSWERED} == {"NEV"}


def test_the_way_of_asking_is_told_in_the_name(tmp_path: Path) -> None:
    told = run(
        classify("pad_ufes_20", limit=1, history=True), saying([output("x")]), tmp_path, metadata={"system": "s"}
    )
    assert run_of(told).system == "s (history)"
    told = run(classify("pad_ufes_20", limit=1, open_ended=True), saying([output("x")]), tmp_path)
    assert run_of(told).system == "mockllm/model (open-ended)"


def test_a_run_depends_on_its_rows_labels_and_pictures(root: Path) -> None:
    before = OnSet("pad_ufes_20").settings()
    assert OnSet("pad_ufes_20").settings() == before != OnSet("pad_ufes_20", limit=3).settings()
    table = root / "data/pad_ufes_20/cases.csv"
    told = table.read_text()
    table.write_text(told.replace("images/2.png,MEL", "images/2.png,NEV"))
    assert OnSet("pad_ufes_20").settings() != before
    table.write_text(told)
    (root / "data/pad_ufes_20/images/2.png").write_bytes((root / "data/pad_ufes_20/images/3.png").read_bytes())
    assert OnSet("pad_ufes_20").settings() != before


def test_nothing_is_fitted_on_a_patient_of_the_test_rows(tmp_path: Path) -> None:
    rows = [("A", "train"), ("A", "test"), ("B", "train"), ("C", "val"), ("A", "val"), ("D", "test")]
    (tmp_path / "images").mkdir()
    lines = ["image_id,file,label,split,patient_or_lesion_id"]
    for i, (patient, split) in enumerate(rows):
        lesion(i, (64, 64)).save(tmp_path / "images" / f"{i}.png")
        lines.append(f"{i},images/{i}.png,nevus,{split},{patient}")
    (tmp_path / "cases.csv").write_text("\n".join(lines) + "\n")
    known = training_cases(f"table:{tmp_path / 'cases.csv'}", tmp_path)
    assert {split: [case.id for case in cases] for split, cases in known.items()} == {"train": ["2"], "val": ["3"]}
    assert [c.id for c in labelled_cases(f"table:{tmp_path / 'cases.csv'}", "val").cases] == ["3"]


def test_every_case_is_accounted_for(tmp_path: Path) -> None:
    log = run(classify("pad_ufes_20", as_file=True), saying(_system), tmp_path)
    told = run_of(log)
    state = {answer.case.removeprefix("pad_ufes_20/case"): answer for answer in told.answers}
    assert {n: a.state for n, a in state.items()} == {
        **dict.fromkeys("01237", State.ANSWERED), "4": State.UNREADABLE, "5": State.FAILED, "6": State.FAILED,
    }  # fmt: skip
    assert (state["1"].truth, state["1"].said, state["1"].right, state["1"].group) == ("BCC", "MEL", False, "P1")
    assert "429" in state["6"].reason and "the system gave no answer" in state["5"].reason
    assert state["0"].probability == pytest.approx(dict.fromkeys(PAD, 0.02) | {"BCC": 0.9})
    assert state["0"].described["skin_type"] == 2 and "skin_type" not in state["4"].described
    found = figures_of(log)
    assert found.states == {"answered": 5, "unreadable": 1, "failed": 2, "pending": 0} and found.expected == 8
    assert found.found["accuracy"].value == 4 / 8 and found.found["accuracy_answered"].value == 4 / 6
    # recalls: ACK 0, BCC 1/2, MEL 1, NEV 1/2, SCC 1, SEK 0; of answered: BCC 1/2, MEL 1, NEV 1/2, SCC 1
    assert found.found["balanced_accuracy"].value == pytest.approx(3 / 6)
    assert found.found["balanced_accuracy_answered"].value == pytest.approx(3 / 4)
    # malignant by the table: BCC, MEL, SCC (4 cases, all called so); of the 4 others one nevus was cleared
    assert found.found["sensitivity"].value == 1 and found.found["specificity"].value == 1 / 4
    assert found.found["calibration_error"].value == pytest.approx(abs(0.9 - 4 / 5))
    assert "specificity_at" in found.why and found.chance == pytest.approx(1 / 6)
    write_run(tmp_path / "logs" / "a.answers.json", dataclasses.replace(told, system="kept"))
    assert read_run(tmp_path / "logs" / "a.answers.json") == dataclasses.replace(told, system="kept")
    kept, logged = runs_in([tmp_path / "logs"])  # files of answers and logs lie in one folder
    assert kept.answers == logged.answers and logged == told and logged.system == "mockllm/model"
    assert [row.system for row in tabulate([kept, logged])] == ["kept", "mockllm/model"]
    # stopped half-way: the log knows the ids of what was not asked yet
    assert log.samples is not None
    log.samples = [s for s in log.samples if s.id not in ("pad_ufes_20/case0", "pad_ufes_20/case5")]
    left = figures_of(log)
    assert left.states["pending"] == 2 and left.expected == 8
    assert left.found["accuracy"].value == 3 / 8 and left.found["accuracy_answered"].value == 3 / 5


def test_what_is_no_run(tmp_path: Path) -> None:
    for text in ("", "{}", '{"kind": "skingpt-r1 answers, classification"}', "[1]"):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(CaseError, match=r"b\.json: holds no answers"):
            read_run(tmp_path / "b.json")


LABELS: dict[str, str | None] = {"nv": "melanocytic nevus", "mel": "melanoma", "other": None}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"melanocytic nevus": 0.6, "melanoma": 0.4}, {"nv": 0.6, "mel": 0.4, "other": 0.0}),
        ({"melanocytic nevus": 0.5, "dysplastic nevus": 0.1, "melanoma": 0.4}, {"nv": 0.6, "mel": 0.4, "other": 0.0}),
        ({"nv": 0.6, "mel": 0.3, "other": 0.1}, {"nv": 0.6, "mel": 0.3, "other": 0.1}),
        ({"melanocytic nevus": 0.6}, None),
        ({"melanocytic nevus": 0.6, "acne": 0.4}, None),
        ({"nv": 1.6, "mel": -0.6}, None),
        ({"nv": float("nan"), "mel": 1.0}, None),
        ({"nv": "1"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_probabilities_are_never_invented(told: Any, expected: Any) -> None:
    shares = by_label({"label_probability": told}, LABELS)
    assert shares == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("told", "expected"), [(0.5, 0.5), (1, 1.0), (True, None), (1.2, None), ("1", None), (None, None)]
)
def test_confidence_is_a_share(told: Any, expected: float | None) -> None:
    assert confidence_of({"confidence": told}) == expected
    assert confidence_of({"confidence": float("nan")}) is None and confidence_of(None) is None


def test_several_diagnoses_of_one_label_add_up() -> None:
    labels: dict[str, str | None] = dict(label_set("ham10000").labels)
    shares = dict.fromkeys(labels.values(), 0.0) | {
        "seborrheic keratosis": 0.3,
        "benign keratosis": 0.2,
        "melanoma": 0.5,
    }
    told = by_label({"label_probability": shares}, labels)
    assert told is not None and told["bkl"] == pytest.approx(0.5) and told["mel"] == pytest.approx(0.5)
