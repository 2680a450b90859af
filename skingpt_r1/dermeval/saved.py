"""The evaluator's file: LoRA, the diagnosis head and the first look in safetensors, and what they were made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from skingpt_r1.dermeval.firstlook import FirstLook
from skingpt_r1.dermeval.naming import Naming
from skingpt_r1.dermeval.reader import Reader, Senses
from skingpt_r1.models.language import EMBEDDED
from skingpt_r1.models.precision import STORED_ADAPTER
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import SkinGPTError

SHIPPED: Final = "dermeval.safetensors"
MARGINS: Final = "dermeval.json"


def save(reader: Reader, naming: Naming, path: Path, metadata: Mapping[str, Any]) -> None:
    """One file: LoRA, the diagnosis head, the first look, and as metadata what it was made of."""
    tensors = {f"language.{n}": p.detach().to(STORED_ADAPTER) for n, p in reader.trained().items()}
    tensors |= {f"naming.{n}": t.to(STORED_ADAPTER) for n, t in naming.tensors.items()}
    told = {"kind": f"skingpt-r1 dermeval, {Path(reader.language.name).name}", "names": json.dumps(naming.names)}
    if reader.first is not None:
        tensors |= {f"first.{n}": t for n, t in reader.first.tensors.items()}
    told |= {"senses": json.dumps(asdict(reader.senses))}
    told |= {"counts": json.dumps(reader.first.names if reader.first is not None else None)}
    told |= {"backbone": reader.language.name, "weights": reader.language.digest}
    save_tensors(path, tensors, told | {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})


def load(path: Path, backbone: str | None = None) -> tuple[Reader, Naming, dict[str, str]]:
    """What `save` wrote, ready to judge. backbone: where the one that it was trained on is now, None: where it was.

    Raises SkinGPTError on a file that is no evaluator, and on a backbone that is missing or another one.
    """
    tensors, metadata = _read(path)
    try:
        senses, names = Senses(**json.loads(metadata["senses"])), json.loads(metadata["names"])
        naming = Naming(names, _part(tensors, "naming."))
        counts = json.loads(metadata.get("counts", "null"))
        first = None if counts is None else FirstLook(counts, _part(tensors, "first."))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from error
    reader = _reader(path, senses, metadata, backbone)
    reader.first = first
    _fill(reader, tensors, path)
    reader.language.merge()
    return reader.eval(), naming, metadata


def made_of(path: Path) -> dict[str, str]:
    """The metadata of an evaluator's file. Raises SkinGPTError."""
    return _read(path)[1]


def load_adapters(path: Path, reader: Reader) -> None:
    """Put the LoRA of an evaluator's file into a reader, to train it on. Raises SkinGPTError."""
    _fill(reader, _read(path)[0], path)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SkinGPTError:
    remedy = "Train one (skingpt dermeval train) and name its folder: --evaluator runs/dermeval."
    return SkinGPTError(f"{path}: no readable evaluator ({error!r}). {remedy}")


def _fill(reader: Reader, tensors: Mapping[str, Tensor], path: Path) -> None:
    parameters = reader.trained()
    wrong = {f"language.{n}" for n in parameters} ^ {n for n in tensors if n.startswith("language.")}
    if wrong:
        raise SkinGPTError(f"{path}: {len(wrong)} tensors do not fit, first: {min(wrong)}. It is of another version.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"language.{name}"])


def _part(tensors: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    """The tensors of one part of a file, by their names in it."""
    return {name.removeprefix(head): tensor for name, tensor in tensors.items() if name.startswith(head)}


def _reader(path: Path, senses: Senses, metadata: Mapping[str, str], backbone: str | None) -> Reader:
    """On the backbone that the file belongs to; one that names none is of the embedded one."""
    named = metadata.get("backbone", EMBEDDED)
    try:
        reader = Reader(senses, backbone or named)
    except SkinGPTError as error:
        raise SkinGPTError(f"{path}: belongs to the backbone {named}, which is not to be had. {error}") from error
    if reader.language.digest != metadata.get("weights", ""):
        raise SkinGPTError(
            f"{path}: belongs to the backbone {named}; {reader.language.name} is another one, or its weights have "
            "changed. Name the folder of the one that it was trained on (--backbone FOLDER), or train it again."
        )
    return reader
