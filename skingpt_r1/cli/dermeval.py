"""`skingpt dermeval`: judge narratives by their pictures, and hold the scores against those of others."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skingpt_r1.cli.train import Resume, Runs, Settings, configured
from skingpt_r1.cli.words import complain
from skingpt_r1.dermeval.rubric import rubric as packaged_rubric
from skingpt_r1.dermeval.scoring import BATCH, line_of
from skingpt_r1.dermeval.scoring import score as score_file
from skingpt_r1.records import SkinGPTError, read_history

if TYPE_CHECKING:
    from skingpt_r1.dermeval.judging import Judgement
    from skingpt_r1.dermeval.raters import Comparison, Row, ScoreTable

Moved = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Where the backbone of the evaluator is, if not where it was.")
]
app = typer.Typer(help="Narratives judged by their pictures.", no_args_is_help=True)
_DISCLAIMER = "For research and education only. The scores judge a text; they are no medical advice."
_MOST_BYTES = 4_000_000  # of a text file; whatever holds more has too many characters


@app.command()
def score(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Lines {id, image, text, history}, or a built corpus; .gz too.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.jsonl", help="One line a case, in the file's order.")],
    batch: Annotated[int, typer.Option(min=1, max=256, help="Cases at a time.")] = BATCH,
    evaluator: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="An evaluator of your own: runs/dermeval of dermeval train.")
    ] = None,
    backbone: Moved = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped or killed.")] = False,
) -> None:
    """Score a file of narratives: {id, scores, intervals, critique, remarks, failed}. Pictures are seen from the file.

    Exit code 0: every case was judged; 2: some were not, and `failed` tells why.
    """
    from skingpt_r1.dermeval.judging import load_judge

    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    done = score_file(load_judge(evaluator, backbone), file, out, batch, resume)
    Console().print(f"{out}: {done.cases - done.failed:,} of {done.cases:,} cases judged", highlight=False)
    if done.failed:
        complain(f"{out}: {done.failed:,} of {done.cases:,} cases could not be judged; their `failed` tells why.")
        raise typer.Exit(2)


@app.command()
def explain(
    image: Annotated[Path, typer.Argument(help="The photo.")],
    text: Annotated[Path, typer.Argument(metavar="TEXTFILE", help="The narrative, plain text in UTF-8.")],
    history: Annotated[
        list[str] | None, typer.Option("--history", metavar="KEY=VALUE", help="What was told: age=63, bleed=yes ...")
    ] = None,
    evaluator: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="An evaluator of your own: runs/dermeval of dermeval train.")
    ] = None,
    backbone: Moved = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge one narrative and say why: scores with intervals, critique, and what the picture said of each claim."""
    from skingpt_r1.dermeval.judging import Submission, judged, load_judge

    submission = Submission(image.name, image, _text(text), read_history(history or []))
    (told,) = judged(load_judge(evaluator, backbone), [submission])
    if isinstance(told, SkinGPTError):
        raise told
    if as_json:
        sys.stdout.write(json.dumps({**line_of(image.name, told), "evidence": list(told.evidence)}) + "\n")
        return
    _print_judgement(told)


@app.command()
def train(
    corpus: Annotated[
        list[Path], typer.Option(help="Folder of dermcot build; several tell the same cases otherwise (repeatable).")
    ],
    free: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Texts by others: lines {id, narrative}; .gz too.")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="URL", help="Certification database: people's scores replace ours.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(metavar="FOLDER_OR_ID", help="A Qwen2.5-VL (Vision-R1-7B); else the embedded one.")
    ] = None,
    runs: Runs = Path("runs"),
    resume: Resume = False,
    set_: Settings = None,
) -> None:
    """Train the evaluator: supervised, then SOREB; ends with adapters and the margins of its scores."""
    from skingpt_r1.dermeval.training.config import EvalConfig
    from skingpt_r1.dermeval.training.recipe import train as train_evaluator
    from skingpt_r1.models.language import EMBEDDED
    from skingpt_r1.models.precision import keep_freed_memory

    keep_freed_memory()
    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    config = configured(EvalConfig, set_)
    people = _people(scores) if scores is not None else None
    train_evaluator(config, corpus, free, runs, resume, people, backbone=backbone or EMBEDDED)


def _people(url: str) -> dict[str, tuple[float, ...]]:
    try:
        from skingpt_r1.serve.certify.scores import human_scores
        from skingpt_r1.serve.certify.store import Store
    except ImportError as error:
        raise SkinGPTError("--scores needs the certification's packages: pip install 'skingpt-r1[serve]'.") from error
    store = Store(url)
    try:
        return human_scores(store)
    finally:
        store.close()


@app.command()
def agree(
    one: Annotated[Path, typer.Argument(metavar="A", help="Scores: OUT.jsonl of `score`, or CSV; id, six scores.")],
    other: Annotated[
        Path, typer.Argument(metavar="B", help="Scores of the same cases; with a column rater if several.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="For agreement.json and bland-altman.png.")
    ] = None,
) -> None:
    """How far two tables of scores agree: error, bias, correlation, ICC, Krippendorff's alpha, by dimension.

    Exit code 0: every row was read; 2: rows left out because they could not be used (each has its line).
    """
    from skingpt_r1.dermeval.raters import as_json, compare, read_scores
    from skingpt_r1.sources.streams import write_text

    tables = read_scores(one), read_scores(other)
    for line in (problem for table in tables for problem in table.problems):
        complain(line)
    found = compare(*tables)
    _print_agreement(found, *tables)
    if out is not None:
        from skingpt_r1.dermeval.bland_altman import draw

        try:
            write_text(out / "agreement.json", json.dumps(as_json(found, *tables), indent=1) + "\n")
        except OSError as error:
            raise SkinGPTError(f"{out}: cannot be written ({error.strerror}); name another folder.") from error
        draw(found, one.name, other.name, out / "bland-altman.png")
        Console().print(f"{out}: agreement.json, bland-altman.png", highlight=False)
    if any(table.problems for table in tables):
        raise typer.Exit(2)


@app.command()
def rubric(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Print the rubric: what each of 0 to 5 means, by dimension."""
    told = packaged_rubric()
    if as_json:
        sys.stdout.write(json.dumps(dataclasses.asdict(told), ensure_ascii=False) + "\n")
        return
    console = Console(highlight=False)
    for dimension in told.dimensions:
        console.print(Text(f"{dimension.name}: {dimension.question}", "bold"))
        for points, anchor in enumerate(dimension.anchors):
            console.print(Text(f"  {points}  {anchor}"))
        console.print(Text(f"  earns: {dimension.earns}\n  loses: {dimension.loses}\n", "dim"))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SkinGPTError(f"{path}: over {_MOST_BYTES // 10**6} MB; a narrative has a few thousand characters.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be read ({error.strerror}); name a text file.") from error
    except UnicodeDecodeError:
        raise SkinGPTError(f"{path}: is not UTF-8; convert it (iconv -f LATIN1 -t UTF-8).") from None


def _print_judgement(told: Judgement) -> None:
    console = Console(highlight=False)
    table = Table()
    for heading in ("dimension", "score", "90 % interval", "what that means"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "score" else "left")
    for place, dimension in enumerate(packaged_rubric().dimensions):
        value = told.scores[dimension.key]
        interval = "{:.1f} to {:.1f}".format(*told.intervals[place]) if told.intervals else "not fitted"
        table.add_row(dimension.name, f"{value:.1f}", interval, dimension.anchors[round(value)])
    console.print(table)
    console.print(Text(told.assessment.critique))
    if told.evidence:
        console.print(Text("\nWhat the picture says", "bold"))
    for line in told.evidence:
        console.print(Text(f"- {line}"))
    console.print(Text(f"\n{_DISCLAIMER}", "dim"))


def _print_agreement(found: Comparison, one: ScoreTable, other: ScoreTable) -> None:
    console = Console(highlight=False)
    for table, only in zip((one, other), found.only, strict=True):
        by = f", mean of {len(table.raters)} raters" if len(table.raters) > 1 else ""
        console.print(
            Text(f"{table.path}: {len(table.scores):,} cases{by}; {only:,} only here, {table.unscored:,} unscored")
        )
    shown = Table(title=f"{found.n:,} cases in both; bias: the first less the second, 95 % bootstrap interval")
    for heading in ("dimension", "MAE", "bias", "Pearson", "Spearman", "ICC(2,1)", "alpha", "limits"):
        shown.add_column(heading, overflow="fold", justify="left" if heading == "dimension" else "right")
    for row in found.rows:
        limits = "{:+.2f} to {:+.2f}".format(*row.limits) if row.limits else row.unknown
        others = [_value(row, name) for name in ("pearson", "spearman", "icc", "alpha")]
        shown.add_row(row.name, _value(row, "mae"), row.figures["bias"].told("+z.2f", unknown=""), *others, limits)
    console.print(shown)


def _value(row: Row, name: str) -> str:
    value = row.figures[name].value
    return row.unknown if value is None else f"{value:z.2f}"
