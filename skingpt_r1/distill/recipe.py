"""Dual distillation from start to shipped adapter: look, name, write, in one resumable run folder.

runs/writer/look   visual branch towards the teacher's embedding
runs/writer/name   soft words towards word embeddings
runs/writer/write  the published joint objective
runs/writer/writer.safetensors   what ships
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps
from skingpt_r1.distill.lessons import Lessons, Unargued
from skingpt_r1.distill.look import look, teacher_embeddings
from skingpt_r1.distill.name import name
from skingpt_r1.distill.run import data_hash
from skingpt_r1.distill.write import write
from skingpt_r1.models.embedded import Embedded, adapter_tensors, load_adapter
from skingpt_r1.models.teacher import Teacher
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import sha256_of

log = logging.getLogger(__name__)
Taught = tuple[tuple[LabelledMaps, Lessons], tuple[LabelledMaps, Lessons]]  # of train, and of val


def saved_teacher(folder: Path, columns: int) -> Teacher:
    """The fine-tuned teacher of a run folder. Raises SkinGPTError where there is none."""
    path = _teacher_of(folder)
    teacher = Teacher(columns)
    parameters = teacher.trained()
    with torch.no_grad():
        for key, value in load_file(path).items():
            parameters[key].copy_(value)
    return teacher.eval()


def teacher_digest(folder: Path) -> str:
    """Short digest of a run folder's teacher. Raises SkinGPTError where there is none."""
    return sha256_of(_teacher_of(folder))[:16]


def _teacher_of(folder: Path) -> Path:
    path = folder / "best.safetensors"
    if not path.exists():
        raise SkinGPTError(f"{path}: no teacher. Train it first: skingpt train teacher.")
    return path


def distil(
    config: DistillConfig,
    teacher: Teacher,
    seen: tuple[LabelledMaps, LabelledMaps],
    taught: Taught,
    out: Path,
    resume: bool,
) -> Embedded:
    """All phases; a finished phase is read back. Writes `writer.safetensors` and returns the model.

    seen: all rows of train and val, for the visual phase. taught: the rows that have narratives, with them.
    """
    torch.manual_seed(config.seed)
    model = Embedded(language=config.language, use_bias=config.bias, rank=config.rank)
    if config.visual:
        look(config, model, teacher, *seen, out / "look", resume)
    if config.language:
        (rows, lessons), val = taught if config.claims else without_claims(taught)
        name(config, model, rows, lessons, val, out / "name", resume)
        target = teacher_embeddings(teacher, rows) if config.visual else None
        write(config, model, target, rows, lessons, val, out / "write", resume)
    return _finished(model, config, seen[0], out)


def teach(
    config: DistillConfig,
    start: Path,
    taught: Taught,
    out: Path,
    resume: bool,
    anew: bool = False,
) -> Embedded:
    """The third phase alone, from the finished adapters in `start`: another corpus, and no teacher to follow.

    anew: what `start` has learned to say is forgotten; what it sees is taken, and stays as it is.
    Writes `writer.safetensors` and returns the model. Raises SkinGPTError where `start` holds no adapters.
    """
    torch.manual_seed(config.seed)
    config = replace(config, visual=False, write_sees=config.write_sees and not anew)
    model = Embedded(use_bias=config.bias, rank=config.rank)
    load_adapter(model, start / "writer.safetensors", sight_only=anew)
    (rows, lessons), val = taught if config.claims else without_claims(taught)
    write(config, model, None, rows, lessons, val, out / "write", resume)
    return _finished(model, config, rows, out)


def without_claims(taught: Taught) -> Taught:
    """The same lessons without what is seen."""
    (train, lessons), (val, others) = taught
    return (train, Unargued(lessons)), (val, Unargued(others))


def _finished(model: Embedded, config: DistillConfig, data: LabelledMaps, out: Path) -> Embedded:
    if not (config.bias and config.language and config.write_steps):  # never trained, it would add noise
        torch.nn.init.zeros_(model.vocabulary.up.weight)
    metadata = {
        "data": data_hash(data.cases),
        "config": repr(config),
        "kind": "skingpt-r1 writer, embedded",
    }
    save_tensors(out / "writer.safetensors", adapter_tensors(model), metadata)
    log.info("wrote %s", out / "writer.safetensors")
    return model.eval()
