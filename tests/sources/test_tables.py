"""Tables in which single rows are broken, and tables in Parquet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from skingpt_r1.records import CaseError
from skingpt_r1.sources.folder import read_folder
from skingpt_r1.sources.tables import read_table


def _bytes(path: Path, *rows: bytes) -> Path:
    path.write_bytes(b"\n".join(rows) + b"\n")
    return path


def test_a_broken_row_costs_that_row_and_a_line(tmp_path: Path) -> None:
    table = read_table(
        _bytes(
            tmp_path / "a.csv",
            b"image,note",
            b"1.jpg,fine",
            b"2.jpg,one,too many",
            b"3.jpg,\0nul",
            b"4.jpg," + b"x" * 200_000,  # over csv's limit of a cell
            b"5.jpg," + b"y" * (3 * 2**20),  # over the limit of a line
            b'6.jpg,"two\nlines"',
            b"7.jpg,last",
        )
    )
    assert [(line, row["image"]) for line, row in table.rows] == [(2, "1.jpg"), (8, "6.jpg"), (9, "7.jpg")]
    assert table.rows[1][1]["note"] == "two\nlines"
    expected = ("a.csv:3: 3 cells", "a.csv:4: holds a NUL", "a.csv:5: not a row", "a.csv:6: 3 MB long")
    assert [part in problem for part, problem in zip(expected, table.problems, strict=True)] == [True] * 4


def test_rows_in_another_encoding_than_their_neighbours_are_named_not_guessed(tmp_path: Path) -> None:
    utf8, latin = "1.jpg,Müller".encode(), "2.jpg,Müller".encode("latin-1")
    mixed = read_table(_bytes(tmp_path / "mixed.csv", b"image,patient", utf8, latin, b"3.jpg,Smith"))
    assert [row["patient"] for _, row in mixed.rows] == ["Müller", "Smith"]
    assert len(mixed.problems) == 1 and "mixed.csv:3: is not UTF-8, as line 2 is" in mixed.problems[0]
    one = read_table(_bytes(tmp_path / "latin.csv", b"image,patient", latin, b"3.jpg,Smith"))
    assert [row["patient"] for _, row in one.rows] == ["Müller", "Smith"] and not one.problems


def test_the_line_ends_of_old_macs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"image,label\r1.jpg,nevus\r2.jpg,melanoma\r")
    assert [row["label"] for _, row in read_table(tmp_path / "a.csv").rows] == ["nevus", "melanoma"]


MEMORY = """
import resource, sys
from pathlib import Path
from skingpt_r1.sources.tables import read_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = read_table(Path(sys.argv[1]))
print(len(table.rows), table.problems[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep="|")
"""


def test_a_cell_of_200_megabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as stream:
        stream.write(b"image,narrative\n1.jpg,short\n2.jpg,")
        for _ in range(200):
            stream.write(b"z" * 2**20)
        stream.write(b"\n3.jpg,short\n")
    done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path / "a.csv")], capture_output=True, text=True)
    rows, problem, kilobytes = done.stdout.split("|")
    assert rows == "2" and "a.csv:3: 200 MB long" in problem
    unit = 1 if sys.platform != "darwin" else 1024
    assert int(kilobytes) / unit < 40 * 1024  # a few times the limit of a line


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in "abc":
        Image.fromarray(np.full((40, 40, 3), ord(name), np.uint8)).save(tmp_path / f"{name}.jpg")
    return tmp_path


def test_parquet_reads_like_csv(pictures: Path) -> None:
    columns = {
        "file": ["a.jpg", "b.jpg", "gone.jpg", "c.jpg"],
        "isic": pa.array([7.0, 8.0, 9.0, None]),
        "dx": ["melanoma", "nevus", "nevus", "melanomma"],
        "age": pa.array([63.0, None, 50.0, float("nan")]),
        "bleed": pa.array([True, False, None, None]),
        "pixels": pa.array([b"\xff", b"\xff", b"\xff", b"\xff"]),
        "boxes": pa.array([[1], [2], [3], [4]]),
    }
    pq.write_table(pa.table(columns), pictures / "rows.parquet")
    report = read_folder(pictures / "rows.parquet", {"id": "isic"})
    assert [(c.id, c.diagnosis) for c in report.cases] == [
        ("7", "melanoma"),
        ("8", "melanocytic nevus"),
        ("c.jpg", None),
    ]
    assert [c.history.known() for c in report.cases] == [{"age": 63.0, "bleed": True}, {"bleed": False}, {}]
    assert "rows.parquet:3: no file 'gone.jpg'" in report.problems[0]
    assert "Did you mean: melanoma" in report.problems[1] and len(report.problems) == 2


def test_parquet_that_cannot_be_used(tmp_path: Path) -> None:
    for content in (b"PAR1 and then something else", b"", b"\0" * 99):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(CaseError, match=r"a\.parquet: cannot be read as Parquet .*; write it again\.$"):
            read_table(tmp_path / "a.parquet")
    long = pa.table({"image": ["a.jpg", "b.jpg"], "note": ["x" * (2 * 2**20), "short"]})
    pq.write_table(long, tmp_path / "long.parquet")
    table = read_table(tmp_path / "long.parquet")
    assert [number for number, _ in table.rows] == [2] and "long.parquet:1: the cell 'note' has 2 MB" in table.problems[
        0
    ]
    pq.write_table(pa.table({"image": pa.array([], pa.string())}), tmp_path / "none.parquet")
    with pytest.raises(CaseError, match="no row"):
        read_table(tmp_path / "none.parquet")


def test_a_file_name_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "nevus").mkdir()
    for name in (b"good.jpg", "Müller.jpg".encode("latin-1")):
        picture = Image.new("RGB", (40, 40))
        with open(bytes(tmp_path / "nevus") + b"/" + name, "wb") as stream:
            picture.save(stream, "JPEG")
    report = read_folder(tmp_path)
    assert [case.id for case in report.cases] == ["nevus/good.jpg"]
    assert len(report.problems) == 1 and "its name is not UTF-8" in report.problems[0]
    assert report.problems[0].isprintable()
