"""`skingpt diagnose`: photos in, one report each, as text, JSON Lines or HTML."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skingpt_r1.cli.words import complain
from skingpt_r1.images.reading import Photo, read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.records import CaseError, Modality, read_history

if TYPE_CHECKING:
    from skingpt_r1.models.diagnose import Model, Reading


def diagnose(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Photos: JPEG, PNG, WebP, TIFF or HEIC.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines, one object a photo.")] = False,
    labels: Annotated[
        str | None,
        typer.Option("--label-set", help="ham10000, pad_ufes_20, isic2017, or a file with one label a line."),
    ] = None,
    history: Annotated[
        list[str] | None, typer.Option("--history", metavar="KEY=VALUE", help="age=63, bleed=yes ...")
    ] = None,
    modality: Annotated[Modality | None, typer.Option(help="How the photos were taken, if you know.")] = None,
    mm_per_pixel: Annotated[float | None, typer.Option(min=1e-6, help="Scale, for diameters in millimetres.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a report; several photos get numbered files.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=2.0, help="0 is greedy; above it, sampling with --seed.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of sampling.")] = 0,
) -> None:
    """Describe and diagnose photos of skin lesions, and check every claim. Not medical advice."""
    told = read_history(history or [])
    wanted = label_set(labels) if labels else None
    if html is not None and not html.parent.is_dir():
        raise CaseError(f"{html.parent}: no such folder for the report. Create it, or name another with --html.")
    photos = _Photos(paths)
    model: Model | None = None
    for batch in photos.batches(1 if not as_json and sys.stdout.isatty() else 16):
        from skingpt_r1.models.diagnose import Told, load

        model = model or load()
        given = [Told(told, modality, mm_per_pixel)] * len(batch)
        readings = model.diagnose_all(list(batch.values()), given, wanted, temperature=temperature, seed=seed)
        for number, reading in zip(batch, readings, strict=True):
            _tell(reading, as_json)
            if html is not None:
                _write(
                    reading,
                    html if len(paths) == 1 else html.with_stem(f"{html.stem}-{number}"),
                    quiet=as_json,
                )
    if photos.refused:
        raise typer.Exit(2)


class _Photos:
    """Readable photos by their number among the paths, in batches; complains about the others and goes on."""

    def __init__(self, paths: list[str]) -> None:
        self.paths, self.refused = paths, 0

    def batches(self, size: int) -> Iterator[dict[int, Photo]]:
        batch: dict[int, Photo] = {}
        for number, path in enumerate(self.paths, 1):
            try:
                batch[number] = read_photo(path)
            except CaseError as error:
                self.refused += 1
                complain(str(error))
            if len(batch) == size:
                yield batch
                batch = {}
        if batch:
            yield batch


def _tell(reading: Reading, as_json: bool) -> None:
    from skingpt_r1.narrative.report import as_json as json_of
    from skingpt_r1.narrative.report_terminal import print_report

    if as_json:
        sys.stdout.write(json.dumps(json_of(reading.report)) + "\n")
        sys.stdout.flush()
    else:
        print_report(reading.report)


def _write(reading: Reading, target: Path, quiet: bool) -> None:
    from skingpt_r1.models.pictures import html_report
    from skingpt_r1.sources.streams import write_text

    write_text(target, html_report(reading))
    if not quiet:
        typer.echo(f"report: {target.resolve()}")
