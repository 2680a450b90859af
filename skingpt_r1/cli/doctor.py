"""`skingpt doctor`: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.records import SkinGPTError


def doctor(
    prepare: Annotated[bool, typer.Option(help="Fetch and convert missing weights now.")] = True,
) -> None:
    """Check Python, packages, weights, adapters and data; exit 1 if the main job cannot run."""
    import torch

    from skingpt_r1.models import precision, weights
    from skingpt_r1.models.diagnose import ADAPTERS
    from skingpt_r1.sources.registry import available
    from skingpt_r1.sources.streams import cache_dir

    rows: list[tuple[str, str, bool]] = [("python", platform.python_version(), True)]
    for package in ("torch", "transformers", "peft", "pillow"):
        rows.append((package, importlib.metadata.version(package), True))
    rows.append(("threads", str(torch.get_num_threads()), True))
    rows.append(("precision", str(precision.compute_dtype()), True))
    try:
        if prepare:
            weights.prepare()
        rows.append(("weights", str(cache_dir()), weights.ready()))
    except SkinGPTError as error:
        rows.append(("weights", str(error), False))
    for name in ("writer", "segmenter", "concepts"):
        path = ADAPTERS / f"{name}.safetensors"
        size = f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "missing: reinstall the package"
        rows.append((f"adapter {name}", size, path.exists()))
    try:
        rows.append(("open data", ", ".join(s.name for s in available()), True))
    except SkinGPTError:
        rows.append(("open data", "none found (needed for training, bench, trust and ablate)", True))
    table = Table("what", "found", "", title="skingpt doctor")
    for what, found, good in rows:
        table.add_row(what, found, "ok" if good else "PROBLEM")
    Console().print(table)
    if not all(good for _, _, good in rows):
        raise typer.Exit(1)
