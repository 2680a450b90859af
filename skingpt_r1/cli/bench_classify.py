"""`skingpt bench classify`, `classify-baselines` and `classify-table`: recognition on labelled sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli.bench_running import (
    AtOnce,
    Registry,
    Resume,
    Runs,
    Systems,
    Timeout,
    Tries,
    carry_out,
    needed,
)
from skingpt_r1.cli.words import complain
from skingpt_r1.sources.streams import write_text

if TYPE_CHECKING:
    from skingpt_r1.dermbench.classify.figures import Figures

Source = Annotated[
    str, typer.Argument(help="A set (pad_ufes_20), LAYOUT:FOLDER (ddi:/data/ddi), or a folder or table.")
]


def classify(
    source: Source,
    systems: Systems = "skingpt/embedded",
    out: Annotated[Path, typer.Option(help="Folder of the logs, a folder a set in it.")] = Path("runs/classify"),
    split: Annotated[str, typer.Option(help="test, or val to choose thresholds on.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Rows, in a fixed shuffled order.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Tell what is recorded of the patient.")] = False,
    open_ended: Annotated[bool, typer.Option("--open-ended", help="Offer no labels; compare diagnoses.")] = False,
    judge: Annotated[str | None, typer.Option(help="A model that compares diagnoses too (open-ended).")] = None,
    registry: Registry = None,
    runs: Runs = Path("runs"),
    tries: Tries = 5,
    timeout: Timeout = 180,
    at_once: AtOnce = None,
    resume: Resume = False,
) -> None:
    """Ask systems what the pictures of a labelled set show, by the published protocol.

    Exit code 0: every case has its answer; 1: some are pending, each with its reason: use --resume.
    """
    with needed():
        from skingpt_r1.dermbench.classify.benchmark import OnSet
        from skingpt_r1.dermbench.running import RunConfig
    benchmark = OnSet(source, split, limit, history, open_ended, judge, runs)
    for line in benchmark.read.problems:
        complain(line)
    ways = [name for name, on in (("history", history), ("open", open_ended)) if on]
    folder = out / "-".join([benchmark.read.name.replace("/", "-"), split, *ways])
    carry_out(benchmark, RunConfig(None, runs, tries, timeout, at_once), systems, registry, folder, resume)


def baselines(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder of the answers.")] = Path("runs/classify"),
    teacher: Annotated[Path | None, typer.Option(help="Run folder of `skingpt train teacher`.")] = None,
    limit: Annotated[int | None, typer.Option(help="Rows of split test.")] = None,
    train_limit: Annotated[int | None, typer.Option(help="Rows of train and of val.")] = None,
    runs: Runs = Path("runs"),
) -> None:
    """Measure what a system must beat on the same rows: majority, neighbours, linear probe, fine-tuned teacher."""
    from skingpt_r1.dermbench.classify import baselines as measured

    console = Console(highlight=False)
    fitted = measured.baselines(source, runs, teacher, limit, train_limit)
    for path in measured.write_baselines(fitted, out):
        console.print(f"wrote {path}", markup=False, soft_wrap=True)
    for name, why in fitted.left_out.items():
        console.print(f"left out: {name}, {why}", markup=False, soft_wrap=True)


def table(
    paths: Annotated[list[Path], typer.Argument(help="Logs, answers of baselines, or folders of them.")],
    out: Annotated[Path | None, typer.Option(help="Write NAME.md and NAME.json too.")] = None,
) -> None:
    """Systems and baselines on each set: figures with intervals over patients, and subgroups."""
    from skingpt_r1.dermbench.classify.table import as_json, markdown, runs_in, tabulate

    with needed():
        rows = tabulate(runs_in(paths))
    if out is not None:
        write_text(out.with_name(f"{out.name}.md"), markdown(rows))
        write_text(out.with_name(f"{out.name}.json"), as_json(rows))
    for source in dict.fromkeys(row.source for row in rows):
        _print([row for row in rows if row.source == source])


def _print(rows: Sequence[Figures]) -> None:
    from skingpt_r1.dermbench.classify.sets import TITLES
    from skingpt_r1.dermbench.classify.table import COLUMNS, head

    shown = [name for name in COLUMNS if any(name in row.found for row in rows)]
    told = Table(title=f"{TITLES.get(rows[0].source, rows[0].source)}, {rows[0].split}", show_lines=True)
    told.add_column("")
    for row in rows:
        told.add_column("\n".join(head(row)), overflow="fold", justify="right")
    for name in shown:
        told.add_row(COLUMNS[name], *(row.found[name].told() if name in row.found else "–" for row in rows))
    Console(highlight=False).print(told)
