"""`skingpt data`: which pictures are there, whether they are fit to train on, and how to split them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from skingpt_r1.cli.words import columns_of
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import LabelSet, label_set
from skingpt_r1.records import Case, CaseError, Modality, SkinGPTError
from skingpt_r1.sources import registry
from skingpt_r1.sources.clustering import Pair, clusters
from skingpt_r1.sources.folder import FolderReport, read_folder
from skingpt_r1.sources.splits import SPLITS, leaks, split_cases
from skingpt_r1.sources.streams import cache_dir, write_text

app = typer.Typer(help="Pictures as training and test data: list, check, split.", no_args_is_help=True)

Root = Annotated[
    Path | None,
    typer.Option("--data", help=f"Folder of the public sets. Default: ${registry.ENVIRONMENT} or ../shared/data."),
]
Columns = Annotated[list[str] | None, typer.Option("--column", help="Column of a table, as field=column (repeatable).")]
Taken = Annotated[Modality, typer.Option(help="How the pictures were taken, where the table does not say.")]
Labels = Annotated[str | None, typer.Option("--label-set", help="A label set by name, or a file.")]


@app.command("list")
def list_sources(data: Root = None) -> None:
    """Show the public sets found: rows in each split, labels, licence."""
    console = Console()
    table = Table(title=escape(str(registry.data_root(data))), show_lines=True)
    for heading in ("source", "modality", "train / val / test", "labels", "licence", "scope"):
        table.add_column(heading, overflow="fold")
    found = registry.available(data)
    for source in found:
        cases = registry.load(source.name, data)
        splits = Counter(case.split for case in cases)
        labels = Counter(case.label for case in cases)
        table.add_row(
            source.name,
            source.modality.value,
            " / ".join(f"{splits[name]:,}" for name in SPLITS),
            ", ".join(f"{label} {count:,}" for label, count in labels.most_common()),
            source.licence,
            source.scope,
        )
    console.print(table)
    for source in registry.SOURCES.values():
        if source not in found:
            console.print(f"not here: {source.name} ({source.download})", highlight=False)


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="A folder or CSV table; default: the public sets.")] = None,
    data: Root = None,
    column: Columns = None,
    modality: Taken = Modality.CLINICAL,
    label_set_name: Labels = None,
) -> None:
    """Find unreadable pictures, unknown labels, duplicates, and rows that leak between splits.

    Exit code 1 if anything is wrong.
    """
    console = Console()
    if path is None:
        cases = [case for source in registry.available(data) for case in registry.load(source.name, data)]
        problems: list[str] = []
    else:
        report = _read(path, column, modality, label_set_name)
        cases, problems = list(report.cases), list(report.problems)
    problems += _unreadable(cases)
    pairs = duplicates_of(cases)
    leaking = leaks(cases, clusters(pairs))
    for line in problems:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for block in leaking:
        rows = ", ".join(f"{case.dataset}/{case.id} ({case.split})" for case in block)
        console.print(f"on two sides: {rows}", markup=False, highlight=False, soft_wrap=True)
    _print_pairs(console, pairs)
    console.print(
        f"{len(cases):,} pictures, {len(problems)} problems, {len(pairs):,} duplicate pairs, "
        f"{len(leaking)} groups on two sides of a split",
        highlight=False,
    )
    if problems or leaking:
        raise typer.Exit(1)


@app.command()
def split(
    path: Annotated[Path, typer.Argument(help="A folder with a folder for each class, or a CSV table.")],
    out: Annotated[Path, typer.Option("--out", help="CSV table to write.")],
    fractions: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.8,0.1,0.1",
    seed: Annotated[int, typer.Option(help="Same seed, same split.")] = 0,
    column: Columns = None,
    modality: Taken = Modality.CLINICAL,
    label_set_name: Labels = None,
) -> None:
    """Split pictures by patient and near-duplicate, stratified by label; write a table that we read back."""
    console = Console(stderr=True)
    report = _read(path, column, modality, label_set_name)
    for line in report.problems:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    pairs = duplicates_of(report.cases)
    cases = split_cases(report.cases, shares_of(fractions), seed, clusters(pairs))
    _write_table(out, cases)
    counts = Counter(case.split for case in cases)
    shares = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
    Console().print(f"{shares}; {len(pairs)} duplicate pairs kept together", highlight=False)


def _read(path: Path, column: list[str] | None, modality: Modality, labels: str | None) -> FolderReport:
    meaning: LabelSet | None = label_set(labels) if labels else None
    return read_folder(path, columns_of(column), modality, meaning)


def shares_of(text: str) -> tuple[float, float, float]:
    """Train, val and test from "0.8,0.1,0.1". Raises SkinGPTError."""
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        raise SkinGPTError(f"{text}: give three numbers, for example 0.8,0.1,0.1.") from None
    return train, val, test


def _unreadable(cases: Sequence[Case]) -> list[str]:
    problems: list[str] = []
    for case in track(cases, "reading", console=Console(stderr=True), transient=True):
        try:
            read_photo(case.image)
        except CaseError as error:
            problems.append(str(error))
    return problems


def duplicates_of(cases: Sequence[Case]) -> list[Pair]:
    """Near-duplicate pairs of pictures; hashes and embeddings are kept in the user's cache."""
    from skingpt_r1.models.embedding import embedder  # loads torch
    from skingpt_r1.sources.duplicates import find_duplicates  # loads scipy

    kept = cache_dir()
    with Console(stderr=True).status(f"comparing {len(cases):,} pictures"):
        return find_duplicates(cases, embedder(kept / "picture-embeddings.safetensors"), kept / "picture-hashes.json")


def _print_pairs(console: Console, pairs: Sequence[Pair]) -> None:
    between = Counter((a.partition("/")[0], b.partition("/")[0]) for a, b, _ in pairs)
    for (first, second), count in sorted(between.items()):
        console.print(f"{count:,} duplicate pairs: {first} and {second}", markup=False, highlight=False)


def _write_table(out: Path, cases: Sequence[Case]) -> None:
    history = list(dict.fromkeys(name for case in cases for name in case.history.known()))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "image", "label", "patient", "split", "mask", "modality", *history])
    for case in cases:
        patient = (case.group or "").removeprefix(f"{case.dataset}:")
        paths = [str(Path(p).resolve()) if p else "" for p in (case.image, case.mask)]
        known = case.history.known()
        row = [case.id, paths[0], case.label or "", patient, case.split, paths[1], case.modality.value]
        writer.writerow(row + [known.get(name, "") for name in history])
    try:
        write_text(out, stream.getvalue())
    except OSError as error:
        raise SkinGPTError(f"{out}: cannot be written ({error.strerror}); choose another place.") from error
