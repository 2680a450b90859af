"""What the model says of test pictures, plain or changed, a journal line each: what most of trust is counted from.

A line has the names that other programs' readings have (`key`, `set`, `truth`, `group`, `label_probability`, `share`,
`diagnosis`, `label`, `confidence`, `urgency`, `abstained`, `claims`), so that readings made elsewhere can be taken
instead of made again.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermbench.systems.embedded import READING
from skingpt_r1.dermbench.trust.journal import Journal, Line, in_batches
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.diagnose import Model, Reading, Told
from skingpt_r1.narrative.report import as_json
from skingpt_r1.records import Case, History, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES, TESTED, available, load

PLAIN: Final = "plain"
BATCH: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A case to be read. edit: the name of what is done to its picture; change: does it. history: what is told."""

    case: Case
    edit: str = PLAIN
    change: Callable[[Pixels], Pixels] | None = None
    history: History = field(default_factory=History)

    def pixels(self) -> Pixels:
        """The picture as the model sees it."""
        pixels = read_photo(self.case.image).pixels
        return pixels if self.change is None else self.change(pixels)


def held_out(
    limit: int | None = None, root: Path | None = None, seed: int = 0, sets: Sequence[str] = TESTED
) -> list[Case]:
    """Test rows in a fixed shuffled order, `limit` of them shared out over the sets. Raises SkinGPTError without."""
    if unknown := [name for name in sets if name not in TESTED]:
        raise SkinGPTError(f"There is no set {unknown[0]!r} with test rows; there are: {', '.join(TESTED)}.")
    names = [source.name for source in available(root) if source.name in sets]
    mine = {name: [case for case in load(name, root) if case.split == "test"] for name in names}
    mine = {name: cases for name, cases in mine.items() if cases}
    if not mine:
        raise SkinGPTError(f"No test rows of {', '.join(sets)} under the data folder; see `skingpt data list`.")
    chosen: list[Case] = []
    for place, cases in enumerate(mine.values()):
        random.Random(seed).shuffle(cases)
        share = None if limit is None else limit // len(mine) + (place < limit % len(mine))
        chosen += cases[:share]
    return chosen


def read(
    model: Callable[[], Model], wanted: Sequence[Wanted], journal: Journal, settings: str, batch: int = BATCH
) -> list[Line]:
    """A line for each, in order; only what the journal lacks is read, and only then the model is asked for."""
    missing = [w for w in wanted if journal.find(key(w.case), w.edit, settings) is None]
    missing.sort(key=lambda w: w.case.dataset)  # stable: a batch shares one label set
    for name in dict.fromkeys(w.case.dataset for w in missing):
        mine = [w for w in missing if w.case.dataset == name]
        for line in in_batches(f"{name} readings", mine, batch, functools.partial(_lines, model(), settings)):
            journal.add(line)
    found = (journal.find(key(w.case), w.edit, settings) for w in wanted)
    return [line for line in found if line is not None]


def _lines(model: Model, settings: str, batch: Sequence[Wanted]) -> Iterator[Line]:
    labels = label_set(SOURCES[batch[0].case.dataset].label_set)
    photos = [dataclasses.replace(read_photo(w.case.image), pixels=w.pixels()) for w in batch]
    readings = model.diagnose_all(photos, [Told(w.history) for w in batch], labels)
    for w, reading in zip(batch, readings, strict=True):
        yield line_of(w, settings, reading)


def line_of(wanted: Wanted, settings: str, reading: Reading) -> Line:
    """What is kept of a reading, and the truth that the model never saw."""
    case, told = wanted.case, as_json(reading.report)
    return {
        "key": key(case),
        "edit": wanted.edit,
        "settings": settings,
        "set": case.dataset,
        "truth": case.label,
        "group": case.group or case.id,
        "label_probability": {name: round(p, 6) for name, p in reading.label_probability.items()},
        "share": round(reading.share, 6),
        **{name: told[name] for name in READING},
    }


def taken(files: Iterable[Path], journal: Journal, settings: str) -> int:
    """Take plain readings that another program made of test rows into the journal; returns how many were new.

    JSON Lines, or a log of `skingpt bench classify`. They must be of the same adapters: nothing in them tells, so
    whoever names them vouches for it. Raises SkinGPTError.
    """
    new = 0
    for path in files:
        try:
            for line in _of_log(path) if path.suffix == ".eval" else _of_lines(path):
                if journal.find(line["key"], PLAIN, settings) is None:
                    kept = ("key", "set", "truth", "group", "label_probability", "share")
                    told = {name: line[name] for name in kept} | {name: line.get(name) for name in READING}
                    journal.add({**told, "edit": PLAIN, "settings": settings})
                    new += 1
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SkinGPTError(
                f"{path}: no readings ({error!r}); name a log of skingpt bench classify SET --systems skingpt/embedded."
            ) from error
    return new


def _of_lines(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as stream:
        return [json.loads(line) for line in stream]


def _of_log(path: Path) -> list[dict[str, Any]]:
    from inspect_ai.log import read_eval_log

    log = read_eval_log(str(path))
    told = log.eval.metadata or {}
    plain = told["system"] == "skingpt/embedded" and told["split"] == "test" and not told["history"]
    if not plain or told["open_ended"] or log.plan.config.temperature:
        raise ValueError("it is of another system, of other rows, or was asked otherwise")
    return [
        {
            **sample.output.metadata["reading"],
            "key": str(sample.id),
            "group": sample.metadata["group"],
            "set": told["source"],
            "truth": sample.metadata["label"],
        }
        for sample in log.samples or []
        if sample.output.metadata
    ]
