"""Parquet tables, cell by cell as text, so that everything behind reads them like CSV.

Row numbers count from 1. Columns of pictures, lists or records are left out before they are read: a picture is named by
its path. A whole number that passed through a column with gaps (63.0) becomes 63 again, so that an id stays an id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import CaseError
from skingpt_r1.sources import tables

_MAGIC: Final = b"PAR1"
_BATCH: Final = 1024


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does, or claims to be it by its name."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == _MAGIC or path.suffix.lower() in (".parquet", ".pq")
    except OSError:
        return False


def read_parquet(path: Path) -> tables.Table:
    """The table of scalars. Raises CaseError if it cannot be read or holds no row."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CaseError(f"{path}: a Parquet table needs one more package: pip install 'skingpt-r1[corpus]'.") from error
    try:
        with pq.ParquetFile(path) as file:
            scalars = [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type) and not _binary(pa, f.type)]
            columns = tables.checked_columns(path, scalars)
            rows: list[tuple[int, dict[str, str]]] = []
            problems: list[str] = []
            for number, cells in enumerate(_cells(file, scalars), 1):
                row = dict(zip(columns, map(_text, cells), strict=True))
                if long := next((name for name, cell in row.items() if len(cell) > tables.LONGEST_LINE), None):
                    size = f"{len(row[long]) // 2**20} MB"
                    problems.append(f"{path}:{number}: the cell {long!r} has {size}, the limit is 1 MB; cut it.")
                elif any(cell.strip() for cell in row.values()):
                    rows.append((number, row))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CaseError(f"{path}: cannot be read as Parquet ({reason}); write it again.") from error
    return tables.checked_table(tables.Table(path, columns, tuple(rows), tuple(problems)))


def _binary(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _cells(file: Any, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    for batch in file.iter_batches(_BATCH, columns=columns):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _text(value: Any) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
