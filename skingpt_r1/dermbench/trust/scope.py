"""Does it refuse what is none of its business, and nothing else?

In scope: test rows. Out of scope: the families of `outside`, and plain skin of pictures that the gate was not
fitted on (validation rows with expert masks; test rows of cameras without masks, outlined by the segmenter).
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermbench.trust.journal import Line
from skingpt_r1.dermbench.trust.outside import Outside, Use, expert_outline, outside, plain_skin
from skingpt_r1.dermbench.trust.section import Figure, Section, bar, figure, mean_of
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.diagnose import Model
from skingpt_r1.records import Case
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import available, load

INSIDE: Final = "in scope"
_CERTAIN: Final = 0.2  # lesion probability below which a pixel of a row without mask counts as plain skin


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One picture to be let through or not. family: INSIDE, or its kind. seen: whether the fit knew that kind."""

    key: str
    edit: str
    family: str
    group: str
    seen: bool
    pixels: Callable[[], Pixels]


def jobs(
    cases: Sequence[Case], each: int, root: Path | None, lesion: Callable[[Pixels], NDArray[Any]], seed: int = 0
) -> Iterator[Job]:
    """Every picture of the measurement. lesion: probability of a picture's pixels, for rows without a mask."""
    for case in cases:
        group = case.group or case.id
        yield Job(key(case), "scope", f"{INSIDE}: {case.dataset}", group, True, functools.partial(_read, case.image))
    for number, picture in enumerate(_outside(cases, each, root, lesion, seed)):
        drawn = hashlib.sha256(picture.pixels.tobytes()).hexdigest()[:16]  # other rows and seeds give other pictures
        shown = functools.partial(_shown, picture)
        name = f"outside/{picture.family}/{number}"
        yield Job(name, f"scope/{drawn}", picture.family, picture.group, picture.seen, shown)


def _read(path: str) -> Pixels:
    return read_photo(path).pixels


def _shown(picture: Outside) -> Pixels:
    return picture.pixels


def _outside(
    cases: Sequence[Case], each: int, root: Path | None, lesion: Callable[[Pixels], NDArray[Any]], seed: int
) -> Iterator[Outside]:
    yield from outside(Use.TEST, each, seed)
    drawn = [c for s in available(root) for c in load(s.name, root) if c.split == "val" and c.mask is not None]
    random.Random(seed).shuffle(drawn)
    yield from _first(plain_skin(drawn, expert_outline, "plain skin", True, seed), each)

    def segmented(case: Case, pixels: Pixels) -> NDArray[np.bool_]:
        return np.asarray(lesion(pixels) >= _CERTAIN)

    others = [case for case in cases if case.dataset != "ham10000"]
    yield from _first(plain_skin(others, segmented, "plain skin, other cameras", False, seed), each)


def _first(pictures: Iterator[Outside], most: int) -> Iterator[Outside]:
    for _, picture in zip(range(most), pictures, strict=False):
        yield picture


def line_of(job: Job, model: Model, settings: str) -> Line:
    """What the model's own check says of a picture."""
    score, refused = model.scope(job.pixels())
    return {
        "key": job.key, "edit": job.edit, "settings": settings, "family": job.family, "group": job.group,
        "seen": job.seen, "score": None if score is None else round(score, 4), "refused": [r.name for r in refused],
    }  # fmt: skip


def measure(lines: Sequence[Line], seed: int = 0) -> Section:
    """lines: of `line_of`."""
    inside = [x for x in lines if x["family"].startswith(INSIDE)]
    out = [x for x in lines if not x["family"].startswith(INSIDE)]
    passed = [_share(INSIDE, inside, False, seed, "aim: at least 0.98", card=True)]
    passed += [_share(name, mine, False, seed) for name, mine in _families(inside)]
    overall = [
        _share("out of scope, all kinds", out, True, seed, "aim: at least 0.95", card=True),
        _share("kinds that the gate was shown", [x for x in out if x["seen"]], True, seed, card=True),
        _share("kinds that it never saw", [x for x in out if not x["seen"]], True, seed, card=True),
    ]
    kinds = [_share(name if mine[0]["seen"] else f"{name} *", mine, True, seed) for name, mine in _families(out)]
    without = [
        _share(f"refused without the gate: {name}", rows, True, seed, only=("quality", "no lesion"))
        for name, rows in (("out of scope", out), (INSIDE, inside))
    ]
    return Section(
        key="scope",
        title="Does it refuse what it does not know?",
        meaning="Someone will hand it a document, a wall or healthy skin. The aim (red): at least 95 of 100 such "
        "pictures refused, while 98 of 100 lesions are let through. Kinds marked * were kept from the gate "
        "until this test and say most about what else may come.",
        figures=(*passed[:1], *overall, *passed[1:], *kinds, *without),
        series={"inside": [bar(f) for f in passed], "outside": [bar(f) for f in (*overall, *kinds)]},
        seed=seed,
        limits=(
            "No picture of a rash, an infection or another disease that it does not know is among them: there are none "
            "in the open folders. That it would refuse those is not shown.",
            "Sample photos are few, so the intervals draw source pictures and not cuts.",
            "Plain skin of other cameras keeps off the segmenter's outline, since nobody outlined those pictures.",
        ),
    )


def _families(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    names = dict.fromkeys(x["family"] for x in lines)
    return [(name, [x for x in lines if x["family"] == name]) for name in names]


def _share(
    name: str, lines: Sequence[Line], refused: bool, seed: int, against: str = "", *, card: bool = False,
    only: tuple[str, ...] | None = None,
) -> Figure:  # fmt: skip
    """Share of the lines that were refused (or passed). only: count these reasons and no other."""
    hit = np.array([bool([r for r in x["refused"] if only is None or r in only]) == refused for x in lines], dtype=bool)
    told = name if refused else f"{name}, passed"
    return figure(told, mean_of(hit), [x["group"] for x in lines], seed, against=against, card=card)
