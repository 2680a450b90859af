"""Filters a finished corpus anew: every text is scored by another judge, and nothing is described or worded again.

The new folder has the files of a build (`build`), its journal in the same order, and goes on after kill -9. What the
stages before the score refused stays refused.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermcot.engines import in_threads
from skingpt_r1.dermcot.journal import intact, lines, publish
from skingpt_r1.dermcot.scoring import Scorer, Told
from skingpt_r1.dermcot.stages import key_of, unfit, unscored
from skingpt_r1.narrative.lint import Severity
from skingpt_r1.records import CaseError, History, SkinGPTError
from skingpt_r1.sources.claiming import claim
from skingpt_r1.sources.pace import Pace
from skingpt_r1.sources.streams import case_of, picture_of, sha256_of

log = logging.getLogger(__name__)
_TOGETHER: Final = 64  # texts scored at a time, by length, so that a batch of the judge's has little padding
Entry = dict[str, Any]  # a line of the journal


def rescore(corpus: Path, scorer: Scorer, least: float, out: Path, resume: bool, workers: int = 2) -> Path:
    """Score each text of the build in `corpus`, keep those of at least `least` (0..5); returns the new corpus.jsonl.

    workers: batches of texts at a time, a thread each; the scores are the same for any number.

    Raises SkinGPTError where `corpus` is no finished build, or `out` is another run's.
    """
    if out.resolve() == corpus.resolve():
        raise SkinGPTError(f"{out}: is itself the corpus to score; name another folder.")
    before = corpus / "journal.jsonl"
    settings, merged = _made_of(corpus, before)
    total = sum(1 for _ in lines(before))
    out.mkdir(parents=True, exist_ok=True)
    mine = {**settings, "scorer": scorer.name, "least_score": least, "rescored": sha256_of(before)}
    claim(out, out / "settings.json", mine, resume, holds="a corpus", another="folder")
    journal = out / "journal.jsonl"
    done = n = intact(journal, (key_of(entry) for _, entry in lines(before)))
    pace = Pace(log, total, done, "texts")
    work = functools.partial(_scored, scorer=scorer, least=least, corpus=corpus)
    with journal.open("a", encoding="utf-8", newline="") as written:
        left = (entry for _, entry in islice(lines(before), done, None))
        for part in in_threads(work, _parts(left), workers):
            written.write("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in part))
            written.flush()  # to the system, which a kill of ours does not touch
            n += len(part)
            pace.tell(n)
    return publish(journal, out, merged)


def _made_of(corpus: Path, journal: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The settings of a finished build, and what it merged."""
    try:
        settings = json.loads((corpus / "settings.json").read_text(encoding="utf-8"))
        merged = json.loads((corpus / "report.json").read_text(encoding="utf-8")).get("merged")
        if not journal.exists() or not isinstance(settings, dict):
            raise ValueError("settings or journal are missing")
    except (OSError, ValueError, AttributeError) as error:
        raise SkinGPTError(
            f"{corpus}: no finished build ({error}); finish it: skingpt dermcot build --resume"
        ) from error
    return settings, merged


def _parts(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while part := list(islice(entries, _TOGETHER)):
        yield part


def _scored(entries: list[Entry], scorer: Scorer, least: float, corpus: Path) -> list[Entry]:
    """The same, with score, kept and why where they have a text."""
    told = sorted((entry for entry in entries if entry["text"] is not None), key=lambda entry: len(entry["text"]))
    texts = [_text_of(entry, corpus) for entry in told]
    for entry, text, score in zip(told, texts, scorer.score(texts), strict=True):
        if isinstance(score, CaseError):
            entry.update(score=None, why=unscored(score))
        else:
            entry.update(score=dataclasses.asdict(score), why=unfit(text.rules, score, least))
        entry["kept"] = not entry["why"]
    return entries


def _text_of(entry: Entry, corpus: Path) -> Told:
    case = case_of(entry["case"])
    image = str(picture_of(corpus, case.image))
    return Told(
        dataclasses.replace(case, image=image, history=History(**entry["history"])),
        entry["text"],
        {finding["rule"]: Severity(finding["severity"]) for finding in entry["findings"]},
    )
