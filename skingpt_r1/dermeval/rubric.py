"""The rubric: six dimensions, each with a sentence for 0 to 5; one file for page, judge and evaluator.

The order is that of the papers and of `records.Assessment`, and `rubric()` refuses a file that says otherwise. Half
points are allowed: between two sentences lies a case that is neither.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from skingpt_r1.records import Assessment, SkinGPTError

LOWEST: Final = 0.0
HIGHEST: Final = 5.0
STEP: Final = 0.5
DIMENSIONS: Final = tuple(f.name for f in dataclasses.fields(Assessment) if f.name != "critique")
"""Keys, in the papers' order."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of the six. anchors: what 0, 1, .. 5 mean. earns, loses: what moves a point, as half sentences."""

    key: str
    name: str
    question: str
    anchors: tuple[str, ...]
    earns: str
    loses: str


@dataclass(frozen=True, slots=True)
class Rubric:
    """scale: what 0 .. 5 mean whatever is judged. version: changes whenever a sentence changes its meaning."""

    version: int
    scale: tuple[str, ...]
    dimensions: tuple[Dimension, ...]


@functools.cache
def rubric() -> Rubric:
    """The packaged rubric."""
    return read_rubric(resources.files(__package__).joinpath("rubric.json").read_text(encoding="utf-8"))


def read_rubric(text: str) -> Rubric:
    """A rubric from JSON. Raises SkinGPTError naming what is missing or odd."""
    try:
        told: dict[str, Any] = json.loads(text)
        made = Rubric(
            int(told["version"]),
            tuple(told["scale"]),
            tuple(Dimension(**{**d, "anchors": tuple(d["anchors"])}) for d in told["dimensions"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise SkinGPTError(f"rubric.json: not a rubric ({error!r}); compare it with the packaged file.") from error
    if (keys := tuple(d.key for d in made.dimensions)) != DIMENSIONS:
        raise SkinGPTError(f"rubric.json: dimensions {keys}; they must be {DIMENSIONS}, in this order.")
    sentences = {"scale": made.scale} | {d.key: d.anchors for d in made.dimensions}
    for where, anchors in sentences.items():
        if len(anchors) != HIGHEST + 1 or not all(isinstance(a, str) and a.strip() for a in anchors):
            raise SkinGPTError(f"rubric.json: {where} needs a sentence for each of 0 to {HIGHEST:g}.")
        if len(set(anchors)) != len(anchors):
            raise SkinGPTError(f"rubric.json: {where} uses one sentence twice; each point needs its own.")
    return made


def checked_scores(given: Mapping[str, Any]) -> dict[str, float]:
    """The six scores in order. Raises SkinGPTError, one sentence, unless each is 0 to 5 in steps of a half."""
    names = {d.key: d.name for d in rubric().dimensions}
    if unknown := sorted(set(map(str, given)) - set(DIMENSIONS)):
        raise SkinGPTError(f"{unknown[0][:40]!r} is no dimension of the rubric; send {', '.join(DIMENSIONS)}.")
    scores: dict[str, float] = {}
    for key, name in names.items():
        value = given.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SkinGPTError(f"{name} has no score; give 0 to 5.")
        if not LOWEST <= value <= HIGHEST or value % STEP:
            raise SkinGPTError(f"{name}: {value!r} is no score; give 0 to 5 in steps of a half.")
        scores[key] = float(value)
    return scores
