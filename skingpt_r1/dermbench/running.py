"""Runs systems over a benchmark: one log of inspect_ai a system, in one folder, that goes on after kill -9.

    out/settings.json    what the run depends on; another benchmark or judge is another run
    out/*.eval           one log a system; what inspect_ai's viewer shows and the leaderboard reads
    out/answers/         inspect_ai's cache: an answer that was received is not asked for again
    out/scores.jsonl     every score as it is given: no judge is asked again for what it said

A finished case stands in the log, or in inspect_ai's sample buffer until the log takes it over; both are read when a
run is gone on with. What a kill can cost is the request that was on its way. Pending cases are asked again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from inspect_ai import Task, eval_retry
from inspect_ai import eval as evaluate
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import GenerateConfig, Model, get_model

from skingpt_r1.dermbench.kept import keeping_scores
from skingpt_r1.dermbench.logs import Standing, earlier, path_of, settle, standing, to_go_on
from skingpt_r1.dermbench.progress import progress
from skingpt_r1.dermbench.scorers import without_markup
from skingpt_r1.dermbench.systems.registry import System
from skingpt_r1.models.threads import one_thread_each
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.claiming import claim

log = logging.getLogger(__name__)
_NO_RETRY: Final = ("openai/", "openai-api/")  # whose client would try again by itself, unseen
_NOBODY: Final = "none/none"  # inspect_ai's model of a task that asks none
_CACHE: Final = "INSPECT_CACHE_DIR"


@dataclass(frozen=True)
class RunConfig:
    """How systems are run, whatever the benchmark."""

    data: Path | None = field(default=None, metadata={"help": "folder of the open image folders, for the probe"})
    runs: Path = field(default=Path("runs"), metadata={"help": "caches of pictures, for the linear probe"})
    tries: int = field(default=5, metadata={"help": "of one request that times out or meets 429 or 5xx"})
    timeout: int = field(default=180, metadata={"help": "seconds of one request"})
    at_once: int | None = field(default=None, metadata={"help": "cases at a time; default: what the provider allows"})


class Benchmark(Protocol):
    """What systems are run on."""

    def settings(self) -> dict[str, Any]:
        """What answers and scores depend on, as JSON; other settings are another run. Raises SkinGPTError."""
        ...

    def total(self) -> int:
        """How many cases."""
        ...

    def task(self, way: Mapping[str, Any]) -> Task:
        """The task, its samples answered in this way (arguments of `solving.solvers`); inspect_ai knows it by name."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """system: its name. log: the file. standing: what became of the cases."""

    system: str
    log: Path
    standing: Standing


def run(
    benchmark: Benchmark, config: RunConfig, systems: Sequence[System], out: Path, resume: bool = False
) -> Iterator[Result]:
    """Each system in turn, as it is done. Raises SkinGPTError where `out` is another run's, or a system cannot start.

    resume: go on with the folder; finished cases are kept, pending ones asked again.
    """
    if not systems:
        raise SkinGPTError("no system was named; skingpt bench systems lists them.")
    if bad := sorted(set("#?%") & set(str(out.resolve()))):
        raise SkinGPTError(f"{out}: inspect_ai keeps no logs where a name holds {bad[0]!r}; name another folder.")
    settings, total = benchmark.settings(), benchmark.total()
    if not resume:
        for system in systems:
            _model(config, system)  # whatever lacks its key or its package is told before a folder is begun
    claim(out, out / "settings.json", settings, resume, holds="a run", another="folder")
    with _answers_in(out / "answers"), one_thread_each():
        for system in systems:
            about = {
                **settings, "system": system.name, "title": system.title, "blind": system.blind,
                "asked": _asked(system),
            }  # fmt: skip
            yield _one(benchmark, config, system, out.resolve(), total, about)


def _one(
    benchmark: Benchmark, config: RunConfig, system: System, out: Path, total: int, about: Mapping[str, Any]
) -> Result:
    before = settle(out, system.name)
    done = 0
    if before is not None:
        theirs = read_eval_log(str(before), header_only=True).eval.metadata or {}
        if other := [name for name in about if about[name] != theirs.get(name)]:
            raise SkinGPTError(f"{before}: {system.name} was begun with another {', '.join(other)}; use another --out.")
        now = standing(before)
        done = now.finished - sum(n for of in now.unscored.values() for n in of.values())
        if now.complete(total):
            log.info("%s: all %d cases are done", system.name, total)
            return Result(system.name, before, now)
    with progress(system.name, max(0, done), total), keeping_scores(out / "scores.jsonl", system.name):
        made = _begin(benchmark, config, system, out, about) if before is None else _go_on(config, system, before, out)
    if made.status == "error":
        why = made.error.message if made.error is not None else "no reason told"
        raise SkinGPTError(f"{system.name}: the run stopped ({why}); mend it, then go on with --resume.")
    if made.status != "success":
        raise KeyboardInterrupt
    for path in earlier(out, system.name, path_of(made)):
        path.unlink()
    return Result(system.name, path_of(made), standing(path_of(made)))


def _begin(benchmark: Benchmark, config: RunConfig, system: System, out: Path, about: Mapping[str, Any]) -> EvalLog:
    way = {
        "system": _cached_as(system), "blind": system.blind and not system.own, "as_file": system.own,
        "least_pixels": system.least_pixels, "most_pixels": system.most_pixels,
        "recite": None if system.control is None else system.control.replace("-", "_"),
    }  # fmt: skip
    model, task = _model(config, system), benchmark.task(way)
    at_once = config.at_once or model.api.max_connections()
    (made,) = evaluate(
        task, model=model, metadata=dict(about), max_samples=at_once, log_header_only=True, **_common(out)
    )
    return made


def _go_on(config: RunConfig, system: System, before: Path, out: Path) -> EvalLog:
    timeout = None if system.own else config.timeout
    (made,) = eval_retry(to_go_on(before), max_retries=config.tries - 1, attempt_timeout=timeout, **_common(out))
    return made


def _common(out: Path) -> dict[str, Any]:
    return {
        "log_dir": str(out), "log_format": "eval", "display": "none", "log_level": "error", "fail_on_error": False,
        "log_images": False, "log_model_api": False, "score_display": False, "ctl_server": False,
    }  # fmt: skip


def _model(config: RunConfig, system: System) -> Model:
    """Raises SkinGPTError where the provider lacks its package, its key or its address."""
    if system.model is None:
        return get_model(_NOBODY)
    args: dict[str, Any] = {}
    if system.own:
        args |= {} if config.data is None else {"data": str(config.data.resolve())}
        args |= {"runs": str(config.runs.resolve()), **({"blind": True} if system.blind else {})}
    if system.model.startswith(_NO_RETRY):
        args["max_retries"] = 0
    settings = {
        "max_retries": config.tries - 1,
        "attempt_timeout": None if system.own else config.timeout,  # of ours the queue would count
        "max_connections": config.at_once,
    }
    try:
        asked = GenerateConfig(**settings | dict(system.settings))
        return get_model(system.model, config=asked, memoize=False, **{**system.args, **args})
    except (PrerequisiteError, ValueError, TypeError, ImportError) as error:
        raise SkinGPTError(f"{system.name}: {without_markup(str(error))}") from error


def _asked(system: System) -> dict[str, Any]:
    """How a system is asked, as its log keeps it; a run is gone on with in the same way only."""
    told = {
        "model": system.model, "args": dict(system.args), "settings": dict(system.settings),
        "pixels": [system.least_pixels, system.most_pixels],
    }  # fmt: skip
    return told | ({"adapters": _weights(system)} if system.model == "skingpt/embedded" else {})


def _cached_as(system: System) -> str:
    """Another model, other weights or settings under the same name share no cached answer."""
    how = json.dumps(_asked(system), sort_keys=True, default=str)
    return f"{system.name} {hashlib.sha256(how.encode()).hexdigest()[:16]}"


def _weights(system: System) -> str:
    from skingpt_r1.models.diagnose import ADAPTERS  # loads torch
    from skingpt_r1.models.weights import digest_of

    return digest_of(Path(system.args.get("adapters") or ADAPTERS))


@contextmanager
def _answers_in(folder: Path) -> Iterator[None]:
    """inspect_ai's cache of answers lies in a folder of the run's own."""
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(folder.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = before
