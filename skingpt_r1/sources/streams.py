"""Cases and other records as JSON Lines files, written so that a reader never sees half a file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from skingpt_r1.records import SCHEMA_VERSION, Case, CaseError, History, Modality, to_json


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A stream whose text replaces the file once the block is left without an error; until then nobody sees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which appears under its name once the block is left without an error, and never in part."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))  # each maker's own
    try:
        yield partial
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing: to a neighbour first, then renamed over the target."""
    with replacing(path) as stream:
        stream.write(text)


def write_jsonl(path: Path, records: Iterable[Any]) -> None:
    """One line a record (any of records.py), replacing the file as a whole."""
    write_text(path, "".join(to_json(record) + "\n" for record in records))


def read_cases(path: Path) -> list[Case]:
    """Cases that write_jsonl wrote. Raises CaseError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: cannot be read as JSON Lines ({error}).") from error
    cases: list[Case] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CaseError(f"{path}:{number}: not a case ({error}); write it with write_jsonl.") from error
    return cases


def _case(fields: dict[str, Any]) -> Case:
    if (version := fields.pop("schema")) != SCHEMA_VERSION:
        raise ValueError(f"schema {version}, this program reads {SCHEMA_VERSION}")
    return case_of(fields)


def case_of(fields: dict[str, Any]) -> Case:
    """A case from its parsed JSON. Raises TypeError, KeyError or ValueError where it is none."""
    case = Case(**fields)
    concepts = None if case.concepts is None else tuple(case.concepts)
    history = History(**fields["history"])
    return dataclasses.replace(case, modality=Modality(case.modality), history=history, concepts=concepts)


def picture_of(corpus: Path, image: str) -> Path:
    """Where the picture of an entry is: below the corpus folder, or as written (seen from the working folder)."""
    inside = corpus / image
    return inside if not Path(image).is_absolute() and inside.exists() else Path(image)


def cache_dir() -> Path:
    """Where downloads, converted weights and hashes are kept: $XDG_CACHE_HOME or ~/.cache, then skingpt-r1."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "skingpt-r1"
