"""Where the stages run: a pool of threads here, or Ray Data's actors. Same function, same order, same bytes.

An engine takes (work, cases, workers) and gives the entries in the order of the cases, a few of them waiting at most.
What bites: a sum of floats depends on how many threads share it, so both engines give every worker one. `work` is
pickled for Ray, so it must hold functions by name, not networks: each actor then loads its own once.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from types import ModuleType
from typing import Any, Final, TypeVar

from skingpt_r1.dermcot.stages import Entry
from skingpt_r1.records import Case, SkinGPTError

Item = TypeVar("Item")
Done = TypeVar("Done")
Work = Callable[[Case], Entry]
Engine = Callable[[Work, Sequence[Case], int], Iterator[Entry]]
_WAITING: Final = 4  # cases a worker that may be done and wait for an earlier one
_BLOCK: Final = 8  # cases that Ray hands to a worker at a time; a kill repeats no more than these
_STORE: Final = 256 * 2**20  # bytes of Ray's object store; cases and entries are small, pictures never pass through it

_SETTINGS: Final = {  # Ray reads them when it is imported; who has set them already is left alone
    "RAY_USAGE_STATS_ENABLED": "0",  # it would call home
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # the rest is about its own inner actors
    "RAY_worker_niceness": "0",  # its 15 starves the workers wherever anything else runs
}


class EngineName(StrEnum):
    """Names of ENGINES, for the command line."""

    LOCAL = "local"
    RAY = "ray"


def in_threads(work: Callable[[Item], Done], items: Iterable[Item], workers: int) -> Iterator[Done]:
    """A pool of threads in this process; numpy and torch let go of the interpreter where it counts."""
    from skingpt_r1.models.threads import one_thread_each  # loads torch

    waiting: deque[Future[Done]] = deque()
    with one_thread_each(), ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= _WAITING * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)  # after an error nobody wants the rest


def on_ray(work: Work, cases: Sequence[Case], workers: int) -> Iterator[Entry]:
    """Actors of Ray Data, one process a worker. A cluster that RAY_ADDRESS names is used; else one is started here,
    without dashboard, usage report or address beyond this machine, and stopped at the end.
    """
    if not cases:
        return
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _start(ray, workers)
    try:
        yield from _mapped(ray, work, cases, workers)
    finally:
        if started:
            ray.shutdown()


ENGINES: Final[Mapping[EngineName, Engine]] = {EngineName.LOCAL: in_threads, EngineName.RAY: on_ray}


def _ray() -> ModuleType:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SkinGPTError(
            "--engine ray needs Ray Data: pip install 'skingpt-r1[ray]', or use --engine local."
        ) from error
    return ray


def _start(ray: ModuleType, workers: int) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if os.environ.get("RAY_ADDRESS"):  # Ray's own name for "use that cluster"
        ray.init(**quiet)
        return
    ray.init(
        address="local",
        num_cpus=workers,
        object_store_memory=_STORE,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        **quiet,
    )


class _Actor:
    """Lives in a process of its own; holds `work`, and with it whatever `work` loads, for all its cases."""

    def __init__(self, pickled: bytes) -> None:
        import torch

        torch.set_num_threads(1)
        self.work: Work = pickle.loads(pickled)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            made: Entry | SkinGPTError = self.work(pickle.loads(row["case"]))
        except SkinGPTError as error:  # as a value: Ray would wrap it and try again
            made = error
        return {"number": row["number"], "made": pickle.dumps(made)}


def _mapped(ray: ModuleType, work: Work, cases: Sequence[Case], workers: int) -> Iterator[Entry]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = [{"number": number, "case": pickle.dumps(case)} for number, case in enumerate(cases)]
    blocks = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // _BLOCK))
    made = blocks.map(
        _Actor,
        fn_constructor_args=[ray.cloudpickle.dumps(work)],
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(cases))),
    )
    for expected, row in enumerate(made.iter_rows()):
        if row["number"] != expected:
            raise RuntimeError(f"Ray gave case {row['number']} where {expected} was due")
        entry = pickle.loads(row["made"])
        if isinstance(entry, SkinGPTError):
            raise entry
        yield entry
