"""kill -9 in the middle of a run with a slow system and a slow judge, then --resume: what is asked and judged again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")

from inspect_ai.log import read_eval_log

from tests.dermbench.server import serving
from tests.dermbench.small import small_suite

CASES, AT_ONCE = 14, 2
COMMAND = """
from skingpt_r1.dermbench import scorers
scorers.JUDGES["offline"] = "tests.dermbench.judge:slow_judge"
from skingpt_r1.cli.main import main
main()
"""


def start(root: Path, environment: Mapping[str, str], *more: str) -> subprocess.Popen[bytes]:
    command = ["bench", "run", str(root / "suite"), "--systems", "openai-api/stand-in/slow", "--data", str(root)]
    options = ["--out", str(root / "logs"), "--judges", "offline", "--at-once", str(AT_ONCE), *more]
    return subprocess.Popen([sys.executable, "-c", COMMAND, *command, *options], env=dict(environment))


def judged(root: Path) -> list[tuple[str, str, float]]:
    """(case, "began" or "done", time) of every judging."""
    file = root / "judged.jsonl"
    return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def test_killed_at_a_random_moment(tmp_path: Path) -> None:
    small_suite(tmp_path, CASES)
    seed = int(time.time())
    after = random.Random(seed).randint(3, CASES - 4)
    print(f"seed {seed}: killed after {after} judgements")
    with serving(slow=0.25) as server:
        environment = {
            **os.environ, "STAND_IN_BASE_URL": server.url, "STAND_IN_API_KEY": "none",
            "JUDGED": str(tmp_path / "judged.jsonl"), "PYTHONPATH": os.getcwd(),
        }  # fmt: skip
        process = start(tmp_path, environment)
        while sum(what == "done" for _, what, _ in judged(tmp_path)) < after:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        time.sleep(random.Random(seed).uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed = time.time()
        settled = {case for case, what, at in judged(tmp_path) if what == "done" and at < killed - 0.5}
        begun = len(judged(tmp_path))
        answered = {a.picture for a in server.requests if a.answered and a.answered < time.monotonic() - 0.5}
        asked = len(server.requests)
        assert start(tmp_path, environment, "--resume").wait() == 0
        requests = server.counts("slow")
    assert asked < CASES and begun < 2 * CASES  # it was killed on its way
    assert len(requests) == CASES
    assert {picture for picture, n in requests.items() if n > 1}.isdisjoint(answered)
    assert sum(requests.values()) <= CASES + AT_ONCE  # what was on its way when it was killed
    judgements = Counter(case for case, what, _ in judged(tmp_path) if what == "done")
    assert len(judgements) == CASES
    assert {case for case, n in judgements.items() if n > 1}.isdisjoint(settled)
    (path,) = (tmp_path / "logs").glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success" and log.samples is not None and len(log.samples) == CASES
    assert all(s.error is None and s.scores and s.scores["slow_judge"].value == 3 for s in log.samples)
