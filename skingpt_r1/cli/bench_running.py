"""What every run of systems is asked for, and how it is carried out and told of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from skingpt_r1.records import SkinGPTError

if TYPE_CHECKING:
    from skingpt_r1.dermbench.running import Benchmark, Result, RunConfig

Systems = Annotated[str, typer.Option(help="Names or model strings, with commas between; NAME+blind too.")]
Registry = Annotated[Path | None, typer.Option(help="A file of your own with more systems.")]
Runs = Annotated[Path, typer.Option(help="Caches of pictures, for what is fitted here.")]
Tries = Annotated[int, typer.Option(min=1, help="Of a request that times out or meets 429 or 5xx.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds of one request.")]
AtOnce = Annotated[int | None, typer.Option(min=1, help="Cases at a time; default: the provider's own.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on: keep what is done, ask the rest.")]


@contextmanager
def needed() -> Iterator[None]:
    """Says what to install where inspect_ai, or what it needs, is not there."""
    try:
        yield
    except ImportError as error:
        raise SkinGPTError(
            f"benchmarks need more packages ({error.name} is missing): pip install 'skingpt-r1[bench]'."
        ) from error


def carry_out(
    benchmark: Benchmark, config: RunConfig, systems: str, registry: Path | None, out: Path, resume: bool
) -> None:
    """Run the systems named, telling of each; exits with 1 where a case is pending."""
    from skingpt_r1.dermbench.running import run
    from skingpt_r1.dermbench.systems.registry import named, read_systems

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    more = read_systems(registry) if registry else {}
    wanted = [named(name.strip(), more) for name in systems.split(",") if name.strip()]
    results = list(map(_tell, run(benchmark, config, wanted, out, resume)))
    if any(result.standing.pending or result.standing.unscored for result in results):
        raise typer.Exit(1)


def _tell(result: Result) -> Result:
    standing = result.standing
    waiting = sum(standing.pending.values())
    console = Console()
    console.print(
        f"{result.system}: {standing.finished:,} answered, {waiting:,} pending: {result.log}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for reason, n in standing.pending.items():
        console.print(f"  {n:,} x {reason}", highlight=False, markup=False, soft_wrap=True)
    for judge, reasons in standing.unscored.items():
        for reason, n in reasons.items():
            console.print(f"  {judge}: {n:,} unscored: {reason}", highlight=False, markup=False, soft_wrap=True)
    return result
