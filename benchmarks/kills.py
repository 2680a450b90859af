"""kill -9 at ten moments of a benchmark run with a slow system and judge: what is asked and judged twice, or lost.

    python -m benchmarks.kills

A local server stands in for the system and counts its requests by picture; the judge writes down each case that it
judged. Each run is killed once at a moment of its own, spread over the run, and gone on with by --resume. Counted are:
cases lost; cases asked again although the server had sent their answer; cases judged again although their judgement was
done; both within `GRACE` of the kill apart, for what is on its way when a process dies is in nobody's file yet.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from inspect_ai.event import ModelEvent
from inspect_ai.log import read_eval_log

from benchmarks.results import keep, no_options
from tests.dermbench.server import serving
from tests.dermbench.small import small_suite
from tests.dermbench.test_kill import judged, start

CASES: Final = 30
MOMENTS: Final = 10
GRACE: Final = 0.1  # seconds


def killed(place: Path, moment: int) -> dict[str, Any]:
    """One run, killed once so many judgements are done, and its resumption."""
    small_suite(place, CASES)
    after = round((moment + 0.5) * CASES / MOMENTS)
    with serving(slow=0.25) as server:
        environment = {
            **os.environ, "STAND_IN_BASE_URL": server.url, "STAND_IN_API_KEY": "none",
            "JUDGED": str(place / "judged.jsonl"), "PYTHONPATH": os.getcwd(),
        }  # fmt: skip
        process = start(place, environment)
        while sum(what == "done" for _, what, _ in judged(place)) < after and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.05 * moment / MOMENTS)  # not always right after a judgement
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        at, clock = time.time(), time.monotonic()
        before = judged(place)
        answered = {a.picture: clock - a.answered for a in server.requests if a.answered is not None}
        code = start(place, environment, "--resume").wait()
        requests = server.counts("slow")
    again = {picture for picture, n in requests.items() if n > 1}
    settled = {case: at - when for case, what, when in before if what == "done"}
    twice = {case for case, n in Counter(c for c, what, _ in judged(place) if what == "done").items() if n > 1}
    (path,) = (place / "logs").glob("*.eval")
    samples = read_eval_log(str(path)).samples or []
    hits = sum(isinstance(e, ModelEvent) and e.cache == "read" for s in samples for e in s.events)
    return {
        "killed_after_judgements": len(settled),
        "answers_by_then": len(answered),
        "exit": code,
        "lost": CASES - sum(s.error is None and bool(s.scores) for s in samples),
        "asked_again": sum(answered.get(picture, 0) > GRACE for picture in again),
        "asked_again_within_grace_or_on_its_way": sum(answered.get(picture, 0) <= GRACE for picture in again),
        "judged_twice": sum(settled.get(case, 0) > GRACE for case in twice),
        "judged_twice_within_grace": sum(settled.get(case, 0) <= GRACE for case in twice),
        "answers_from_cache": hits,
    }


def main() -> None:
    no_options(__doc__)
    runs = []
    for moment in range(MOMENTS):
        with tempfile.TemporaryDirectory() as name:
            runs.append(killed(Path(name), moment))
        print(json.dumps(runs[-1]), flush=True)
    counted = [name for name in runs[0] if name not in ("exit", "killed_after_judgements", "answers_by_then")]
    total = {name: sum(run[name] for run in runs) for name in counted}
    print(json.dumps(total, indent=1))
    keep("kills", {"cases": CASES, "moments": MOMENTS, "grace_seconds": GRACE, "total": total, "runs": runs})


if __name__ == "__main__":
    main()
