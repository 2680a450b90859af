"""Texts of anybody's file, row by row: JSON Lines, LLaMA-Factory (alpaca or ShareGPT) or chat messages, .gz or not.

A row that cannot be read becomes a `BadRow` and the others are still read. What bites: a "history" that is a list is
LLaMA-Factory's history of the chat, not the patient's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skingpt_r1.narrative.lint import Given
from skingpt_r1.records import Claim, Modality, SkinGPTError, read_history
from skingpt_r1.sources.rows import BadRow, json_rows

LONGEST_TEXT: Final = 1_000_000  # characters
TEXT_KEYS: Final = ("narrative", "text", "output", "response", "answer", "completion", "prediction")
TURN_KEYS: Final = ("conversations", "messages")
_WRITERS: Final = ("gpt", "assistant", "model", "bot")


@dataclass(frozen=True, slots=True)
class Entry:
    """One text with what its row tells of the case. id: the row's own, else "line 7"."""

    id: str
    text: str
    given: Given


class _Unreadable(Exception):
    """A row's fault, without its place."""


def read_texts(path: Path) -> Iterator[Entry | BadRow]:
    """The file's texts in order. Raises SkinGPTError where there is no file to read."""
    first_seen: dict[str, int] = {}
    n = 0
    try:
        for line, row in json_rows(path):
            n += 1
            if isinstance(row, BadRow):
                yield row
                continue
            try:
                name = _id(row, line)
                if name in first_seen:
                    raise _Unreadable(
                        f"the id {name[:60]!r} stood in line {first_seen[name]} already; give each its own"
                    )
                entries = _entries(name, row)
            except (_Unreadable, SkinGPTError) as error:
                yield BadRow(f"{path}:{line}: {str(error).rstrip('.')}.")
                continue
            first_seen[name] = line
            yield from entries
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SkinGPTError(f"{path}: cannot be read ({reason}); name a readable file.") from error
    if not n:
        yield BadRow(f"{path}: holds no rows; write one JSON object a line, or a JSON list.")


def _id(row: Any, line: int) -> str:
    if not isinstance(row, dict):
        raise _Unreadable(f'holds a {type(row).__name__}, not an object; write {{"id": ..., "narrative": ...}}')
    name = row.get("id", row.get("case_id"))
    if name is None:
        return f"line {line}"
    if isinstance(name, (str, int)) and str(name).strip():
        return str(name)
    raise _Unreadable("its id is neither text nor a number; give it one")


def _entries(name: str, row: dict[str, Any]) -> list[Entry]:
    texts = _texts(row)
    given = _given(row)
    for text in texts:
        if len(text) > LONGEST_TEXT:
            raise _Unreadable(f"its text has {len(text):,} characters, the limit is {LONGEST_TEXT:,}; cut it")
        if not text.strip():
            raise _Unreadable("its text is empty; fill it or leave the row out")
    return [Entry(name if len(texts) == 1 else f"{name}#{i}", text, given) for i, text in enumerate(texts, 1)]


def _texts(row: dict[str, Any]) -> list[str]:
    for key in TEXT_KEYS:
        if key in row:
            if not isinstance(row[key], str):
                raise _Unreadable(f"its {key!r} is no text; write a string")
            return [row[key]]
    for key in TURN_KEYS:
        if isinstance(row.get(key), list):
            found = [said for turn in row[key] if (said := _said(turn)) is not None]
            if not found:
                raise _Unreadable(
                    f"no turn of its {key!r} is the assistant's; add one from {' or '.join(_WRITERS[:2])}"
                )
            return found
    raise _Unreadable(f"has no text; use one of the keys {', '.join((*TEXT_KEYS, *TURN_KEYS))}")


def _said(turn: Any) -> str | None:
    """What the model says in a turn of ShareGPT ({from, value}) or of a chat ({role, content}), None for others."""
    if not isinstance(turn, dict) or str(turn.get("from", turn.get("role"))).lower() not in _WRITERS:
        return None
    content = turn.get("value", turn.get("content"))
    if isinstance(content, list):
        content = "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise _Unreadable("a turn of the assistant holds no text; write a string")
    return content


def _given(row: dict[str, Any]) -> Given:
    images = row.get("images")
    image = _first_text(
        row.get("image"), row.get("image_path"), images[0] if isinstance(images, list) and images else images
    )
    history = row.get("history")
    told = None
    if isinstance(history, dict):
        told = read_history([f"{key}={value}" for key, value in history.items() if value is not None])
    try:
        modality = Modality(row["modality"]) if row.get("modality") else None
    except ValueError:
        kinds = " or ".join(Modality)
        raise _Unreadable(f"its modality is {str(row['modality'])[:40]!r}; write {kinds}, or leave it out") from None
    try:
        measured = tuple(
            Claim(str(c), str(v), bool(rest[0]) if rest else True) for c, v, *rest in row.get("measured") or ()
        )
    except (TypeError, ValueError):
        raise _Unreadable('its "measured" is no list of [concept, value, polarity]') from None
    lesions = row.get("lesions")
    return Given(
        label=_first_text(row.get("label"), row.get("diagnosis")),
        image=image,
        history=told,
        modality=modality,
        measured=measured,
        lesions=lesions if isinstance(lesions, int) else None,
    )


def _first_text(*values: Any) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)
