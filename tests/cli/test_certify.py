"""`skingpt dermcot certify` as users call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from skingpt_r1.serve.certify.chain import write_chain
from tests.cli.test_diagnose import ROOT, skingpt
from tests.serve.databases import free_port


def certify(*words: str) -> subprocess.CompletedProcess[str]:
    return skingpt("dermcot", "certify", *words)


def test_invite_prints_a_link_and_nothing_else(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    done = certify("invite", "--role", "rater", "--database", url, "--public-url", "https://certify.example/")
    assert re.fullmatch(r"https://certify\.example/invitation/[\w-]{43}\n", done.stdout), done.stderr
    for words, said in (
        (("--role", "king", "--database", url), "rater, adjudicator, admin"),
        (("--role", "rater", "--database", "certify.db"), "no database URL"),
    ):
        done = certify("invite", *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr


def test_the_demo_starts_with_one_command(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "skingpt_r1.cli.main", "dermcot", "certify", "demo", "--cases", "3"]
    process = subprocess.Popen(
        [*command, "--folder", str(tmp_path / "demo"), "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        links = dict(line.split(":", 1) for line in lines[1:])
        assert list(links) == ["rater A", "rater B", "adjudicator", "admin"]
        for _ in range(120):
            try:
                with urllib.request.urlopen(links["rater A"].strip()) as page:
                    assert "You are invited as <b>rater</b>" in page.read().decode()
                break
            except OSError:
                time.sleep(0.5)
        else:
            raise AssertionError("no page within a minute")
    finally:
        process.terminate()
        process.wait(20)
    database = f"sqlite:///{tmp_path / 'demo' / 'certify.db'}"
    done = certify("agreement", "--json", "--database", database)
    assert json.loads(done.stdout)["n"] == 0
    done = certify("agreement", "--database", database)
    assert "Medical Groundedness" in done.stdout and "not known" in done.stdout
    done = certify("export", "--out", str(tmp_path / "out"), "--database", database)
    assert (done.returncode, "no case is certified yet" in done.stderr) == (2, True)


def test_plain_http_stays_on_this_machine(tmp_path: Path) -> None:
    done = certify("demo", "--folder", str(tmp_path), "--cases", "1", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "--public-url" in done.stderr.splitlines()[-1]


def test_verify_names_the_broken_line_with_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    made = write_chain(path, [{"n": 1}, {"n": 2}])
    done = certify("verify", str(path), "--head", made.head)
    assert (done.returncode, "whole, 2 lines" in done.stdout) == (0, True)
    path.write_text(path.read_text().replace('"n": 2', '"n": 3'))
    done = certify("verify", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "corpus.jsonl:2: was changed" in done.stderr


def test_a_missing_package_is_one_clear_line() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from skingpt_r1.cli.main import main\n"
        "sys.argv = ['skingpt', 'dermcot', 'certify', 'invite', '--role', 'rater']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "pip install 'skingpt-r1[serve]'" in done.stderr


def test_help_loads_no_server() -> None:
    code = (
        "import sys\nfrom skingpt_r1.cli import certify\n"
        "assert not {'fastapi', 'sqlalchemy', 'uvicorn', 'pingouin', 'argon2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
