"""Each measurement from pictures to its section: what is read, what is counted, where it is kept.

OUT/readings.jsonl    what the model said, a line a picture and edit; a killed run goes on from here
OUT/KEY.json          one section
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermbench.classify.sets import TITLES
from skingpt_r1.dermbench.trust import abstention, chains, confidence, curves, edits, faithfulness, robustness, scope
from skingpt_r1.dermbench.trust.journal import Journal, Line, in_batches
from skingpt_r1.dermbench.trust.readings import BATCH, Wanted, held_out, read, taken
from skingpt_r1.dermbench.trust.section import Section, save
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models import conformal
from skingpt_r1.models.diagnose import ADAPTERS, Model, load
from skingpt_r1.models.weights import digest_of
from skingpt_r1.records import Case
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES, TESTED

EDITION: Final = 2
"""Raise it whenever an edit, a corruption, a curve or a check changes what a journal line says."""


@dataclass(frozen=True)
class Run:
    """One call of a measurement.

    out: folder of journal and sections. limit: test pictures, shared out over the sets; None for all. seed: of what is
    drawn. data: root of the picture sets. sets: which of them. readings: files with readings of test rows by these very
    adapters, taken instead of made. each: pictures a kind out of scope. batch: pictures read at a time.
    """

    out: Path
    limit: int | None = None
    seed: int = 0
    data: Path | None = None
    readings: tuple[Path, ...] = ()
    each: int = 30
    batch: int = BATCH
    adapters: Path = ADAPTERS
    sets: tuple[str, ...] = TESTED

    @property
    def settings(self) -> str:
        """What a journal line depends on, beside its case and edit."""
        return f"{digest_of(self.adapters)}.{EDITION}"

    @functools.cached_property
    def model(self) -> Model:
        """Loaded once, and only where something is missing from the journal."""
        return load(adapters=self.adapters)

    @functools.cached_property
    def journal(self) -> Journal:
        """The journal, with readings made elsewhere taken in."""
        journal = Journal(self.out / "readings.jsonl")
        taken(self.readings, journal, self.settings)
        return journal

    @functools.cached_property
    def cases(self) -> list[Case]:
        """The test rows that are read."""
        return held_out(self.limit, self.data, sets=self.sets)

    def read(self, wanted: Sequence[Wanted]) -> list[Line]:
        """A journal line each."""
        return read(lambda: self.model, wanted, self.journal, self.settings, self.batch)

    def plain(self) -> list[Line]:
        """What the model says of the untouched pictures."""
        return self.read([Wanted(case) for case in self.cases])


def calibration(run: Run) -> Section:
    """Confidence and prediction sets."""
    sets = conformal.load(run.adapters / conformal.SHIPPED)
    return _kept(run, confidence.measure(run.plain(), sets, run.seed))


def abstaining(run: Run) -> Section:
    """Risk against coverage."""
    return _kept(run, abstention.measure(run.plain(), run.seed))


def robust(run: Run) -> Section:
    """Corruptions at their severities."""
    return _kept(run, robustness.measure(run.read(list(robustness.wanted(run.cases, run.seed))), run.seed))


def faithful(run: Run) -> Section:
    """Evidence taken away, curves of the evidence map, chains exchanged."""
    said = {line["key"]: line for line in run.plain()}

    def outline(pixels: Pixels) -> NDArray[np.bool_]:
        return run.model.segmenter.probability(pixels) >= 0.5

    paintable = [case for case in run.cases if edits.paintable(outline(read_photo(case.image).pixels))]
    edited = run.read(list(faithfulness.wanted(run.cases, paintable, said, outline)))
    curved = _curves(run, said)
    chained = chains.read(lambda: run.model, run.cases, said, run.journal, run.settings, run.batch)
    found = faithfulness.measure([*said.values(), *edited], chained, curved, run.seed)
    if left := len(run.cases) - len(paintable):
        told = f"{left} pictures without an outline to paint in were neither painted over nor recoloured."
        found = dataclasses.replace(found, limits=(*found.limits, told))
    return _kept(run, found)


def scoped(run: Run) -> Section:
    """Pictures out of scope refused, pictures in scope passed."""
    return _kept(run, scope.measure(_scope_lines(run), run.seed))


def _scope_lines(run: Run) -> list[Line]:
    jobs = list(scope.jobs(run.cases, run.each, run.data, lambda p: run.model.segmenter.probability(p), run.seed))

    def work(batch: Sequence[scope.Job]) -> Iterable[Line]:
        return [scope.line_of(job, run.model, run.settings) for job in batch]

    for line in in_batches("pictures of scope", [j for j in jobs if _missing(run, j.key, j.edit)], run.batch, work):
        run.journal.add(line)
    found = (run.journal.find(j.key, j.edit, run.settings) for j in jobs)
    return [line for line in found if line is not None]


def _curves(run: Run, said: dict[str, Line]) -> list[Line]:
    edit = f"curves/{run.seed}"

    def work(batch: Sequence[Case]) -> Iterable[Line]:
        for case in batch:
            mine = said[key(case)]
            names = list(dict.fromkeys(label_set(SOURCES[case.dataset].label_set).labels.values()))
            found = curves.curves(run.model, read_photo(case.image).pixels, mine["diagnosis"], names, run.seed)
            yield {"key": key(case), "edit": edit, "settings": run.settings, "group": mine["group"], "curves": found}

    for line in in_batches("curves", [c for c in run.cases if _missing(run, key(c), edit)], 1, work):
        run.journal.add(line)
    found = (run.journal.find(key(c), edit, run.settings) for c in run.cases)
    return [line for line in found if line is not None]


def _missing(run: Run, name: str, edit: str) -> bool:
    return run.journal.find(name, edit, run.settings) is None


def _kept(run: Run, section: Section) -> Section:
    """The section with how it was made, saved."""
    limit = "" if run.limit is None else f" --limit {run.limit}"
    each = f" --each {run.each}" if section.key == "scope" else ""
    given = {"sets": ",".join(run.sets), "adapters": run.adapters, "data": run.data}
    usual = {"sets": ",".join(TESTED), "adapters": ADAPTERS, "data": None}
    more = "".join(f" --{name} {value}" for name, value in given.items() if value != usual[name])
    taken_in = "".join(f" --readings {path}" for path in run.readings)
    command = f"skingpt trust {section.key}{limit}{each}{more}{taken_in} --seed {run.seed}"
    there = {case.dataset for case in run.cases}
    of = f"{len(run.cases):,} test pictures of {', '.join(title for name, title in TITLES.items() if name in there)}"
    told = dataclasses.replace(section, command=command, settings=run.settings, of=of)
    save(told, run.out)
    return told


MEASUREMENTS: Final[dict[str, Callable[[Run], Section]]] = {
    "calibration": calibration,
    "abstention": abstaining,
    "scope": scoped,
    "faithfulness": faithful,
    "robustness": robust,
}
"""By the name of the section, which is the command's."""
