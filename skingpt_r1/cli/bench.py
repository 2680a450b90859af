"""`skingpt bench`: build a suite, see whom it can be run on, run it."""

from __future__ import annotations

import json
import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli.words import complain
from skingpt_r1.records import SkinGPTError

if TYPE_CHECKING:
    from skingpt_r1.dermbench.running import Result

app = typer.Typer(help="Compare systems: suites, runs.", no_args_is_help=True)
SUITES = Path("runs")


class SuiteName(StrEnum):
    """What can be built."""

    OPEN = "dermbench-open"
    PUBLISHED = "dermbench"


@app.command()
def build(
    suite: Annotated[
        SuiteName, typer.Argument(help="dermbench-open: open image folders; dermbench: your copy of DermNet.")
    ] = SuiteName.OPEN,
    data: Annotated[Path | None, typer.Option(help="Folder of the open image folders (and of the texts).")] = None,
    images: Annotated[Path | None, typer.Option(help="dermbench: folder of your DermNet pictures.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="dermbench: certified texts; default: dermbench_text in the data folder.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the suite; default: runs/SUITE.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many cases, of each source and label.")] = None,
) -> None:
    """Write a suite: a manifest with reference narratives, and its data card. Pictures stay where they are.

    Exit code 0: every case is in it; 2: texts left out because their row or picture is missing (each has its line).
    """
    from skingpt_r1.dermbench.suites import openly, published
    from skingpt_r1.dermbench.suites.card import write_card
    from skingpt_r1.dermbench.suites.manifest import write
    from skingpt_r1.sources.registry import data_root
    from skingpt_r1.sources.streams import write_text

    folder = out or SUITES / suite.value
    left_out = 0
    if suite is SuiteName.OPEN:
        if images is not None or texts is not None:
            raise SkinGPTError("--images and --texts are for the suite dermbench.")
        made = openly.build(data, limit)
    else:
        if images is None:
            raise SkinGPTError(f"dermbench needs pictures: {published.WHERE}")
        found = published.build(images, texts or data_root(data) / published.TEXTS, limit)
        made, left_out = found.suite, len(found.missing) + len(found.problems)
        for line in found.problems:
            complain(line)
        write_text(folder / "missing.txt", "".join(f"{path}\n" for path in found.missing))
        if found.missing:
            complain(f"{len(found.missing):,} texts have no picture in {images}; {folder / 'missing.txt'} lists them.")
    path = write(made, folder)
    write_card(made, folder)
    Console().print(f"{path}: {len(made.rows):,} cases, digest {made.digest[:16]}", highlight=False, soft_wrap=True)
    if left_out:
        raise typer.Exit(2)


@app.command("systems")
def list_systems(
    registry: Annotated[Path | None, typer.Option(help="A file of your own with more systems.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines, one object a system.")] = False,
) -> None:
    """List the systems that are known by name. Any model string of inspect_ai is one too."""
    from dataclasses import asdict

    from skingpt_r1.dermbench.systems.registry import read_systems, systems, unnamed

    known = {**systems(), **(read_systems(registry) if registry else {})}
    if as_json:
        for system in known.values():
            sys.stdout.write(json.dumps(asdict(system), ensure_ascii=False) + "\n")
        return
    table = Table()
    for heading in ("name", "title", "model", "in the papers", "notes"):
        table.add_column(heading, overflow="fold")
    for s in known.values():
        runs = s.model or ("the task itself" if s.control else "not through inspect_ai")
        table.add_row(s.name, s.title, runs, "yes" if s.in_paper else "", s.notes)
    Console().print(table)
    Console().print(unnamed(), highlight=False)


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="dermbench-open, dermbench, or the folder of a suite.")],
    systems: Annotated[str, typer.Option(help="Names or model strings, with commas between; NAME+blind too.")],
    out: Annotated[Path, typer.Option(help="Folder of the logs.")] = Path("runs/bench"),
    judges: Annotated[str, typer.Option(help="dermeval, reference, offline, with commas between.")] = "",
    judge_model: Annotated[str | None, typer.Option(help="Model that the reference judge asks.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the suite's pictures.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many cases, of each source and label.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Tell the systems the recorded history.")] = False,
    registry: Annotated[Path | None, typer.Option(help="A file of your own with more systems.")] = None,
    runs: Annotated[Path, typer.Option(help="Caches of pictures, for the linear probe.")] = Path("runs"),
    tries: Annotated[int, typer.Option(min=1, help="Of a request that times out or meets 429 or 5xx.")] = 5,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds of one request.")] = 180,
    at_once: Annotated[int | None, typer.Option(min=1, help="Cases at a time; default: the provider's own.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on: keep what is done, ask the rest.")] = False,
) -> None:
    """Ask systems about every case, and let judges score what they say. One log a system, for inspect_ai's viewer.

    Exit code 0: every case has its answer and scores; 1: some are pending, each with its reason: use --resume.
    """
    try:
        from skingpt_r1.dermbench import running
    except ImportError as error:
        raise SkinGPTError(
            f"benchmarks need more packages ({error.name} is missing): pip install 'skingpt-r1[bench]'."
        ) from error
    from skingpt_r1.dermbench.systems.registry import named, read_systems

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    more = read_systems(registry) if registry else {}
    wanted = [named(name.strip(), more) for name in systems.split(",") if name.strip()]
    folder = SUITES / suite if suite in set(SuiteName) else Path(suite)
    config = running.RunConfig(
        suite=folder, data=data, limit=limit, history=history, runs=runs, tries=tries, timeout=timeout,
        judges=tuple(name.strip() for name in judges.split(",") if name.strip()), judge_model=judge_model,
        at_once=at_once,
    )  # fmt: skip
    results = list(map(_tell, running.run(config, wanted, out, resume)))
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
