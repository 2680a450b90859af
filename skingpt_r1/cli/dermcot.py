"""`skingpt dermcot`: the corpus of reasoning; for now, its lint."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli.words import complain, one_line
from skingpt_r1.dermcot.lint import RULES, Finding, Rule, Severity, rules_named
from skingpt_r1.dermcot.lint import lint as lint_text
from skingpt_r1.dermcot.texts import BadRow, read_texts

app = typer.Typer(help="Narratives to learn from: find their faults.", no_args_is_help=True)
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
