"""The contract of `skingpt diagnose`, through the real command with the shipped weights."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from skingpt_r1.narrative.parse import parse

ROOT = Path(__file__).parents[2]
EXAMPLE = sorted((ROOT / "examples").glob("*.jpg"))[0]
CONTRACT = (
    "image", "text", "diagnosis", "label", "confidence", "differential", "claims", "abstained", "reason", "urgency",
)  # fmt: skip


def skingpt(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "skingpt_r1.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def huge_png(path: Path) -> Path:
    """A PNG whose header says 30,000 x 30,000; a few bytes long."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], subprocess.CompletedProcess[str]]:
    """Two good photos among bad ones, in one call."""
    folder = tmp_path_factory.mktemp("photos")
    good = folder / "good\nname.jpg"
    good.write_bytes(EXAMPLE.read_bytes())
    bad = {
        "truncated.jpg": EXAMPLE.read_bytes()[:2000],
        "empty.jpg": b"",
        "text.jpg": b"not a picture",
        "paper.jpg": b"%PDF-1.7\n1 0 obj\n",
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "page.html": b"<!doctype html><html></html>",
    }
    paths = [EXAMPLE]
    for name, content in bad.items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    paths += [huge_png(folder / "huge.png"), folder / "missing.jpg", good]
    return paths, skingpt("diagnose", "--json", "--label-set", "isic2017", *map(str, paths))


@pytest.mark.slow
def test_good_photos_are_done_and_bad_ones_named(
    mixed: tuple[list[Path], subprocess.CompletedProcess[str]],
) -> None:
    paths, done = mixed
    assert done.returncode == 2
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["image"] for line in lines] == [str(paths[0]), str(paths[-1])]
    complaints = done.stderr.splitlines()
    assert len(complaints) == len(paths) - 2, done.stderr
    assert "Traceback" not in done.stderr
    for path, complaint in zip(paths[1:-1], complaints, strict=True):
        assert path.name in complaint


@pytest.mark.slow
def test_the_json_keeps_its_contract(mixed: tuple[list[Path], subprocess.CompletedProcess[str]]) -> None:
    line = json.loads(mixed[1].stdout.splitlines()[0])
    assert tuple(line)[: len(CONTRACT)] == CONTRACT
    assert line["label"] in ("melanoma", "nevus", "seborrheic_keratosis")
    assert 0 <= line["confidence"] <= 1
    assert sum(d["probability"] for d in line["differential"]) == pytest.approx(1, abs=1e-3)
    narrative = parse(line["text"])
    assert narrative.problems == ()
    assert narrative.diagnosis == line["diagnosis"]
    assert len(narrative.claims) >= 2
    assert {c["status"] for c in line["claims"]} <= {"supported", "contradicted", "not checkable"}
    assert "research and education" in line["disclaimer"]


@pytest.mark.slow
def test_same_photo_same_text_alone_or_in_a_batch(
    mixed: tuple[list[Path], subprocess.CompletedProcess[str]],
) -> None:
    first, last = (json.loads(line) for line in mixed[1].stdout.splitlines())
    assert first["text"] == last["text"]  # the same bytes under two names


def test_wrong_words_get_one_line() -> None:
    for words in (("--history", "shoe=42"), ("--label-set", "no-such-set")):
        done = skingpt("diagnose", *words, str(EXAMPLE))
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr
