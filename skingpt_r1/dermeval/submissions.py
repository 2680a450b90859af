"""Narratives to judge out of JSON Lines, {id, image, text} and perhaps a history; or out of a built corpus.

Every row gives exactly one submission or refusal, in order, so that a run can be resumed by counting. Pictures are
looked for beside the file; nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skingpt_r1.dermeval.judging import Submission
from skingpt_r1.records import CaseError, History, SkinGPTError, read_history
from skingpt_r1.sources.rows import BadRow, json_rows


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no submission. id: its own, or "line 7". reason: one sentence."""

    id: str
    reason: str


def read_submissions(path: Path) -> Iterator[Submission | Refused]:
    """The rows of a file. Raises SkinGPTError where there is no file to read, or none in it."""
    seen: dict[str, int] = {}
    line = 0
    try:
        for line, row in json_rows(path):
            name = f"line {line}"
            try:
                name = _name(row)
                if name in seen:
                    raise CaseError(f"the id {name[:60]!r} stood in line {seen[name]} already.")
                seen[name] = line
                yield _submission(name, row, path.parent)
            except CaseError as error:
                yield Refused(name, str(error))
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SkinGPTError(f"{path}: cannot be read ({reason}); name a readable file.") from error
    if not line:
        raise SkinGPTError(f"{path}: holds no rows; write one JSON object a line: id, image, text.")


def history_of(given: Any) -> History:
    """The history of a parsed row. Raises CaseError, one sentence, on what is none."""
    if given is None:
        return History()
    if not isinstance(given, Mapping):
        raise CaseError(f"its history is a {type(given).__name__}, not an object such as {{'age': 63}}.")
    try:
        return read_history([f"{key}={value}" for key, value in given.items() if value is not None])
    except CaseError as error:
        raise CaseError(f"its history: {str(error).removeprefix('--history ')}") from None


def _name(row: Any) -> str:
    """The id; of a corpus, "dataset/id"."""
    if isinstance(row, BadRow):
        raise CaseError(row.message)
    if not isinstance(row, dict):
        raise CaseError(f"holds a {type(row).__name__}, not an object with id, image and text.")
    case = row.get("case")
    name = f"{case.get('dataset')}/{case.get('id')}" if isinstance(case, dict) else row.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        raise CaseError(f"has no id{_instead(row)}.")
    return str(name)


def _submission(name: str, row: dict[str, Any], folder: Path) -> Submission:
    case = row.get("case")
    image = case.get("image") if isinstance(case, dict) else row.get("image")
    if not isinstance(image, str) or not image.strip():
        raise CaseError(f"has no image{_instead(row)}.")
    if not isinstance(row.get("text"), str):
        raise CaseError(f"has no text{_instead(row)}.")
    beside = folder / image
    elsewhere = isinstance(case, dict) and not beside.exists()  # a corpus names its pictures as the build was told
    return Submission(name, Path(image) if elsewhere else beside, row["text"], history_of(row.get("history")))


def _instead(row: dict[str, Any]) -> str:
    return f"; its keys are {', '.join(sorted(row))[:120]}" if row else "; it is empty"
