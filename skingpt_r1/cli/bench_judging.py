"""`skingpt bench judge-check`, `leaderboard` and `compare`: what judges are worth, and what they say of the systems."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skingpt_r1.cli.words import complain, one_line
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

if TYPE_CHECKING:
    from skingpt_r1.dermbench.judges.check.checking import Report
    from skingpt_r1.dermbench.judges.check.texts import Pair
    from skingpt_r1.dermbench.leaderboard.comparing import Line, Paired
    from skingpt_r1.dermeval.agreement import Estimate

Logs = Annotated[Path, typer.Option("--logs", metavar="FOLDER", help="Logs of `bench run`, one a system.")]
_AGREED = ("bias", "mae", "pearson", "icc", "alpha")  # of the figures, those that the terminal shows
_SHOWN = ("dimension", "n", "difference (95 %)", "p", "effect size d")


def leaderboard(
    logs: Annotated[Path, typer.Argument(metavar="LOGS", help="Logs of `bench run`: a folder, or one log.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="OUT.html", help="Page; cases beside it.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="OUT.md", help="Table.")] = None,
    title: Annotated[str, typer.Option(help="Heading of both.")] = "Leaderboard",
    cases: Annotated[bool, typer.Option(help="Write a page a case: picture, texts, critiques.")] = True,
) -> None:
    """Systems by judge: means, dimensions and ranks with intervals; failed and pending apart; controls marked."""
    from skingpt_r1.dermbench.leaderboard import markdown as table
    from skingpt_r1.dermbench.leaderboard.page import write_pages
    from skingpt_r1.dermbench.leaderboard.standing import boards
    from skingpt_r1.dermbench.reading import read_logs

    runs = read_logs(logs)
    found = boards(runs)
    try:
        if html is not None:
            pages = write_pages(runs, found, html, title, cases)
            _say(f"{html}: {len(runs.systems)} systems, {len(runs.cases):,} cases, {pages:,} pages")
        if markdown is not None:
            write_text(markdown, table.markdown(found, title))
            _say(f"{markdown}: {len(found)} judges")
    except OSError as error:
        raise SkinGPTError(f"{error.filename}: cannot be written ({error.strerror}); name another place.") from error
    if html is None and markdown is None:
        sys.stdout.write(table.markdown(found, title))


def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A system, as the leaderboard names it.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    logs: Logs,
    judge: Annotated[str | None, typer.Option(help="Whose scores, where the logs hold several judges.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Two systems, case by case: difference with interval, permutation test, effect size; by dimension, by category."""
    from skingpt_r1.dermbench.leaderboard.comparing import compare_systems
    from skingpt_r1.dermbench.reading import read_logs

    found = compare_systems(read_logs(logs), one, other, judge)
    if as_json:
        sys.stdout.write(json.dumps(found.to_json(), ensure_ascii=False) + "\n")
        return
    _print_compared(found)


def judge_check(
    judge: Annotated[
        list[str],
        typer.Option("--judge", metavar="JUDGE", help="reference:PROVIDER/MODEL, offline, dermeval (repeat)."),
    ],
    logs: Annotated[Path | None, typer.Option("--logs", metavar="FOLDER", help="Texts: logs of `bench run`.")] = None,
    texts: Annotated[
        Path | None, typer.Option("--texts", metavar="FILE.jsonl", help="Texts: lines {id, candidate, reference}.")
    ] = None,
    suite: Annotated[
        Path | None,
        typer.Option("--suite", metavar="FOLDER", help="Texts: references of a suite, some damaged."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the suite's pictures.")] = None,
    raters: Annotated[
        Path | None, typer.Option("--raters", metavar="TABLE", help="People's scores: id (case or system|case), six.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many cases, drawn by seed.")] = 50,
    repeats: Annotated[int, typer.Option(min=2, max=20, help="Times that each text is scored as it is.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the draw and of the altered texts.")] = 0,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="For judge-check.json and its logs.")] = Path(
        "runs/judge-check"
    ),
) -> None:
    """How far judges can be trusted: repeats, swapped references, length, order, injection, own family, agreement.

    Exit code 0: every text was scored; 2: some readings failed, and the table says why.
    """
    from skingpt_r1.dermbench.judges.check.checking import CheckConfig, check
    from skingpt_r1.dermbench.judges.check.texts import drawn
    from skingpt_r1.dermbench.judges.naming import named_judge
    from skingpt_r1.dermeval.raters import read_scores

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    judges = [named_judge(word) for word in judge]
    pairs = drawn(_pairs(logs, texts, suite, data), limit, seed)
    people = read_scores(raters) if raters is not None else None
    report = check(judges, pairs, out / "logs", CheckConfig(repeats, seed), people)
    try:
        write_text(out / "judge-check.json", report.to_json())
    except OSError as error:
        raise SkinGPTError(f"{out}: cannot be written ({error.strerror}); name another folder.") from error
    _print_report(report)
    _say(f"{out / 'judge-check.json'}")
    if failed := sum(n for told in report.judges for n in told.unscored.values()):
        complain(f"{failed} readings gave no score; the table says why.")
        raise typer.Exit(2)


def _pairs(logs: Path | None, texts: Path | None, suite: Path | None, data: Path | None) -> list[Pair]:
    from skingpt_r1.dermbench.judges.check.texts import of_file, of_runs, of_samples
    from skingpt_r1.dermbench.reading import read_logs
    from skingpt_r1.dermbench.suites.manifest import pictures, read
    from skingpt_r1.dermbench.suites.samples import dataset
    from skingpt_r1.sources.registry import data_root

    if sum(place is not None for place in (logs, texts, suite)) != 1:
        raise SkinGPTError("judge-check: name one of --logs, --texts and --suite.")
    if logs is not None:
        return of_runs(read_logs(logs))
    if texts is not None:
        return of_file(texts)
    whole = read(suite or Path())
    return of_samples(dataset(whole, pictures(whole, data_root(data))))


def _print_compared(found: Paired) -> None:
    console = Console(highlight=False)
    only = f"; {found.only[0]} cases of the first only, {found.only[1]} of the second" if any(found.only) else ""
    console.print(Text(one_line(f"{found.ours} less {found.theirs}, judge {found.judge}{only}")))
    for title, lines in (("", [found.overall]), ("by dimension", found.dimensions), ("by category", found.categories)):
        table = Table(title=f"{title}, p adjusted (Holm)" if title else None, title_justify="left")
        for heading in _SHOWN:
            table.add_column(heading if heading != "dimension" or not title else title.removeprefix("by "))
        for line in lines:
            table.add_row(Text(one_line(line.name)), str(line.n), *_compared(line))
        console.print(table)
    console.print(Text("d: mean of the patients' differences over their standard deviation.", "dim"))


def _compared(line: Line) -> tuple[str, str, str]:
    if line.told is None:
        return "too few cases for a claim", "", ""
    effect = "no variation" if line.told.effect is None else f"{line.told.effect:+.2f}"
    return _with_interval(line.told.difference), f"{line.p:.4f}", effect


def _print_report(report: Report) -> None:
    console = Console(highlight=False)
    said = f"{report.n:,} texts, {report.cases:,} patients or lesions; points of the mean of six scores"
    console.print(Text(f"{said}, 95 % intervals"))
    for told in report.judges:
        why = "; ".join(f"{reason} {n}" for reason, n in told.unscored.items())
        open_ = f", without score: {why}" if why else ""
        title = f"{told.judge}: {told.scored:,} texts scored, {told.readings:,} readings, {told.cached:,} cached{open_}"
        table = Table(title=Text(one_line(title)), title_justify="left")
        for heading in ("effect", "value (95 %)", "n", "how to read it"):
            table.add_column(heading, overflow="fold", justify="right" if heading == "n" else "left")
        for effect in told.effects:
            name = f"  {effect.kind}" if effect.kind else effect.name
            value = effect.missing or _with_interval(effect.told)
            table.add_row(name, Text(value), str(effect.n), "" if effect.kind else Text(effect.sign))
        console.print(table)
    if report.agreement:
        table = Table(title="Agreement on the mean: the first less the second", title_justify="left")
        for heading in ("judges", "n", *(f"{name} (95 %)" for name in _AGREED), "limits of agreement"):
            table.add_column(heading, overflow="fold")
        for pair in report.agreement:
            figures = [_with_interval(pair.figures["mean"][name]) for name in _AGREED]
            limits = pair.limits["mean"]
            said = "too few" if limits is None else f"{limits[0]:+.2f} to {limits[1]:+.2f}"
            table.add_row(Text(one_line(f"{pair.one}, {pair.other}")), str(pair.n), *figures, said)
        console.print(table)


def _with_interval(told: Estimate) -> str:
    return told.told("+z.2f", alone=", too few for an interval", unknown="cannot be said")


def _say(line: str) -> None:
    Console(soft_wrap=True).print(Text(one_line(line)), highlight=False)
