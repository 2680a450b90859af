"""The same corpus on either engine: real Ray, real kill -9, networks loaded once a worker."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from skingpt_r1.dermcot import engines
from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.dermcot.stages import BuildConfig, Tools
from skingpt_r1.records import Case, SkinGPTError
from tests.dermcot.test_build import CLAIMS, cases, tools

FILES = ("journal.jsonl", "corpus.jsonl", "rejected.jsonl", "report.json", "settings.json")
LOADS = "SKINGPT_TEST_LOADS"


@functools.cache
def network() -> Sequence[ScoredClaim]:
    """Stands for a segmenter: leaves a file each time it is loaded."""
    Path(os.environ[LOADS], f"{os.getpid()}-{time.monotonic_ns()}").touch()
    return CLAIMS


def describe(case: Case) -> Sequence[ScoredClaim]:
    time.sleep(0.02)
    return network()


def fails(case: Case) -> Sequence[ScoredClaim]:
    if case.id == "p5":
        raise SkinGPTError("the server is gone; start it, then use --resume.")
    return CLAIMS


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("loads")
    os.environ[LOADS] = str(folder)
    yield folder
    del os.environ[LOADS]


@pytest.fixture(scope="module")
def ray(loads: Path) -> Iterator[None]:
    """One Ray for the tests here; `on_ray` uses one that runs."""
    pytest.importorskip("ray.data")
    module = engines._ray()
    engines._start(module, 2)
    yield
    module.shutdown()


def same(one: Path, other: Path) -> list[str]:
    return [name for name in FILES if (one / name).read_bytes() == (other / name).read_bytes()]


@pytest.mark.slow
def test_ray_gives_the_bytes_of_the_local_pool_and_loads_once_a_worker(ray: None, loads: Path, tmp_path: Path) -> None:
    build(BuildConfig(), tools(), cases(40), tmp_path / "local", resume=False)
    before = set(loads.iterdir())
    build(BuildConfig(), tools(describe=describe), cases(40), tmp_path / "ray", False, 2, engines.on_ray)
    assert same(tmp_path / "local", tmp_path / "ray") == list(FILES)
    loaded = [path.name.partition("-")[0] for path in set(loads.iterdir()) - before]
    assert 1 <= len(loaded) <= 2 and str(os.getpid()) not in loaded
    assert len(set(loaded)) == len(loaded)


@pytest.mark.slow
def test_what_stops_a_run_is_one_message_on_either_engine(ray: None, tmp_path: Path) -> None:
    for name, engine in (("local", engines.in_threads), ("ray", engines.on_ray)):
        with pytest.raises(SkinGPTError, match=r"^the server is gone; start it"):
            build(BuildConfig(), tools(describe=fails), cases(24), tmp_path / name, False, 2, engine)
        done = (tmp_path / name / "journal.jsonl").read_text().splitlines()
        assert len(done) <= 5 and not (tmp_path / name / "corpus.jsonl").exists()
        build(BuildConfig(), tools(), cases(24), tmp_path / name, True)
    assert same(tmp_path / "local", tmp_path / "ray") == list(FILES)


KILLED = """
import sys
from pathlib import Path
from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.engines import on_ray
from skingpt_r1.dermcot.stages import BuildConfig
from tests.dermcot.test_build import cases, tools
from tests.dermcot.test_engines import describe
build(BuildConfig(), tools(describe=describe), cases(400), Path(sys.argv[1]), True, 2, on_ray)
"""


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_kill_9_of_a_ray_build_loses_nothing_and_leaves_no_process(loads: Path, tmp_path: Path) -> None:
    """Resumed on the other engine, so that a journal is proved to belong to neither."""
    pytest.importorskip("ray.data")
    journal = tmp_path / "killed" / "journal.jsonl"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed")])
    until = time.monotonic() + 240
    while lines(journal) < 20 and time.monotonic() < until and child.poll() is None:
        time.sleep(0.05)
    family = descendants(child.pid)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -9
    done = lines(journal)
    assert 20 <= done < 400 and family
    kept = journal.read_bytes()[: journal.read_bytes().rindex(b"\n") + 1]
    build(BuildConfig(), tools(), cases(400), tmp_path / "killed", True)
    assert journal.read_bytes().startswith(kept)
    build(BuildConfig(), tools(), cases(400), tmp_path / "calm", False)
    assert same(tmp_path / "calm", tmp_path / "killed") == list(FILES)
    until = time.monotonic() + 60
    while (left := [pid for pid in family if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.5)
    assert not left


def descendants(pid: int) -> list[int]:
    """Children and theirs, by /proc; empty where there is none."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(after[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def test_no_ray_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # what Python does with a module that is not there
    with pytest.raises(SkinGPTError, match=r"pip install 'skingpt-r1\[ray\]'"):
        build(BuildConfig(), tools(), cases(3), tmp_path, False, 2, engines.on_ray)


def test_threads_keep_the_order_and_few_cases_wait() -> None:
    begun: list[str] = []

    def work(case: Case) -> engines.Entry:
        begun.append(case.id)
        time.sleep(0.02 if case.id == "p0" else 0)
        return engines.Entry(case)

    found = engines.in_threads(work, cases(50), 3)
    assert next(found).case.id == "p0"
    assert len(begun) <= 4 * 3
    assert [entry.case.id for entry in found] == [f"p{i}" for i in range(1, 50)]


def test_a_tool_is_picklable_by_name() -> None:
    """What Ray ships of the real describer is a name, not a network of megabytes."""
    import pickle

    from skingpt_r1.dermcot.describing import Measured, shipped_segment
    from skingpt_r1.dermcot.scoring import LintScorer

    assert len(pickle.dumps(Tools(Measured(shipped_segment), LintScorer(), {}))) < 1000
