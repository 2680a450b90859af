"""`skingpt bench`: build a suite, see whom it can be run on, run it; and classification and judging beside."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli import bench_classify, bench_judging
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
from skingpt_r1.records import SkinGPTError

app = typer.Typer(help="Compare systems: suites, runs, judges, leaderboard.", no_args_is_help=True)
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
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many cases in all, each source and label its share.")
    ] = None,
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
    missing: tuple[str, ...] | None = None
    left_out = 0
    if suite is SuiteName.OPEN:
        if images is not None or texts is not None:
            raise SkinGPTError("--images and --texts are for the suite dermbench.")
        made = openly.build(data, limit)
    else:
        if images is None:
            raise SkinGPTError(f"dermbench needs pictures: {published.WHERE}")
        found = published.build(images, texts or data_root(data) / published.TEXTS, limit)
        made, missing, left_out = found.suite, found.missing, len(found.missing) + len(found.problems)
        for line in found.problems:
            complain(line)
    try:
        if missing is not None:
            write_text(folder / "missing.txt", "".join(f"{path}\n" for path in missing))
        path = write(made, folder)
        write_card(made, folder)
    except OSError as error:
        raise SkinGPTError(f"{folder}: cannot be written ({error.strerror}); name another --out.") from error
    if missing:
        complain(f"{len(missing):,} texts have no picture in {images}; {folder / 'missing.txt'} lists them.")
    Console().print(f"{path}: {len(made.rows):,} cases, digest {made.digest[:16]}", highlight=False, soft_wrap=True)
    if left_out:
        raise typer.Exit(2)


@app.command("systems")
def list_systems(
    registry: Registry = None,
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
    systems: Systems,
    out: Annotated[Path, typer.Option(help="Folder of the logs.")] = Path("runs/bench"),
    judges: Annotated[str, typer.Option(help="dermeval, reference, offline, with commas between.")] = "",
    judge_model: Annotated[str | None, typer.Option(help="Model that the reference judge asks.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the suite's pictures.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many cases in all, each source and label its share.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Tell the systems the recorded history.")] = False,
    registry: Registry = None,
    runs: Runs = Path("runs"),
    tries: Tries = 5,
    timeout: Timeout = 180,
    at_once: AtOnce = None,
    resume: Resume = False,
) -> None:
    """Ask systems about every case, and let judges score what they say. One log a system, for inspect_ai's viewer.

    Exit code 0: every case has its answer and scores; 1: some are pending, each with its reason: use --resume.
    """
    with needed():
        from skingpt_r1.dermbench.running import RunConfig
        from skingpt_r1.dermbench.suites.benchmark import OnSuite
    folder = SUITES / suite if suite in set(SuiteName) else Path(suite)
    named = tuple(name.strip() for name in judges.split(",") if name.strip())
    benchmark = OnSuite(folder, data, limit, history, named, judge_model)
    open_folders = data if benchmark.read.name == SuiteName.OPEN else None  # what the probe learns from
    carry_out(benchmark, RunConfig(open_folders, runs, tries, timeout, at_once), systems, registry, out, resume)


app.command("classify")(bench_classify.classify)
app.command("classify-baselines")(bench_classify.baselines)
app.command("classify-table")(bench_classify.table)
app.command("leaderboard")(bench_judging.leaderboard)
app.command("compare")(bench_judging.compare)
app.command("judge-check")(bench_judging.judge_check)
