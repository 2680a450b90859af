"""`skingpt trust`: may one believe it? Five measurements on test pictures, and one page that tells them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from skingpt_r1.dermbench.trust.running import Run
    from skingpt_r1.dermbench.trust.section import Section

app = typer.Typer(no_args_is_help=True)
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Journal, sections and report; a killed run goes on there.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Test pictures, shared out over the sets. Default: all.")]
Seed = Annotated[int, typer.Option(help="Seed of what is drawn: corruptions, edits, intervals.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the public sets. Default: $SKINGPT_DATA or ../shared/data.")]
Readings = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Readings of test rows by these very adapters, taken, not made (repeatable)."),
]
Sets = Annotated[str | None, typer.Option(metavar="NAMES", help="Of these sets only, commas between. Default: all.")]
Adapters = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Other adapters than the shipped ones.")]
_OUT = Path("runs/trust")


@app.command()
def calibration(
    out: Out = _OUT, limit: Limit = None, seed: Seed = 0, data: Data = None, sets: Sets = None,
    readings: Readings = None, adapters: Adapters = None,
) -> None:  # fmt: skip
    """Does the confidence mean what it says, and do the prediction sets hold what they promise?"""
    _measure("calibration", out=out, limit=limit, seed=seed, data=data, sets=sets, readings=readings, adapters=adapters)


@app.command()
def abstention(
    out: Out = _OUT, limit: Limit = None, seed: Seed = 0, data: Data = None, sets: Sets = None,
    readings: Readings = None, adapters: Adapters = None,
) -> None:  # fmt: skip
    """How many errors remain where it answers only the surest pictures?"""
    _measure("abstention", out=out, limit=limit, seed=seed, data=data, sets=sets, readings=readings, adapters=adapters)


@app.command()
def scope(
    out: Out = _OUT, limit: Limit = None, seed: Seed = 0, data: Data = None, sets: Sets = None,
    adapters: Adapters = None,
    each: Annotated[int, typer.Option(min=1, help="Pictures of each kind out of scope.")] = 30,
) -> None:  # fmt: skip
    """Does it refuse documents, walls and healthy skin, and let lesions through?"""
    _measure("scope", out=out, limit=limit, seed=seed, data=data, sets=sets, adapters=adapters, each=each)


@app.command()
def faithfulness(
    out: Out = _OUT, limit: Limit = 60, seed: Seed = 0, data: Data = None, sets: Sets = None,
    readings: Readings = None, adapters: Adapters = None,
) -> None:  # fmt: skip
    """Do the claims follow the picture, and the answer the reasoning, when either is taken away or exchanged?"""
    _measure(
        "faithfulness", out=out, limit=limit, seed=seed, data=data, sets=sets, readings=readings, adapters=adapters
    )


@app.command()
def robustness(
    out: Out = _OUT, limit: Limit = 60, seed: Seed = 0, data: Data = None, sets: Sets = None,
    readings: Readings = None, adapters: Adapters = None,
) -> None:  # fmt: skip
    """How often does a worse photo of the same lesion change the answer?"""
    _measure("robustness", out=out, limit=limit, seed=seed, data=data, sets=sets, readings=readings, adapters=adapters)


@app.command()
def report(out: Out = _OUT) -> None:
    """One HTML page of whatever was measured, and rows for the model card."""
    from skingpt_r1.dermbench.trust.report import write

    for path in write(out):
        typer.echo(path)


@app.command("fit-gate")
def fit_gate(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for gate.safetensors.")] = Path("runs/gate"),
    runs: Annotated[Path, typer.Option(help="Where runs and caches live.")] = Path("runs"),
    data: Data = None,
    each: Annotated[int, typer.Option(min=5, help="Pictures of each kind out of scope.")] = 60,
    seed: Seed = 0,
) -> None:
    """Fit the gate on training and validation rows and made-up pictures. Never sees a test row."""
    from skingpt_r1.dermbench.trust.fitting import fit_gate as fit

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    for name, value in fit(out, runs, data, each, seed).items():
        typer.echo(f"{name}: {value}")


def _measure(key: str, *, sets: str | None, readings: list[Path] | None = None, **given: Any) -> None:
    from skingpt_r1.dermbench.trust.running import MEASUREMENTS, Run
    from skingpt_r1.models.precision import keep_freed_memory

    keep_freed_memory()
    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    given |= {"readings": tuple(readings or ()), "sets": None if sets is None else tuple(sets.split(","))}
    run = Run(**{name: value for name, value in given.items() if value is not None})
    work: Callable[[Run], Section] = MEASUREMENTS[key]
    _print(work(run), run.out)


def _print(section: Section, out: Path) -> None:
    console = Console(highlight=False)
    table = Table(title=section.title, caption=section.meaning, caption_justify="left")
    for heading in ("what", "value (95 % interval)", "n", "beside"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "n" else "left")
    for f in section.figures:
        table.add_row(f.name, f.told, f"{f.n:,}", f.against)
    console.print(table)
    console.print(f"{out / section.key}.json; the page: skingpt trust report --out {out}")
