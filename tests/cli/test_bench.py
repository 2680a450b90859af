"""The contract of `skingpt bench`, through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skingpt_r1.cli.main import app
from skingpt_r1.dermbench.suites.manifest import read
from skingpt_r1.records import SkinGPTError
from tests.dermbench.small import small_suite


def skingpt(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["bench", *words])
    if isinstance(done.exception, SkinGPTError):
        raise done.exception
    return done.exit_code, done.stdout


def test_help_does_not_load_inspect() -> None:
    code = (
        "import sys; from skingpt_r1.cli import main; print([m for m in ('inspect_ai', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_systems_are_listed() -> None:
    code, text = skingpt("systems", "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    assert code == 0 and {"gpt-4o-mini", "skingpt/embedded", "skingpt/other-reference"} <= {r["name"] for r in rows}
    assert "five more" in " ".join(skingpt("systems")[1].split())


def test_a_suite_of_the_open_folders_is_built(data_root: Path, tmp_path: Path) -> None:
    code, text = skingpt("build", "--data", str(data_root), "--out", str(tmp_path / "s"), "--limit", "9")
    suite = read(tmp_path / "s")
    assert code == 0 and "9 cases" in text and len(suite.rows) == suite.limit == 9
    assert (tmp_path / "s" / "README.md").is_file() and (tmp_path / "s" / "card.json").is_file()
    assert not list((tmp_path / "s").glob("*.jpg"))


def test_dermbench_without_pictures_says_where_they_are() -> None:
    with pytest.raises(SkinGPTError, match="dermnetnz"):
        skingpt("build", "dermbench")


def test_a_run_is_told_and_gone_on_with(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai")
    small_suite(tmp_path, 3)
    options = [str(tmp_path / "suite"), "--data", str(tmp_path), "--out", str(tmp_path / "logs")]
    code, text = skingpt("run", *options, "--systems", "skingpt/majority,skingpt/reference")
    assert code == 0 and text.count("3 answered, 0 pending") == 2
    code, text = skingpt("run", *options, "--systems", "skingpt/majority,skingpt/other-reference", "--resume")
    assert code == 0 and len(list((tmp_path / "logs").glob("*.eval"))) == 3
    with pytest.raises(SkinGPTError, match="no system 'nobody'"):
        skingpt("run", *options, "--systems", "nobody", "--resume")
