"""Comma-separated tables as people really save them.

UTF-8 with or without a byte order mark, Windows (latin-1) or UTF-16; comma, semicolon, tab or bar;
Excel's "sep=;" line. The delimiter is the candidate that the header holds most often: the
standard library's sniffer guesses from the data and is fooled by free text.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from skingpt_r1.records import CaseError

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Table:
    """columns: header names, stripped. rows: (line number in the file, column -> cell)."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read_table(path: Path) -> Table:
    """Read a table with a header. Raises CaseError if there is no header, no row, or no table at all."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CaseError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    text = _decode(data, path)
    lines = text.splitlines(keepends=True)
    skipped = 0
    delimiter = ""
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        delimiter, skipped = lines[0].strip()[4], 1
    header = next((line for line in lines[skipped:] if line.strip()), "")
    if not header:
        raise CaseError(f"{path}: the table is empty. It needs a header line and a row for each picture.")
    delimiter = delimiter or max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO("".join(lines[skipped:]), newline=""), delimiter=delimiter)
    try:
        records = [(reader.line_num + skipped, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise CaseError(f"{path}:{reader.line_num + skipped}: not a table ({error}); save it as CSV.") from error
    columns = tuple(cell.strip() for cell in records[0][1])
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CaseError(f"{path}: the column {twice[0]!r} stands twice in the header. Rename one.")
    if len(records) < 2:
        raise CaseError(f"{path}: the table has a header but no row. Add a row for each picture.")
    for line, row in records[1:]:
        if len(row) > len(columns):
            raise CaseError(
                f"{path}:{line}: {len(row)} cells, but {len(columns)} columns. "
                f"Put quotes round a cell that holds {delimiter!r}."
            )
    rows = tuple((line, dict(zip(columns, row, strict=False))) for line, row in records[1:])
    return Table(path, columns, rows)


def _decode(data: bytes, path: Path) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data:
        raise CaseError(f"{path}: this is not a text table; save it as CSV (UTF-8).")
    else:
        encodings = ["utf-8-sig", "latin-1"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CaseError(f"{path}: the text is damaged; save it as CSV (UTF-8).")
