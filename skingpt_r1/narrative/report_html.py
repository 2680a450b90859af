"""The report as one HTML file that needs nothing else: no script, no font, no request.

File names and model text are untrusted: Jinja escapes all of it, control characters are spelled out, and a
content security policy forbids whatever would slip through. Pictures are encoded afresh, without metadata.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from skingpt_r1.images import findings
from skingpt_r1.images.measure import LesionMeasurement, Quantity
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.parse import sections
from skingpt_r1.narrative.report import (
    Report,
    capital,
    claim_rows,
    counted_as,
    one_line,
    ranked,
    ratio_text,
    region_evidence,
)
from skingpt_r1.narrative.verify import INDEPENDENT, decisive, said
from skingpt_r1.records import Status, Urgency

_SIDE: Final = 640  # pixels of the longer side
_QUALITY: Final = 85  # of the JPEG
_SIGNS: Final = {Status.SUPPORTED: "+", Status.CONTRADICTED: "−", Status.NOT_CHECKABLE: "?"}
_CLASSES: Final = {Status.SUPPORTED: "yes", Status.CONTRADICTED: "no", Status.NOT_CHECKABLE: "open"}
_WORDS: Final = {
    Status.SUPPORTED: "Supported",
    Status.CONTRADICTED: "Contradicted",
    Status.NOT_CHECKABLE: "Not checkable",
}
_AGREES: Final = {
    Status.SUPPORTED: "counts agree",
    Status.CONTRADICTED: "counts disagree",
    Status.NOT_CHECKABLE: "counts do not settle it",
}
_PREFIX: Final = {"measurement": "Measured: "}
HEADINGS: Final = {
    "observation": "Observation",
    "category": "Category",
    "differential": "Differential",
    "synthesis": "Synthesis",
    "answer": "Answer",
    "free": "Text",
}


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a report, any size; they are shrunk to 640 pixels. None is left out of the page.

    outline: the photo with the lesion's outline. evidence: what moved the model. measurement: axes and
    colours.
    """

    photo: Image.Image
    outline: Image.Image | None = None
    evidence: Image.Image | None = None
    measurement: Image.Image | None = None


def html(report: Report, pictures: Pictures) -> str:
    """The whole page as text; write it as UTF-8."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            when=plain.WHEN[report.urgency],
            pressing=report.urgency in (Urgency.URGENT, Urgency.SOON),
            meaning=plain.meaning(report.diagnosis or ""),
            kind=plain.kind(report.diagnosis or ""),
            groups=claim_rows(report),
            decisive=decisive(report.narrative),
            differential=ranked(report),
            region=region_evidence(report),
            sections=[(HEADINGS[name], text) for name, text in sections(report.text).items() if text],
            numbers=list(_numbers(report.measurement)) if report.measurement else [],
            colours=_colours(report.measurement) if report.measurement else "",
            independent={kind: INDEPENDENT[kind] for kind in _kinds(report)},
            sources=sorted({j.ratio.source for j in report.judgements if j.ratio is not None}),
            limits=plain.LIMITS,
            disclaimer=plain.DISCLAIMER,
            photo=data_uri(pictures.photo),
            outline=pictures.outline and data_uri(pictures.outline),
            evidence=pictures.evidence and data_uri(pictures.evidence),
            drawing=pictures.measurement and data_uri(pictures.measurement),
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("skingpt_r1.narrative"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        capital=capital, line=one_line, lines=_lines, said=said, percent=plain.percent, ratio=ratio_text
    )
    environment.globals.update(
        kind_of=plain.kind,
        group_of=counted_as,
        sign=_SIGNS,
        css=_CLASSES,
        word=_WORDS,
        prefix=_PREFIX,
        agrees=_AGREES,
    )
    return environment


def data_uri(picture: Image.Image, side: int = _SIDE) -> str:
    """The picture as a JPEG of at most `side` pixels, encoded afresh: pixels only, no metadata."""
    copy = picture.convert("RGB")
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.frombytes("RGB", copy.size, copy.tobytes())  # the copy may carry a comment or a profile
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _lines(text: str) -> str:
    return "\n".join(one_line(line) for line in text.splitlines())


def _kinds(report: Report) -> list[str]:
    used = {e.kind for claim in report.narrative.claims for e in claim.evidence}
    used |= {"knowledge"} if any(j.ratio for j in report.judgements) else set()
    return [kind for kind in INDEPENDENT if kind in used]


def _numbers(found: LesionMeasurement) -> Iterator[tuple[str, str, str, str]]:
    """(name, value, range, how to read it) of each measured quantity."""
    size = f"small below {findings.SMALL_BELOW:.0%}, large from {findings.LARGE_FROM:.0%}"
    asymmetric = f"0 symmetric; asymmetric from {findings.ASYMMETRIC_FROM:g}"
    irregular = f"1 smooth; irregular from {findings.IRREGULAR_FROM:g}"
    sharp = f"CIELAB step; sharp from {findings.SHARP_FROM:g}"
    rows = (
        ("Share of the picture", found.area, "{:.0%}", size),
        ("Asymmetry", found.asymmetry, "{:.2f}", asymmetric),
        ("Border irregularity", found.border_irregularity, "{:.2f}", irregular),
        ("Edge sharpness", found.edge_sharpness, "{:.1f}", sharp),
        ("Contrast with skin", found.contrast, "{:.1f}", "CIELAB distance"),
        ("Noticeable colours", found.colour_count, "{:.0f}", f"varied from {findings.VARIED_FROM}"),
    )
    for name, quantity, form, reading in rows:
        yield (name, *_range(quantity, form), reading)
    if found.diameter_mm is not None:
        yield ("Largest diameter", *_range(found.diameter_mm, "{:.1f} mm"), "needs a ruler or known spacing")


def _range(quantity: Quantity, form: str) -> tuple[str, str]:
    return form.format(quantity.value), f"{form.format(quantity.low)} to {form.format(quantity.high)}"


def _colours(found: LesionMeasurement) -> str:
    shares = sorted(found.colours.items(), key=lambda item: -item[1].value)
    return ", ".join(
        f"{'like skin' if name == 'skin' else name} {q.value:.0%}" for name, q in shares if q.value >= 0.01
    )
