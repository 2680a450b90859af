"""A run that is killed at any byte goes on without a case done twice or lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skingpt_r1.dermbench.systems.batching import AT_ONCE
from skingpt_r1.dermbench.trust.journal import Journal, in_batches
from skingpt_r1.dermbench.trust.readings import taken
from skingpt_r1.records import SkinGPTError
from tests.dermbench.trust.samples import line

WORK = """
import sys, time
from pathlib import Path
from skingpt_r1.dermbench.trust.journal import Journal, in_batches
journal = Journal(Path(sys.argv[1]))
todo = [n for n in range(40) if journal.find(str(n), "plain", "s") is None]
def work(batch):
    for n in batch:
        time.sleep(0.02)
        print(n, file=open(sys.argv[2], "a"))
        yield {"key": str(n), "edit": "plain", "settings": "s", "filler": "x" * 5000}
for line in in_batches("work", todo, 2, work):
    journal.add(line)
"""


def test_kill_9_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """Killed four times: what is in the journal stays, and a case is at most begun again, never written twice."""
    path, log = tmp_path / "j.jsonl", tmp_path / "done.txt"
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", WORK, str(path), str(log)])
        before = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + 30
        while (path.stat().st_size if path.exists() else 0) < before + 10_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    subprocess.run([sys.executable, "-c", WORK, str(path), str(log)], check=True)
    keys = [json.loads(text)["key"] for text in path.read_text().splitlines()]
    assert sorted(keys, key=int) == [str(n) for n in range(40)]
    begun = log.read_text().split()
    assert len(begun) <= 40 + 4 * 4 * AT_ONCE  # a kill costs at most what was begun: two batches of two for each core


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_torn_line_is_removed_and_the_rest_stays(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.add(line(number))
    journal.close()
    os.truncate(path, path.stat().st_size - cut)
    again = Journal(path)
    assert len(again) == 2
    again.add(line(2))
    again.close()
    assert [json.loads(text)["key"] for text in path.read_text().splitlines()] == [line(n)["key"] for n in range(3)]


def test_other_settings_are_other_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.add(line(0))
    assert journal.find("isic2017/0", "plain", "s") is not None
    assert journal.find("isic2017/0", "plain", "of other adapters") is None
    assert journal.find("isic2017/0", "blur/1/0", "s") is None


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps(line(0)) + "\nnot json\n" + json.dumps(line(1)) + "\n")
    with pytest.raises(SkinGPTError, match=r"j\.jsonl:2"):
        Journal(path)
    path.chmod(0o600)
    with pytest.raises(SkinGPTError, match="another folder"):
        Journal(path / "below" / "a file")


def test_the_pace_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        done = list(in_batches("reading", [1, 2, 3], 2, lambda batch: [{"n": n} for n in batch]))
    assert [d["n"] for d in done] == [1, 2, 3]
    assert "3/3, " in caplog.text and "reading/s" in caplog.text
    assert "left" in caplog.text


def test_readings_made_elsewhere_are_taken_once(tmp_path: Path) -> None:
    theirs = {name: value for name, value in line(5).items() if name not in ("edit", "settings")}
    (tmp_path / "test.0of1.jsonl").write_text(json.dumps(theirs) + "\n")
    journal = Journal(tmp_path / "j.jsonl")
    assert taken([tmp_path / "test.0of1.jsonl"], journal, "s") == 1
    assert taken([tmp_path / "test.0of1.jsonl"], journal, "s") == 0
    assert journal.find("isic2017/5", "plain", "s") is not None
    with pytest.raises(SkinGPTError, match="no readings"):
        taken([tmp_path / "nothing.jsonl"], journal, "s")
