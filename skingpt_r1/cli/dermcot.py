"""`skingpt dermcot`: build a corpus of reasoning, and find the faults of anybody's."""

from __future__ import annotations

import dataclasses
import functools
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
from skingpt_r1.cli.data import duplicates_of, shares_of
from skingpt_r1.cli.words import columns_of, complain, one_line
from skingpt_r1.dermcot.engines import EngineName
from skingpt_r1.dermcot.export import Form
from skingpt_r1.dermcot.export import export as export_corpus
from skingpt_r1.dermcot.scoring import DermEvalScorer, LintScorer, Scorer, ScorerName
from skingpt_r1.dermcot.stages import BuildConfig
from skingpt_r1.dermcot.texts import read_texts
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.narrative.lint import RULES, Finding, Rule, Severity, rules_named
from skingpt_r1.narrative.lint import lint as lint_text
from skingpt_r1.records import Modality, SkinGPTError
from skingpt_r1.sources.rows import BadRow

app = typer.Typer(help="Narratives to learn from: build them, find their faults.", no_args_is_help=True)
app.add_typer(certify.app, name="certify")
_EXCERPT = 80  # characters of a finding that are shown
EvaluatorOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="With --scorer dermeval: an evaluator of your own.")
]


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
        list[Path] | None,
        typer.Argument(help="Folders with a folder for each class, CSV or Parquet tables; default: the public sets."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the public sets.")] = None,
    runs: Annotated[Path, typer.Option(help="Where the caches of the public sets' pictures live.")] = Path("runs"),
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Column of a table, as field=column (repeatable).")
    ] = None,
    modality: Annotated[Modality, typer.Option(help="How the pictures were taken.")] = Modality.CLINICAL,
    labels: Annotated[str | None, typer.Option("--label-set", help="Meaning of labels: a set, or a file.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Shares of train, val and test, by patient and near-duplicate: 0.8,0.1,0.1.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many cases, chosen by hash; 0 for all.")] = 0,
    least_score: Annotated[float, typer.Option(min=0, max=5, help="Entries scored below are rejected.")] = (
        BuildConfig.least_score
    ),
    scorer: Annotated[
        ScorerName, typer.Option(help="Lint findings alone, or DermEval, which looks at the picture.")
    ] = ScorerName.LINT,
    evaluator: EvaluatorOption = None,
    history_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the narratives that are told the history.")
    ] = BuildConfig.history_share,
    seed: Annotated[int, typer.Option(help="Same seed, same corpus.")] = BuildConfig.seed,
    workers: Annotated[int, typer.Option(min=1, help="Cases at a time.")] = 2,
    engine: Annotated[EngineName, typer.Option(help="A pool of threads here, or Ray Data.")] = EngineName.LOCAL,
    describer: Annotated[
        str | None, typer.Option(metavar="URL", help="A vision-language model describes: its OpenAI-compatible server.")
    ] = None,
    describer_model: Annotated[str, typer.Option(metavar="NAME", help="The server's name of that model.")] = "",
    describer_key_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Environment variable that holds the server's API key.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a build that was stopped or killed.")] = False,
) -> None:
    """Write a corpus from labelled pictures: describe blind, reason, word, lint, score. Test rows never enter.

    Exit code 0: all rows read; 2: rows left out because they could not be read (each has its line).
    """
    from skingpt_r1.dermcot.build import build as build_corpus
    from skingpt_r1.dermcot.build import confusions
    from skingpt_r1.dermcot.cases import public_cases, sampled, users_cases
    from skingpt_r1.dermcot.chat import Chat
    from skingpt_r1.dermcot.describing import Asked, Measured, shipped_segment
    from skingpt_r1.dermcot.engines import ENGINES
    from skingpt_r1.dermcot.stages import Tools

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    if (describer_model or describer_key_env) and not describer:
        raise SkinGPTError("--describer-model and --describer-key-env need --describer URL.")
    if not source and (split or labels):
        raise SkinGPTError("--split and --label-set are for folders and tables; the public sets have both.")
    chat = Chat(describer, describer_model, describer_key_env) if describer else None
    if source:
        shares = shares_of(split) if split else None
        meanings = label_set(labels) if labels else None
        labelled = users_cases(source, columns_of(column), modality, shares, duplicates_of, meanings)
    else:
        labelled = public_cases(data, runs)
    for line in labelled.problems:
        complain(line)
    named = {"describer": chat.name} if chat else {}
    judge = _scorer(scorer, evaluator, critiques=True)
    named["scorer"] = judge.name
    config = BuildConfig(least_score=least_score, history_share=history_share, seed=seed, **named)
    describe = Asked(chat, shipped_segment) if chat else Measured(shipped_segment)
    tools = Tools(describe, judge, confusions())
    cases = sampled(labelled.cases, limit)
    made = build_corpus(config, tools, cases, out, resume, workers, ENGINES[engine], labelled.merged)
    _tell(made)
    if labelled.problems:
        raise typer.Exit(2)


@app.command()
def rescore(
    corpus: Annotated[Path, typer.Argument(help="Folder of a finished build.")],
    out: Annotated[Path, typer.Option("--out", help="New folder: journal, corpus, rejected, report.")],
    least_score: Annotated[float, typer.Option(min=0, max=5, help="Entries scored below are rejected.")],
    scorer: Annotated[ScorerName, typer.Option(help="Who scores.")] = ScorerName.DERMEVAL,
    evaluator: EvaluatorOption = None,
    critiques: Annotated[
        bool, typer.Option("--critiques", help="DermEval writes down why, too: up to twice the time.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Batches of texts at a time.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was stopped or killed.")] = False,
) -> None:
    """Filter a finished corpus anew: score its texts by another judge, without describing and wording them again."""
    from skingpt_r1.dermcot.rescoring import rescore as rescore_corpus

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    _tell(rescore_corpus(corpus, _scorer(scorer, evaluator, critiques), least_score, out, resume, workers))


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


def _scorer(name: ScorerName, evaluator: Path | None, critiques: bool) -> Scorer:
    from skingpt_r1.dermeval.judging import load_judge

    if name is ScorerName.LINT:
        return LintScorer()
    return DermEvalScorer(functools.partial(load_judge, evaluator, critiques=critiques))


def _tell(corpus: Path) -> None:
    told = json.loads((corpus.parent / "report.json").read_text(encoding="utf-8"))
    Console().print(f"{corpus}: {told['kept']:,} of {told['cases']:,} cases kept", highlight=False)


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
