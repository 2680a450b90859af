"""`skingpt train`: teacher, segmenter, expert heads, adapters, calibration. All resumable with --resume."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from skingpt_r1.records import SkinGPTError

app = typer.Typer(no_args_is_help=True)
Data = Annotated[Path | None, typer.Option(help="Folder of the public sets. Default: $SKINGPT_DATA or ../shared/data.")]
Runs = Annotated[Path, typer.Option(help="Where runs and caches live.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped or killed.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the recipe, e.g. seed=1."),
]


def configured(kind: type[Any], changes: list[str] | None) -> Any:
    """A config dataclass with changes applied. Raises SkinGPTError naming what can be set."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for change in changes or []:
        name, _, raw = change.partition("=")
        if name not in fields or not raw:
            known = "; ".join(f"{n}: {f.metadata['help']} [{f.default}]" for n, f in fields.items())
            raise SkinGPTError(f"--set {change}: use NAME=VALUE with one of: {known}")
        default: Any = fields[name].default
        try:
            values[name] = type(default)(raw if isinstance(default, str) else json.loads(raw))
        except ValueError as error:
            wanted = f"{type(default).__name__}, such as {default}"
            raise SkinGPTError(f"--set {change}: expected {wanted}.") from error
    return kind(**values)


def _prepare() -> None:
    from skingpt_r1.models.precision import keep_freed_memory

    keep_freed_memory()
    logging.getLogger("skingpt_r1").setLevel(logging.INFO)


@app.command()
def teacher(data: Data = None, runs: Runs = Path("runs"), resume: Resume = False, set_: Settings = None) -> None:
    """Fine-tune the encoder's upper blocks on all label sets; the adapters then learn its embedding."""
    from skingpt_r1.distill.data import gather, labelled_maps
    from skingpt_r1.distill.teacher import TeacherConfig, train_teacher

    _prepare()
    cases = gather(data, runs)
    maps = [labelled_maps(cases, split, runs / "features") for split in ("train", "val")]
    train_teacher(configured(TeacherConfig, set_), maps[0], maps[1], runs / "teacher", resume)


@app.command()
def segment(data: Data = None, runs: Runs = Path("runs"), resume: Resume = False, set_: Settings = None) -> None:
    """Train the lesion segmenter on expert masks."""
    from skingpt_r1.distill.data import gather
    from skingpt_r1.distill.segment import SegmentConfig, train_segmenter

    _prepare()
    dropped = gather(data, runs).dropped
    train_segmenter(configured(SegmentConfig, set_), runs / "segment", resume, root=data, dropped=dropped)


@app.command()
def concepts(data: Data = None, runs: Runs = Path("runs"), resume: Resume = False, set_: Settings = None) -> None:
    """Fit the expert-concept and modality heads."""
    from skingpt_r1.distill.concepts import ConceptConfig, train_concepts
    from skingpt_r1.distill.data import gather

    _prepare()
    dropped = gather(data, runs).dropped
    train_concepts(configured(ConceptConfig, set_), runs / "concepts", resume, root=data, dropped=dropped)


@app.command()
def distill(
    data: Data = None,
    runs: Runs = Path("runs"),
    resume: Resume = False,
    set_: Settings = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Teach the narratives of this built corpus instead of fresh drafts.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", help="Folder of finished adapters: only teach them the corpus, no teacher.")
    ] = None,
) -> None:
    """Train the adapters: visual distillation, soft words, narratives."""
    from skingpt_r1.dermcot.teaching import alone, drafted, of_public
    from skingpt_r1.distill.config import DistillConfig
    from skingpt_r1.distill.data import gather, labelled_maps, spaces
    from skingpt_r1.distill.recipe import distil, saved_teacher, teach

    _prepare()
    config = configured(DistillConfig, set_)
    if start is not None:
        if corpus is None:
            raise SkinGPTError(f"--from {start}: name the corpus to teach, too: --corpus FOLDER.")
        teach(config, start, alone(corpus, runs), runs / "writer", resume)
        return
    cases = gather(data, runs)
    known = saved_teacher(runs / "teacher", len(spaces().labels))
    maps = {split: labelled_maps(cases, split, runs / "features") for split in ("train", "val")}
    taught = drafted(maps, config, runs) if corpus is None else of_public(corpus, maps)
    distil(config, known, (maps["train"], maps["val"]), taught, runs / "writer", resume)
