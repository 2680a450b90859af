"""Rows of anybody's JSON Lines or JSON list, .gz or not, one at a time, whatever ails one of them.

A row that cannot be read becomes a `BadRow` and the others are still read; a line of hundreds of megabytes is skipped
in pieces. What bites: a JSON list ends at its first malformed row, because nobody can tell where the next one starts.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

LONGEST_LINE: Final = 8 * 1024 * 1024  # bytes
LONGEST_LIST: Final = 1024 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a row was left out; says file, line and remedy."""

    message: str


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, parsed row or BadRow) of JSON Lines or a JSON list, .gz or not."""
    with path.open("rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if head[:2] == b"\x1f\x8b" else raw  # type: ignore[assignment]
        start = stream.read(64)
        stream.seek(0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            yield 1, BadRow(f"{path}:1: is UTF-16; convert it (iconv -f UTF-16 -t UTF-8).")
        elif start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            yield from _listed(path, stream)
        else:
            yield from _lined(path, stream)


def _lined(path: Path, stream: IO[bytes]) -> Iterator[tuple[int, Any]]:
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            size = len(line)
            while (more := stream.readline(LONGEST_LINE)) and (size := size + len(more)) and not more.endswith(b"\n"):
                pass
            limit = f"{LONGEST_LINE // 2**20} MB"
            yield (
                number,
                BadRow(f"{path}:{number}: {size / 2**20:.0f} MB long, the limit is {limit}; cut it or leave it out."),
            )
            continue
        if not line.strip():
            continue
        try:
            yield number, json.loads(line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").decode("utf-8"))
        except UnicodeDecodeError:
            yield number, BadRow(f"{path}:{number}: is not UTF-8; convert it (iconv -f LATIN1 -t UTF-8).")
        except (ValueError, RecursionError) as error:
            if number == 1 and line.strip() == b"{":
                yield 1, BadRow(f"{path}:1: one JSON object over several lines; write each object on one line.")
                return
            yield number, BadRow(f"{path}:{number}: malformed JSON ({_short(error)}); mend or delete this line.")


def _listed(path: Path, stream: IO[bytes]) -> Iterator[tuple[int, Any]]:
    content = stream.read(LONGEST_LIST + 1)
    if len(content) > LONGEST_LIST:
        yield 1, BadRow(f"{path}:1: a JSON list over {LONGEST_LIST // 2**20} MB; write JSON Lines instead.")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        yield line, BadRow(f"{path}:{line}: is not UTF-8; convert the file (iconv -f LATIN1 -t UTF-8).")
        return
    decoder = json.JSONDecoder()
    position, line, counted = text.index("[") + 1, 1, 0
    while True:
        position = _skip(text, position)
        line, counted = line + text.count("\n", counted, position), position
        if text[position : position + 1] == "]":
            return
        try:
            row, position = decoder.raw_decode(text, position)
            end = _skip(text, position)
            if text[end : end + 1] not in (",", "]"):
                raise json.JSONDecodeError("expecting ',' or ']'", text, end)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", line)
            yield line, BadRow(f"{path}:{line}: malformed JSON ({_short(error)}); mend it, the rest was not read.")
            return
        yield line, row
        position = end + (text[end] == ",")


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n"):
        position += 1
    return position


def _short(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))[:80]
