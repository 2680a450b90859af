"""The report on a terminal: every claim with its sign and evidence, readable without colour, at 60 columns.

Text from the photo's name and from the model reaches the terminal as `Text`, never as markup, with control
characters spelled out, so that neither can move the cursor or forge a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from skingpt_r1.narrative import plain
from skingpt_r1.narrative.report import (
    SIGNS,
    ClaimRow,
    Report,
    capital,
    claim_rows,
    counted_as,
    one_line,
    ranked,
    ratio_text,
    region_evidence,
)
from skingpt_r1.narrative.verify import Judgement, said
from skingpt_r1.records import Status, Urgency

_STYLES: Final = {
    Status.SUPPORTED: "bold blue",
    Status.CONTRADICTED: "bold red",
    Status.NOT_CHECKABLE: "dim",
}
_URGENT: Final = {Urgency.URGENT: "bold red", Urgency.SOON: "yellow"}
_BAR: Final = 20  # characters of a full bar
_LEGEND: Final = "+ a check agrees   - a check contradicts   ? not checkable   * the diagnosis rests on it"


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the report; the console, standard output if None, decides on colour and width."""
    console = console or Console(highlight=False)
    console.print(renderable(report, ascii_only=console.options.ascii_only))


def renderable(report: Report, *, ascii_only: bool = False) -> RenderableType:
    """The report as one rich renderable. ascii_only: bars of # where the terminal has no blocks."""
    return Group(*_parts(report, ascii_only))


def _parts(report: Report, ascii_only: bool) -> Iterator[RenderableType]:
    yield Rule(Text(one_line(report.image)), align="left", characters="-" if ascii_only else "─")
    yield _headline(report)
    yield _urgency(report)
    yield from _section("In plain words", [Text(line) for line in report.summary])
    if report.outside is None:
        yield from _reasoning(report, ascii_only)
    notes = [*report.notes, *(f"{capital(q.name)}: {q.advice}" for q in report.quality)]
    if notes:
        yield from _section("Notes", [Text(f"- {one_line(note)}") for note in notes])
    yield from _section("Limits", [Text(f"- {limit}", style="dim") for limit in plain.LIMITS])
    yield Text("")
    yield Text(plain.DISCLAIMER, style="bold")
    if facts := [*report.model.items(), *((f"{k} s", f"{v:.2f}") for k, v in report.seconds.items())]:
        yield Text(one_line(", ".join(f"{name} {value}" for name, value in facts)), style="dim")


def _reasoning(report: Report, ascii_only: bool) -> Iterator[RenderableType]:
    for title, rows in claim_rows(report):
        yield from _section(title, [_claims(rows)])
    yield Text(_LEGEND, style="dim")
    if (region := region_evidence(report)) is not None:
        yield Text(f"Where the model looked: {region.detail}.", style="dim")
    yield from _section("Differential", list(_differential(report, ascii_only)))


def _section(title: str, parts: list[RenderableType]) -> Iterator[RenderableType]:
    yield Text("")
    yield Text(title, style="bold underline")
    yield from parts


def _headline(report: Report) -> Text:
    name = capital(one_line(report.diagnosis)) if report.diagnosis else "No diagnosis"
    if report.outside is not None:
        return Text("Not a picture that this model can judge", style="bold").append(
            f"\nWhy: {one_line(report.reason or report.outside)}", style=""
        )
    if report.abstained:
        line = Text("Not sure enough to name a diagnosis", style="bold")
        line.append(f"\nClosest match: {name}", style="")
    else:
        line = Text(name, style="bold")
    line.append(f"\nConfidence {plain.percent(report.confidence)}, an estimate", style="")
    if report.label is not None:
        line.append(f"; label {one_line(report.label)}", style="")
    if report.reason:
        line.append(f"\nWhy: {one_line(report.reason)}", style="")
    return line


def _urgency(report: Report) -> Panel:
    text = Text(report.advice)
    if report.red_flags:
        text.append(f"\nWarning signs found: {', '.join(report.red_flags)}.")
    title = Text(f"When to be seen: {plain.WHEN[report.urgency].lower()}" if report.outside is None else "What to do")
    return Panel(text, title=title, title_align="left", border_style=_URGENT.get(report.urgency, "blue"))


def _claims(rows: tuple[ClaimRow, ...]) -> Table:
    grid = Table.grid(padding=(0, 1), pad_edge=False)
    grid.add_column(width=2)
    grid.add_column(ratio=2)
    grid.add_column(justify="right", width=4)
    grid.add_column(ratio=5)
    for row in rows:
        style = _STYLES[row.claim.status]
        support = "" if row.claim.support is None else f"{row.claim.support:.2f}"
        evidence = capital(row.evidence.detail) if row.evidence else ""
        grid.add_row(
            Text(row.sign + ("*" if row.decides else ""), style=style),
            Text(one_line(row.text), style="bold" if row.decides else ""),
            Text(support, style=style),
            Text(one_line(evidence)),
        )
    return grid


def _differential(report: Report, ascii_only: bool) -> Iterator[RenderableType]:
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    for name, probability, judgements in ranked(report):
        line = Text(f"{capital(one_line(name))}", style="bold")
        if (kind := plain.kind(name)) is not None:
            line.append(f" ({kind})", style="dim")
        yield line
        if probability is not None:
            length = round(_BAR * min(max(probability, 0.0), 1.0))
            yield Text(f"  {full * length}{empty * (_BAR - length)} {plain.percent(probability)}")
        for judgement in judgements:
            yield Padding(_judgement(judgement, report), (0, 0, 0, 2))


def _judgement(judgement: Judgement, report: Report) -> Text:
    claim = report.narrative.claims[judgement.position]
    text = Text(f"{SIGNS[judgement.status]} ", style=_STYLES[judgement.status])
    side = "for" if judgement.speaks_for else "against"
    group = counted_as(claim) if judgement.ratio else None
    text.append(f"{side}: {one_line(said(claim))}{f', counted as {group}' if group else ''}", style="")
    text.append(f"  {ratio_text(judgement.ratio)}", style="dim")
    if claim.status is Status.CONTRADICTED:
        text.append("  (the claim itself is contradicted)", style="")
    return text
