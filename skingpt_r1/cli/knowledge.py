"""`skingpt knowledge`: look a diagnosis up, compare two, and read the final diagnosis out of texts by others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skingpt_r1.cli.words import complain
from skingpt_r1.knowledge import comparison, expert
from skingpt_r1.knowledge.comparison import Finding, in_digits
from skingpt_r1.knowledge.diagnoses import Diagnosis, get, lineage
from skingpt_r1.knowledge.expert import Share
from skingpt_r1.knowledge.extraction import extract as extract_file
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import replacing

app = typer.Typer(help="What is known of diagnoses, with source and numbers.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of tables.")]
_SHOWN = 30  # findings in a table; --json gives all
_COMMONEST = 10  # expert features of each table; --json gives all


@app.command()
def show(
    diagnosis: Annotated[str, typer.Argument(help="A name, synonym or abbreviation.")],
    as_json: AsJson = False,
) -> None:
    """A diagnosis: family, codes, red flags, what speaks for and against it, and what experts commonly mark in it."""
    row = get(comparison.named(diagnosis))
    found, marked = comparison.findings(row.name), expert.shares(row.name)
    if as_json:
        _print_json({
            **_fields(row), "findings": [f.to_json() for f in found], "smoothing": comparison.SMOOTHING,
            "expert_features": [share.to_json() for share in marked], "expert_smoothing": expert.SMOOTHING,
            "expert_tables": _described({share.source for share in marked}),
        })  # fmt: skip
        return
    console = Console()
    for name, value in _fields(row).items():
        if value:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            console.print(f"[bold]{name.replace('_', ' ')}[/bold]: {escape(text)}", highlight=False)
    if found:
        _speaking(console, found)
    if marked:
        console.print(_shares(f"commonest features of {row.name} in expert tables", marked))
        console.print(expert.SMOOTHING, highlight=False)
        _tell_tables(console, {share.source for share in marked})
    if not found and not marked:
        console.print("No table counts findings of it.", highlight=False)


def _speaking(console: Console, found: list[Finding]) -> None:
    speaks_for = [f for f in found if f.telling and f.ratio.value > 1]
    against = [f for f in found if f.telling and f.ratio.value < 1]
    for title, findings in (("speaks for it", speaks_for), ("speaks against it", against)):
        if findings:
            console.print(_table(f"{title}, against the other diagnoses of the same table", findings[:_SHOWN]))
    console.print(
        f"{len(found) - len(speaks_for) - len(against)} counted findings whose interval holds 1 are not shown. "
        + comparison.SMOOTHING,
        highlight=False,
    )


@app.command()
def compare(
    one: Annotated[str, typer.Argument(help="A diagnosis.")],
    other: Annotated[str, typer.Argument(help="Another one.")],
    plot: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Draw a forest plot.")] = None,
    as_json: AsJson = False,
) -> None:
    """Which finding speaks for which of two diagnoses, strongest first, each with ratio, interval, n and source."""
    first, second = comparison.named(one), comparison.named(other)
    found, marked = comparison.compare(first, second), comparison.compare_experts(first, second)
    telling = [f for f in marked if f.telling]
    if plot is not None:
        from skingpt_r1.knowledge.forest import draw

        draw(found, first, second, plot, experts=marked)
    if as_json:
        _print_json({
            "one": first, "other": second, "findings": [f.to_json() for f in found], "smoothing": comparison.SMOOTHING,
            "expert_findings": [f.to_json() for f in marked], "expert_smoothing": expert.RATIOS,
            "expert_tables": _described({f.ratio.source for f in marked}),
        })  # fmt: skip
        return
    console = Console()
    if found:
        console.print(_table(f"{first} against {second}", found, (first, second)))
        console.print(comparison.SMOOTHING, highlight=False)
    if marked:
        if telling:
            console.print(_table(f"{first} against {second}, as experts marked", telling, (first, second)))
        console.print(
            f"{len(marked) - len(telling)} features that experts marked have an interval that holds 1 and are not "
            f"shown. {expert.RATIOS}",
            highlight=False,
        )
        _tell_tables(console, {f.ratio.source for f in marked})


@app.command()
def extract(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help='Lines {"id", "narrative"}; .gz is read too.')],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here, all or nothing. Default: stdout.")
    ] = None,
) -> None:
    """The final diagnosis of each narrative: lines {id, diagnosis, span}, with a reason where there is none.

    The diagnosis is in the preferred name where the table knows it, else as written; span is [start, end) in
    characters of the narrative. Lines that cannot be used are named on stderr, and the exit status is 2.
    """
    complaints: list[int] = []

    def told(message: str) -> None:
        complain(message)
        complaints.append(1)

    lines = (found.to_json() + "\n" for found in extract_file(file, told))
    if out is None:
        for line in lines:
            sys.stdout.write(line)
        sys.stdout.flush()
    else:
        try:
            with replacing(out) as stream:
                stream.writelines(lines)
        except OSError as error:
            raise SkinGPTError(f"{out}: cannot be written ({error.strerror}); choose another place.") from error
    if complaints:
        raise typer.Exit(2)


def _fields(row: Diagnosis) -> dict[str, Any]:
    return {
        "name": row.name,
        "synonyms": list(row.synonyms),
        "family": list(row.family),
        "kind_of": list(lineage(row.name)[1:]),
        "malignant": row.malignant,
        "icd10": row.icd10,
        "icd11": row.icd11,
        "urgency": row.urgency.value,
        "red_flags": [flag.text for flag in row.red_flags],
        "confused_with": list(row.confused_with),
        "source": row.source,
    }


def _table(title: str, found: list[Finding], pair: tuple[str, str] | None = None) -> Table:
    table = Table(title=escape(title))
    for heading in ("finding", *(("speaks for",) if pair else ()), "LR", "95 % CI", "n", "source"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        ratio = finding.ratio
        side = "neither" if not finding.telling else pair[ratio.value < 1] if pair else ""
        row = [
            str(finding),
            in_digits(ratio.value),
            f"{in_digits(ratio.low)} to {in_digits(ratio.high)}",
            f"{ratio.n:,}",
            _brief(ratio.source),
        ]
        table.add_row(*(escape(cell) for cell in ([row[0], side, *row[1:]] if pair else row)))
    return table


def _shares(title: str, found: list[Share]) -> Table:
    table = Table(title=escape(title))
    for heading in ("feature", "P", "95 % CI", "pictures", "source"):
        table.add_column(heading, overflow="fold")
    for source in dict.fromkeys(share.source for share in found):
        for share in [share for share in found if share.source == source][:_COMMONEST]:
            cells = (
                str(share),
                f"{'~' * share.small}{share.p:.2f}",
                f"{share.low:.2f} to {share.high:.2f}",
                f"{share.present:,} of {share.n:,}",
                source,
            )
            table.add_row(*map(escape, cells))
        table.add_section()
    return table


def _tell_tables(console: Console, names: set[str]) -> None:
    for table in expert.sources(names):
        console.print(f"{escape(table.name)}: {escape(table.note)}.", highlight=False)


def _described(names: set[str]) -> list[dict[str, Any]]:
    return [{key: getattr(table, key) for key in ("name", "source", "licence", "note", "n")}
            for table in expert.sources(names)]  # fmt: skip


def _brief(source: str) -> str:
    """The table's name without the note of how its words were mapped, which --json tells."""
    return source.partition(" (")[0]


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
