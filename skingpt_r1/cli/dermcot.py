"""`skingpt dermcot`: build a corpus of reasoning, and find the faults of anybody's."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli import certify
from skingpt_r1.cli.data import duplicates_of
from skingpt_r1.cli.words import columns_of, complain, one_line
from skingpt_r1.dermcot.export import Form
from skingpt_r1.dermcot.export import export as export_corpus
from skingpt_r1.dermcot.lint import RULES, Finding, Rule, Severity, rules_named
from skingpt_r1.dermcot.lint import lint as lint_text
from skingpt_r1.dermcot.texts import BadRow, read_texts
from skingpt_r1.records import Case, Modality
from skingpt_r1.sources.clustering import clusters, key
from skingpt_r1.sources.folder import read_folder
from skingpt_r1.sources.splits import keep_apart

app = typer.Typer(help="Narratives to learn from: build them, find their faults.", no_args_is_help=True)
app.add_typer(certify.app, name="certify")
_EXCERPT = 80  # characters of a finding that are shown


@app.command()
def lint(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines, LLaMA-Factory (alpaca, ShareGPT) or chat messages; .gz too.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON Lines: one object a finding, then the summary.")
    ] = False,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="NAME", help="Only this rule (repeatable).")
    ] = None,
    severity: Annotated[
        Severity, typer.Option(metavar="LEAST", help="error, warning or note: this and worse.")
    ] = Severity.NOTE,
) -> None:
    """Find named faults in anybody's narratives: leaks, invented findings, contradictions, unsafe advice ...

    Exit code 0: no error found; 1: errors found; 2: rows that could not be read (the others were).
    """
    rules = rules_named(rule or [], severity)
    texts: Counter[str] = Counter()
    n = bad = errors = 0
    for entry in read_texts(file):
        if isinstance(entry, BadRow):
            bad += 1
            complain(entry.message)
            continue
        n += 1
        findings = lint_text(entry.text, entry.given, rules)
        texts.update({finding.rule for finding in findings})
        errors += sum(finding.severity is Severity.ERROR for finding in findings)
        for finding in findings:
            sys.stdout.write((_json_line if as_json else _line)(entry.id, finding) + "\n")
    _summary(rules, texts, n, bad, as_json)
    if bad or errors:
        raise typer.Exit(2 if bad else 1)


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="Folder of the corpus: journal, corpus, rejected, report.")],
    source: Annotated[
        Path | None, typer.Argument(help="A folder with a folder for each class, or a CSV table; default: public sets.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the public sets.")] = None,
    runs: Annotated[Path, typer.Option(help="Where caches of pictures and the classifier's confusions live.")] = Path(
        "runs"
    ),
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Column of a table, as field=column (repeatable).")
    ] = None,
    modality: Annotated[Modality, typer.Option(help="How the pictures were taken.")] = Modality.CLINICAL,
    limit: Annotated[int, typer.Option(help="At most so many cases, chosen by hash; 0 for all.")] = 0,
    least_score: Annotated[float, typer.Option(min=0, max=5, help="Entries scored below are rejected.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Same seed, same corpus.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Cases at a time.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a build that was stopped or killed.")] = False,
) -> None:
    """Write a corpus from labelled pictures: describe blind, reason, word, lint, score. Test rows never enter.

    Exit code 0: all rows read; 2: rows left out because they could not be read (each has its line).
    """
    from skingpt_r1.dermcot.build import build as build_corpus
    from skingpt_r1.dermcot.build import confusions
    from skingpt_r1.dermcot.scoring import LintScorer
    from skingpt_r1.dermcot.stages import BuildConfig, Tools, measured_by
    from skingpt_r1.models.segmenter import load_segmenter

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    cases, problems = _labelled(source, data, runs, column, modality)
    for line in problems:
        complain(line)
    config = BuildConfig(least_score=least_score, seed=seed)
    tools = Tools(measured_by(load_segmenter().probability), LintScorer(), confusions(runs / "teacher"))
    made = build_corpus(config, tools, _sampled(cases, limit), out, resume, workers)
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    Console().print(f"{made}: {told['kept']:,} of {told['cases']:,} cases kept", highlight=False)
    if problems:
        raise typer.Exit(2)


@app.command()
def export(
    corpus: Annotated[Path, typer.Argument(help="Folder of a finished build.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the exported corpus.")],
    form: Annotated[
        list[Form] | None, typer.Option("--form", help="Beside JSON Lines (repeatable); default: all.")
    ] = None,
) -> None:
    """Give a corpus away: JSON Lines and pictures, LLaMA-Factory's ShareGPT, Parquet; with Croissant and a data card.

    Exit code 0: every row exported; 2: rows left out because their picture could not be read (each has its line).
    """
    made, problems = export_corpus(corpus, out, form or list(Form))
    for line in problems:
        complain(line)
    Console().print(f"{made}: {', '.join(sorted(path.name for path in made.iterdir()))}", highlight=False)
    if problems:
        raise typer.Exit(2)


def _labelled(
    source: Path | None, data: Path | None, runs: Path, column: list[str] | None, modality: Modality
) -> tuple[list[Case], list[str]]:
    """Cases that a corpus may hold: train and val, none that touches another split."""
    if source is not None:
        report = read_folder(source, columns_of(column), modality)
        kept, dropped = keep_apart(report.cases, clusters(duplicates_of(report.cases)))
        touching = [
            f"{key(c)}: shares a patient, lesion or near-duplicate with another split; left out." for c in dropped
        ]
        return [case for case in kept if case.split != "test"], [*report.problems, *touching]
    from skingpt_r1.distill.data import gather

    gathered = gather(data, runs)
    return [gathered.cases[i] for i in sorted(gathered.usable) if gathered.cases[i].split != "test"], []


def _sampled(cases: list[Case], limit: int) -> list[Case]:
    """At most `limit`, by hash of the key, in the order given: a smaller corpus is part of a larger one."""
    if not limit or limit >= len(cases):
        return cases
    chosen = set(sorted((key(c) for c in cases), key=lambda k: hashlib.sha256(k.encode()).digest())[:limit])
    return [case for case in cases if key(case) in chosen]


@app.command("rules")
def list_rules(as_json: Annotated[bool, typer.Option("--json", help="JSON Lines, one object a rule.")] = False) -> None:
    """List the rules: severity, what each means, and a text that it catches."""
    if as_json:
        for rule in RULES.values():
            told = {"rule": rule.name, "severity": rule.severity, "meaning": rule.meaning, "example": rule.example}
            sys.stdout.write(json.dumps(told) + "\n")
        return
    table = Table(show_lines=True)
    table.add_column("rule", no_wrap=True)
    table.add_column("severity")
    table.add_column("what it means", overflow="fold", ratio=3)
    table.add_column("example", overflow="fold", ratio=2)
    for rule in RULES.values():
        table.add_row(rule.name, rule.severity.value, rule.meaning, rule.example.replace("[", r"\["))
    Console().print(table)


def _line(name: str, finding: Finding) -> str:
    found = finding.found if len(finding.found) <= _EXCERPT else finding.found[: _EXCERPT - 3] + "..."
    quoted = f' "{found}"' if found else ""
    place = f"{name}:{finding.start}-{finding.end}"
    return one_line(f"{place}: {finding.severity.value} {finding.rule}:{quoted} {finding.message}")


def _json_line(name: str, finding: Finding) -> str:
    return json.dumps({"id": name, **dataclasses.asdict(finding)})


def _summary(rules: list[Rule], texts: Counter[str], n: int, bad: int, as_json: bool) -> None:
    shares: dict[str, Any] = {rule.name: round(texts[rule.name] / n, 4) if n else None for rule in rules}
    if as_json:
        sys.stdout.write(json.dumps({"summary": {"texts": n, "unreadable_rows": bad, "share_of_texts": shares}}) + "\n")
        return
    sys.stdout.flush()
    table = Table(title=f"{n:,} texts, {bad:,} unreadable rows")
    for heading in ("rule", "severity", "texts", "share"):
        table.add_column(heading, justify="right" if heading in ("texts", "share") else "left", no_wrap=True)
    for rule in sorted(rules, key=lambda r: -texts[r.name]):
        share = "" if shares[rule.name] is None else f"{shares[rule.name]:.1%}"
        table.add_row(rule.name, rule.severity.value, f"{texts[rule.name]:,}", share)
    Console().print(table)
