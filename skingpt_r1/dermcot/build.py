"""Builds a corpus: runs the stages over cases on an engine, journals every entry, and resumes after kill -9.

    out/settings.json    what the run depends on; a changed setting is a new corpus
    out/journal.jsonl    every entry with what each stage made, in the order of the cases, as far as it got
    out/corpus.jsonl     the entries that were kept      (written once, at the end)
    out/rejected.jsonl   the others, with the reason
    out/report.json      counts, reasons, variety, and what was merged

The journal is written in the order of the cases whatever the engine does, each entry at once, so that a killed and
resumed run ends with the same bytes as one that nobody disturbed, on either engine.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skingpt_r1.dermcot.engines import Engine, in_threads
from skingpt_r1.dermcot.journal import intact, publish
from skingpt_r1.dermcot.stages import BuildConfig, Confusion, Tools, as_line, entry_of
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.claiming import claim
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.pace import Pace

log = logging.getLogger(__name__)
CONFUSIONS = Path(__file__).parents[1] / "adapters" / "confusions.json"


def build(
    config: BuildConfig,
    tools: Tools,
    cases: Sequence[Case],
    out: Path,
    resume: bool,
    workers: int = 2,
    engine: Engine = in_threads,
    merged: Mapping[str, Any] | None = None,
) -> Path:
    """Run what is missing and write the corpus; returns its file. Raises SkinGPTError where `out` is another run's.

    merged: what the report shall say of rows that were kept together or left out (`cases.merging`).
    """
    _claim(config, cases, out, resume)
    journal = out / "journal.jsonl"
    done = intact(journal, map(key, cases))
    left = cases[done:]
    pace = Pace(log, len(cases), done)
    work = functools.partial(entry_of, tools=tools, config=config)
    with journal.open("a", encoding="utf-8", newline="") as stream:
        for n, entry in enumerate(engine(work, left, workers), done + 1):
            stream.write(as_line(entry))
            stream.flush()  # to the system, which a kill of ours does not touch
            pace.tell(n)
    return publish(journal, out, merged)


def _claim(config: BuildConfig, cases: Sequence[Case], out: Path, resume: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "settings.json"
    digest = hashlib.sha256()
    for n, case in enumerate(cases):
        digest.update(f"{chr(10) if n else ''}{key(case)} {case.label} {case.diagnosis} {case.split}".encode())
    mine = {**dataclasses.asdict(config), "cases": len(cases), "of": digest.hexdigest()[:16]}
    claim(out, path, mine, resume, holds="a corpus", another="folder")


def confusions(path: Path = CONFUSIONS) -> Confusion:
    """Diagnosis -> how its validation pictures were called by the shipped model. Raises SkinGPTError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {name: {said: float(share) for said, share in called.items()} for name, called in told.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SkinGPTError(f"{path}: no table of confusions ({error}). Reinstall.") from error
