"""A small public set for tests, and real runs of the task on it with a model that says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from tests.sources.pictures import lesion

ROWS = (  # label, split, patient, age, sex, skin type
    ("BCC", "test", "P1", "60", "FEMALE", "2"),
    ("BCC", "test", "P1", "60", "FEMALE", "2"),
    ("MEL", "test", "P2", "41", "MALE", "3"),
    ("NEV", "test", "P3", "20", "MALE", ""),
    ("NEV", "test", "P4", "", "", ""),
    ("SEK", "test", "P5", "70", "", ""),
    ("ACK", "test", "P6", "71", "", ""),
    ("SCC", "test", "P7", "80", "", ""),
    ("NEV", "train", "P8", "30", "", ""),
    ("MEL", "val", "P9", "30", "", ""),
)


def public_set(root: Path) -> Path:
    """A data root with pad_ufes_20 in it."""
    folder = root / "pad_ufes_20"
    (folder / "images").mkdir(parents=True)
    lines = ["image_id,file,label,split,patient_or_lesion_id,age,sex,site,skin_type,itch"]
    for i, (label, split, patient, age, sex, skin_type) in enumerate(ROWS):
        lesion(i, (64, 64)).save(folder / "images" / f"{i}.png")
        lines.append(f"case{i},images/{i}.png,{label},{split},{patient},{age},{sex},FOREARM,{skin_type},True")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return root


def output(text: str, **metadata: Any) -> ModelOutput:
    """One answer of a system, with what it tells beside it."""
    told = ModelOutput.from_content("mockllm/model", text)
    told.usage = ModelUsage()  # else the tokens are counted, for which a table is fetched
    told.metadata = metadata or None
    return told


def saying(answer: Callable[..., ModelOutput] | Sequence[ModelOutput]) -> Model:
    """A model that gives these answers in order, or what a function of its input gives."""
    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def run(task: Task, model: Model, folder: Path, **more: Any) -> EvalLog:
    """A whole evaluation."""
    (log,) = evaluate(task, model=model, log_dir=str(folder / "logs"), display="none", max_samples=1, **more)
    assert log.status == "success", log.error
    return log
