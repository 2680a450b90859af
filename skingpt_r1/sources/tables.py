"""Tables as people really save them: comma-separated text here, Parquet next door.

UTF-8 with or without a byte order mark, Windows (latin-1) or UTF-16; comma, semicolon, tab or bar;
Excel's "sep=;" line. The delimiter is the candidate that the header holds most often: the
standard library's sniffer guesses from the data and is fooled by free text.
What ails one row (too many cells, a cell of megabytes, another encoding than its neighbours) costs that
row, one line of `problems`. A file is never read as a whole but as lines of at most `LONGEST_LINE`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import CaseError

LONGEST_LINE: Final = 2**20  # characters of a line, bytes of a Parquet cell
_DELIMITERS = ",;\t|"
_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """columns: header names, stripped. rows: (line number in the file, column -> cell). problems: rows left out."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Lines:
    """The lines of a text file for `csv`; remembers which of them cannot be trusted, and why."""

    path: Path
    bad: dict[int, str] = field(default_factory=dict)
    number: int = 0
    first_utf8: int = 0  # number of the first line with letters beyond ASCII in UTF-8
    latin: list[int] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        try:
            with self.path.open("rb") as stream:
                wide = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
                stream.seek(0)
                text = io.TextIOWrapper(stream, "utf-16" if wide else "latin-1", newline="")
                while line := text.readline(LONGEST_LINE):
                    self.number += 1
                    line = self._whole(line, text)
                    yield self._without_nul(line if wide else self._decoded(line))
        except UnicodeDecodeError as error:
            raise CaseError(f"{self.path}: the text is damaged; save it as CSV (UTF-8).") from error
        except OSError as error:
            raise CaseError(f"{self.path}: cannot be read ({error.strerror}); check the path.") from error

    def _whole(self, line: str, text: io.TextIOWrapper) -> str:
        """The line, or an empty one in the place of one that is too long."""
        size = len(line)
        if size < LONGEST_LINE or line.endswith(_ENDS):
            return line
        while (rest := text.readline(LONGEST_LINE)) and not rest.endswith(_ENDS):
            size += len(rest)
        megabytes = (size + len(rest)) // 2**20
        self.bad[self.number] = f"{megabytes} MB long, the limit is {LONGEST_LINE // 2**20} MB; cut it"
        return "\n"

    def _decoded(self, line: str) -> str:
        """The bytes that latin-1 stands for, as UTF-8 if they are that."""
        data = line.encode("latin-1")
        if self.number == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            line = data.decode("utf-8")
        except UnicodeDecodeError:
            self.latin.append(self.number)
            return line
        if not self.first_utf8 and not data.isascii():
            self.first_utf8 = self.number
        return line

    def _without_nul(self, line: str) -> str:
        if "\0" in line:
            if self.number == 1:
                raise CaseError(f"{self.path}: this is not a text table; save it as CSV (UTF-8).")
            self.bad[self.number] = "holds a NUL character; delete it"
        return line.replace("\0", "")

    def distrust_mixed(self) -> None:
        """Lines that are not UTF-8 where others are; a file in one encoding is no problem."""
        if self.first_utf8:
            for number in self.latin:
                why = f"is not UTF-8, as line {self.first_utf8} is; save the table in one encoding"
                self.bad.setdefault(number, why)


def read_table(path: Path) -> Table:
    """Read a table with a header. Raises CaseError if there is no header, no row, or no table at all."""
    from skingpt_r1.sources.parquet import is_parquet, read_parquet

    if is_parquet(path):
        return read_parquet(path)
    lines = _Lines(path)
    stream = iter(lines)
    skipped = next(stream, "")
    delimiter = skipped.strip()[4] if skipped.lower().startswith("sep=") and len(skipped.strip()) == 5 else ""
    header = "" if delimiter else skipped
    while not header.strip() and (line := next(stream, "")):
        header = line
    if not header.strip():
        raise CaseError(f"{path}: the table is empty. It needs a header line and a row for each picture.")
    delimiter = delimiter or max(_DELIMITERS, key=header.count)
    before = lines.number - 1
    records = _records(csv.reader(_joined(header, stream), delimiter=delimiter), before)
    columns = checked_columns(path, next(records)[2])
    rows: list[tuple[int, int, dict[str, str]]] = []
    for first, last, row in records:
        if isinstance(row, str):
            lines.bad.setdefault(last, row)
        elif len(row) > len(columns):
            why = f"{len(row)} cells, but {len(columns)} columns. Put quotes round a cell that holds {delimiter!r}"
            lines.bad.setdefault(last, why)
        elif any(cell.strip() for cell in row):
            rows.append((first, last, dict(zip(columns, row, strict=False))))
    lines.distrust_mixed()
    good = tuple((last, row) for first, last, row in rows if lines.bad.keys().isdisjoint(range(first, last + 1)))
    problems = tuple(f"{path}:{number}: {why}." for number, why in sorted(lines.bad.items()))
    return checked_table(Table(path, columns, good, problems))


def _joined(header: str, stream: Iterator[str]) -> Iterator[str]:
    yield header
    yield from stream


def _records(reader: Any, before: int) -> Iterator[tuple[int, int, Sequence[str] | str]]:
    """(first line, last line, cells or why there are none)."""
    while True:
        first = reader.line_num + before + 1
        try:
            row: Sequence[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = f"not a row of a table ({error}); save it as CSV"
        yield first, reader.line_num + before, row


def checked_columns(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Header names, stripped. Raises CaseError where one stands twice."""
    columns = tuple(name.strip() for name in names)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CaseError(f"{path}: the column {twice[0]!r} stands twice in the header. Rename one.")
    return columns


def checked_table(table: Table) -> Table:
    """The same table. Raises CaseError where it holds no row at all."""
    if not table.rows:
        if table.problems:
            more = f" (and {len(table.problems) - 1} more)" if len(table.problems) > 1 else ""
            raise CaseError(f"{table.problems[0]}{more}")
        raise CaseError(f"{table.path}: the table has a header but no row. Add a row for each picture.")
    return table
