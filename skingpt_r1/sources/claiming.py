"""What a resumable run depends on, in a file beside its output: another run's output is never gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text


def claim(out: Path, settings: Path, mine: Mapping[str, Any], resume: bool, *, holds: str, another: str) -> None:
    """Write `settings`, or go on where they are the same. Raises SkinGPTError where `out` is another run's.

    holds: what is there already ("a corpus"). another: what to name instead ("folder").
    """
    if not settings.exists():
        try:
            write_text(settings, json.dumps(mine, indent=1) + "\n")
        except OSError as error:
            raise SkinGPTError(f"{out}: cannot be written ({error.strerror}); name another {another}.") from error
        return
    if not resume:
        raise SkinGPTError(f"{out}: holds {holds} already; go on with --resume, or name another {another}.")
    theirs = _kept(settings, another)
    if theirs != mine:
        other = ", ".join(name for name in mine if mine[name] != theirs.get(name))
        raise SkinGPTError(f"{out}: was begun with another {other}; name another {another}.")


def _kept(path: Path, another: str) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SkinGPTError(f"{path}: is damaged ({error}); name another {another}.") from error
    if not isinstance(kept, dict):
        raise SkinGPTError(f"{path}: holds no settings of a run; name another {another}.")
    return kept
