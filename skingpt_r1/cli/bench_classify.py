"""`skingpt bench classify`, `classify-baselines` and `classify-table`: recognition on labelled sets.

Running is injected: `bench` hands in what runs a task for a list of systems, so that these commands know no registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

if TYPE_CHECKING:
    from inspect_ai import Task

    from skingpt_r1.dermbench.classify.figures import Figures

Runner = Callable[["Task", Sequence[str], Path], object]
"""Runs a task for the systems named, its logs in a folder."""

Source = Annotated[
    str, typer.Argument(help="A set (pad_ufes_20), LAYOUT:FOLDER (ddi:/data/ddi), or a folder or table.")
]
Runs = Annotated[Path, typer.Option(help="Caches of the public sets' pictures.")]


def classify(run: Runner) -> Callable[..., None]:
    """The command, for one way of running a task."""

    def command(
        source: Source,
        systems: Annotated[str, typer.Option(help="Systems, separated by commas.")] = "embedded",
        logs: Annotated[Path, typer.Option(help="Folder of the logs.")] = Path("runs/classify"),
        split: Annotated[str, typer.Option(help="test, or val to choose thresholds on.")] = "test",
        limit: Annotated[int | None, typer.Option(help="Rows, in a fixed shuffled order.")] = None,
        history: Annotated[bool, typer.Option("--history", help="Tell what is recorded of the patient.")] = False,
        blind: Annotated[bool, typer.Option("--blind", help="Show the picture's mean colour only.")] = False,
        open_ended: Annotated[bool, typer.Option("--open-ended", help="Offer no labels; compare diagnoses.")] = False,
        judge: Annotated[str | None, typer.Option(help="A model that compares diagnoses too (open-ended).")] = None,
        runs: Runs = Path("runs"),
    ) -> None:
        """Ask systems what the pictures of a labelled set show, by the published protocol."""
        with _inspect():
            from skingpt_r1.dermbench.classify.task import classify as task
        told = task(source, split, limit, history, blind, open_ended, judge, str(runs))
        run(told, [name.strip() for name in systems.split(",") if name.strip()], logs)

    return command


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

    with _inspect():
        rows = tabulate(runs_in(paths))
    if out is not None:
        write_text(out.with_suffix(".md"), markdown(rows))
        write_text(out.with_suffix(".json"), as_json(rows))
    for source in dict.fromkeys(row.source for row in rows):
        _print([row for row in rows if row.source == source])


def _print(rows: Sequence[Figures]) -> None:
    from skingpt_r1.dermbench.classify.sets import TITLES
    from skingpt_r1.dermbench.classify.table import COLUMNS, cell, head

    shown = [name for name in COLUMNS if any(name in row.found for row in rows)]
    told = Table(title=f"{TITLES.get(rows[0].source, rows[0].source)}, {rows[0].split}", show_lines=True)
    told.add_column("")
    for row in rows:
        told.add_column("\n".join(head(row)), overflow="fold", justify="right")
    for name in shown:
        told.add_row(COLUMNS[name], *(cell(row.found[name]) if name in row.found else "–" for row in rows))
    Console(highlight=False).print(told)


@contextmanager
def _inspect() -> Iterator[None]:
    """Says what to install where inspect_ai is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "inspect_ai":
            raise
        raise SkinGPTError("the benchmark needs inspect_ai: pip install 'skingpt-r1[bench]'.") from error
