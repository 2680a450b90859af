"""Narratives by others as JSON Lines, a line at a time: what each concludes with, and what is wrong with a line.

A line that cannot be used is told and skipped; the others are done. No more than one line is held in memory, and of a
line that is too long not even that.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from skingpt_r1.knowledge.conclusion import Conclusion, conclude
from skingpt_r1.records import SkinGPTError

LONGEST_LINE: Final = 1_000_000  # bytes; the longest certified narrative that we know has 10,000
_PIECE: Final = 1 << 20  # bytes read at once of a line that is only skipped
_OTHER_ENCODINGS: Final = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Extracted:
    """One line of the output."""

    id: str | int
    conclusion: Conclusion

    def to_json(self) -> str:
        """{"id", "diagnosis", "span"}, and "reason" where there is no diagnosis."""
        found = self.conclusion
        line = {"id": self.id, "diagnosis": found.diagnosis, "span": list(found.span) if found.span else None}
        if found.diagnosis is None:
            line["reason"] = found.reason
        text = json.dumps(line, ensure_ascii=False)
        return text if text.isprintable() else json.dumps(line)  # half of a character pair cannot be written as it is


def extract(path: Path, complain: Callable[[str], None]) -> Iterator[Extracted]:
    """The conclusions of a file, in its order; complain gets one sentence for each line that is left out.

    Raises SkinGPTError where the file as a whole cannot be read or holds no line.
    """
    seen: dict[str | int, int] = {}
    empty = True
    for number, raw in _lines(path):
        if raw is not None and not raw.strip():
            continue
        empty = False
        try:
            key, narrative = _fields(raw)
            if key in seen:
                raise SkinGPTError(
                    f"the id {key!r} stands on line {seen[key]} already. Give each narrative its own id."
                )
        except SkinGPTError as error:
            complain(f"{path}:{number}: {error}")
            continue
        seen[key] = number
        yield Extracted(key, conclude(narrative))
    if empty:
        raise SkinGPTError(f'{path}: holds no line. Write one JSON object a line: {{"id": ..., "narrative": ...}}.')


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """(line number, line), None for a line over the limit."""
    try:
        with _opened(path) as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                if number == 1:
                    line = _without_mark(path, line)
                if len(line) > LONGEST_LINE:
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(_PIECE)
                    yield number, None
                else:
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise SkinGPTError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def _opened(path: Path) -> gzip.GzipFile | IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")


def _without_mark(path: Path, line: bytes) -> bytes:
    for mark, name in _OTHER_ENCODINGS.items():
        if line.startswith(mark):
            raise SkinGPTError(
                f"{path}:1: is {name}. Save the file as UTF-8, for example with iconv -f {name} -t UTF-8."
            )
    return line.removeprefix(codecs.BOM_UTF8)


def _fields(raw: bytes | None) -> tuple[str | int, str]:
    if raw is None:
        raise SkinGPTError(f"longer than {LONGEST_LINE:,} bytes. Cut the narrative to the text of one case.")
    try:
        row = json.loads(raw.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise SkinGPTError(f"not UTF-8 at byte {error.start + 1} of the line. Save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise SkinGPTError(f"not JSON ({error.msg} at column {error.colno}). Write one JSON object a line.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets of thousands of levels
        raise SkinGPTError(f"not JSON that can be read ({error}). Write one JSON object a line.") from error
    if not isinstance(row, dict):
        raise SkinGPTError('not a JSON object. Write {"id": ..., "narrative": ...}.')
    missing = [key for key in ("id", "narrative") if row.get(key) is None]
    if missing:
        raise SkinGPTError(f"without {' and '.join(missing)}. Write both keys, id and narrative, on each line.")
    key, narrative = row["id"], row["narrative"]
    if isinstance(key, bool) or not isinstance(key, str | int) or not isinstance(narrative, str):
        raise SkinGPTError("id must be text or a whole number, narrative must be text. Put quotes around both.")
    return key, narrative
