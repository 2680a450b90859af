"""The sections that were measured as one HTML page, and as rows for the model card."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from skingpt_r1.dermbench.statistics import LEAST
from skingpt_r1.dermbench.trust.plots import svg
from skingpt_r1.dermbench.trust.section import Figure, Section, read_section
from skingpt_r1.narrative import plain
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

KEYS: Final = ("calibration", "abstention", "scope", "faithfulness", "robustness")
PAGE: Final = "trust.html"
CARD: Final = "card.md"


def write(folder: Path) -> list[Path]:
    """The page and the rows from FOLDER/KEY.json, written beside them. Raises SkinGPTError where there is none."""
    sections = [read_section(folder / f"{key}.json") for key in KEYS if (folder / f"{key}.json").is_file()]
    if not sections:
        raise SkinGPTError(f"{folder}: no section was measured; run skingpt trust {KEYS[0]} --out {folder} first.")
    if len(found := {section.settings for section in sections}) > 1:
        raise SkinGPTError(
            f"{folder}: sections of different adapters ({', '.join(sorted(found))}); measure them again."
        )
    write_text(folder / PAGE, page(sections))
    write_text(folder / CARD, card(sections))
    return [folder / PAGE, folder / CARD]


def page(sections: Sequence[Section]) -> str:
    """One self-contained HTML file: no script, no request."""
    environment = Environment(
        loader=PackageLoader("skingpt_r1.dermbench"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    plots = {section.key: _data_uri(drawn) if (drawn := svg(section)) else None for section in sections}
    return environment.get_template("trust.html").render(
        sections=sections,
        plots=plots,
        rest=_rest,
        missing=[key for key in KEYS if key not in plots],
        least=LEAST,
        disclaimer=plain.DISCLAIMER,
    )


def card(sections: Sequence[Section]) -> str:
    """A Markdown table of the figures that a model card should show."""
    lines = ["| trust | what | value (95 % interval) | n | beside |", "| --- | --- | --- | --- | --- |"]
    for section in sections:
        for f in section.figures:
            if f.card:
                unit = "" if f.unit == "share" else f", {f.unit}"
                lines.append(f"| {section.key} | {f.name}{unit} | {f.told} | {f.n:,} | {f.against} |")
    return "\n".join(lines) + "\n"


def _rest(section: Section) -> list[Figure]:
    return [figure for figure in section.figures if not figure.card]


def _data_uri(drawn: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode("ascii")
