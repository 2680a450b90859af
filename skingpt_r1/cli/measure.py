"""`skingpt measure`: outline and measure a lesion, without any diagnosis."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from skingpt_r1.images.measure import measure_lesion
from skingpt_r1.images.picture import measurement_picture
from skingpt_r1.images.quality import check_quality
from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import CaseError


def measure(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="A photo of one lesion.")],
    picture: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the outlined photo as a PNG.")] = None,
    mm_per_pixel: Annotated[
        float | None, typer.Option(min=1e-6, help="Scale, for the diameter in millimetres.")
    ] = None,
) -> None:
    """Area, asymmetry, border and colours of the lesion, each with its interval, as JSON."""
    from skingpt_r1.models.segmenter import load_segmenter

    read = read_photo(photo)
    lesion = load_segmenter().probability(read.pixels)
    found = measure_lesion(read.pixels, lesion, mm_per_pixel)
    if found is None:
        raise CaseError(
            f"{photo}: no lesion could be outlined. Take the photo closer and sharper, with one lesion in the middle."
        )
    issues = [{"issue": i.name, "advice": i.advice} for i in check_quality(read.pixels).issues]
    sys.stdout.write(json.dumps({"image": photo, **found.numbers(), "quality": issues}, indent=1) + "\n")
    if picture is not None:
        measurement_picture(read.pixels, found).save(picture, format="PNG")
