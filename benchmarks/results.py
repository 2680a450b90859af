"""What every benchmark writes beside its figures."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent / "results"


def no_options(told: str | None) -> None:
    """For a script without options: --help tells what it does instead of doing it."""
    argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()


def keep(name: str, figures: dict[str, Any], of: str | None = None) -> Path:
    """Write results/NAME.json with where, when and how it was measured, or results/NAME_OF.json of one of several."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    told = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]  # no path of a machine
    about = {
        "command": " ".join(["python", "-m", f"benchmarks.{name}", *told]),
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}{f'_{of}' if of else ''}.json"
    path.write_text(json.dumps({**about, **figures}, indent=1) + "\n")
    return path


def processor() -> str:
    """Model name of the processor, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return names[0] if names else platform.processor()
