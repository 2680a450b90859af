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
from skingpt_r1.knowledge import comparison
from skingpt_r1.knowledge.comparison import Finding
from skingpt_r1.knowledge.diagnoses import Diagnosis, get, lineage
from skingpt_r1.knowledge.extraction import extract as extract_file
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import replacing

app = typer.Typer(help="What is known of diagnoses, with source and numbers.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of tables.")]
_SHOWN = 30  # findings in a table; --json gives all


@app.command()
def show(
    diagnosis: Annotated[str, typer.Argument(help="A name, synonym or abbreviation.")],
    as_json: AsJson = False,
) -> None:
    """A diagnosis: family, codes, red flags, and what speaks for and against it in the counted tables."""
    row = get(comparison.named(diagnosis))
    found = comparison.findings(row.name)
    if as_json:
        _print_json({**_fields(row), "findings": [f.to_json() for f in found], "smoothing": comparison.SMOOTHING})
        return
    console = Console()
    for name, value in _fields(row).items():
        if value:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            console.print(f"[bold]{name.replace('_', ' ')}[/bold]: {escape(text)}", highlight=False)
    if not found:
        console.print("No table counts findings of it.", highlight=False)
        return
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
    found = comparison.compare(first, second)
    if plot is not None:
        from skingpt_r1.knowledge.forest import draw

        draw(found, first, second, plot)
    if as_json:
        _print_json({"one": first, "other": second, "findings": [f.to_json() for f in found],
                     "smoothing": comparison.SMOOTHING})  # fmt: skip
        return
    console = Console()
    console.print(_table(f"{first} against {second}", found, (first, second)))
    console.print(comparison.SMOOTHING, highlight=False)


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
            f"{ratio.value:.2g}",
            f"{ratio.low:.2g} to {ratio.high:.2g}",
            f"{ratio.n:,}",
            _brief(ratio.source),
        ]
        table.add_row(*(escape(cell) for cell in ([row[0], side, *row[1:]] if pair else row)))
    return table


def _brief(source: str) -> str:
    """The table's name without the note of how its words were mapped, which --json tells."""
    return source.partition(" (")[0]


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
