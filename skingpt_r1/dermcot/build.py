"""Builds a corpus: runs the stages over cases in a pool, journals every entry, and resumes after kill -9.

    out/settings.json    what the run depends on; a changed setting is a new corpus
    out/journal.jsonl    every entry with what each stage made, in the order of the cases, as far as it got
    out/corpus.jsonl     the entries that were kept      (written once, at the end)
    out/rejected.jsonl   the others, with the reason
    out/report.json      counts, reasons, variety

The journal is written in the order of the cases whatever the pool does, so that a killed and resumed run ends with the
same bytes as one that nobody disturbed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from skingpt_r1.dermcot.stages import BuildConfig, Confusion, Entry, Tools, as_line, entry_of, key_of
from skingpt_r1.dermcot.variety import variety
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
_EVERY = 10.0  # seconds between two lines of progress


def build(config: BuildConfig, tools: Tools, cases: Sequence[Case], out: Path, resume: bool, workers: int = 2) -> Path:
    """Run what is missing and write the corpus; returns its file. Raises SkinGPTError where `out` is another run's."""
    _claim(config, cases, out, resume)
    journal = out / "journal.jsonl"
    done = _intact(journal, cases)
    left = cases[done:]
    began = told = time.monotonic()
    with journal.open("a", encoding="utf-8") as stream:
        for n, entry in enumerate(_in_order(lambda case: entry_of(case, tools, config), left, workers), 1):
            stream.write(as_line(entry))
            if time.monotonic() - told > _EVERY or n == len(left):
                stream.flush()
                told = time.monotonic()
                pace = (told - began) / n
                log.info("%d/%d, %.1f cases/s, %.0f s left", done + n, len(cases), 1 / pace, pace * (len(left) - n))
    return _publish(journal, out)


def _claim(config: BuildConfig, cases: Sequence[Case], out: Path, resume: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "settings.json"
    listed = "\n".join(f"{key(c)} {c.label} {c.diagnosis} {c.split}" for c in cases)
    mine = {**dataclasses.asdict(config), "cases": len(cases), "of": hashlib.sha256(listed.encode()).hexdigest()[:16]}
    if path.exists():
        if not resume:
            raise SkinGPTError(f"{out}: holds a corpus already; go on with --resume, or name another folder.")
        theirs = json.loads(path.read_text(encoding="utf-8"))
        if theirs != mine:
            other = ", ".join(name for name in mine if mine[name] != theirs.get(name))
            raise SkinGPTError(f"{out}: was begun with another {other}; name another folder.")
        return
    write_text(path, json.dumps(mine, indent=1) + "\n")


def _intact(journal: Path, cases: Sequence[Case]) -> int:
    """How many cases are done; a line that a kill cut short is removed first."""
    if not journal.exists():
        return 0
    lines = journal.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    whole = []
    for line, case in zip(lines, cases, strict=False):
        try:
            if not line.endswith("\n") or key_of(json.loads(line)) != key(case):
                break
        except (ValueError, KeyError, TypeError):
            break
        whole.append(line)
    if len(whole) < len(lines):
        write_text(journal, "".join(whole))
    return len(whole)


def _in_order(work: Callable[[Case], Entry], cases: Sequence[Case], workers: int) -> Iterator[Entry]:
    """Results in the order of the cases, at most a few of them waiting in memory."""
    waiting: deque[Future[Entry]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for case in cases:
            waiting.append(pool.submit(work, case))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _publish(journal: Path, out: Path) -> Path:
    """corpus.jsonl, rejected.jsonl and report.json from a finished journal."""
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    entries = [json.loads(line) for line in lines]
    kept = [line for line, entry in zip(lines, entries, strict=True) if entry["kept"]]
    write_text(out / "rejected.jsonl", "".join(x for x, e in zip(lines, entries, strict=True) if not e["kept"]))
    write_text(out / "report.json", json.dumps(report(entries), indent=1, ensure_ascii=False) + "\n")
    write_text(out / "corpus.jsonl", "".join(kept))
    return out / "corpus.jsonl"


def confusions(teacher: Path) -> Confusion:
    """Diagnosis -> how its validation pictures were called, from a trained teacher's folder; empty without one.

    A diagnosis of several label sets gets the mean over them.
    """
    path = teacher / "metrics.json"
    if not path.exists():
        return {}
    found: dict[str, list[dict[str, float]]] = {}
    for name, shares in json.loads(path.read_text(encoding="utf-8"))["confusion"].items():
        labels = label_set(name.partition("/")[0]).labels
        named = {labels[label]: float(share) for label, share in shares.items()}
        found.setdefault(labels[name.partition("/")[2]], []).append(named)
    return {
        diagnosis: {other: sum(t.get(other, 0.0) for t in tables) / len(tables) for t in tables for other in t}
        for diagnosis, tables in found.items()
    }


def report(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a reader of the corpus wants to know of it."""
    kept = [entry for entry in entries if entry["kept"]]

    def counted(field_: str) -> dict[str, int]:
        return dict(Counter(str(entry["case"][field_]) for entry in kept).most_common())

    return {
        "cases": len(entries),
        "kept": len(kept),
        "rejected": dict(Counter(e["why"].partition(":")[0] for e in entries if not e["kept"]).most_common()),
        "by_dataset": counted("dataset"),
        "by_split": counted("split"),
        "by_diagnosis": counted("diagnosis"),
        "lint": dict(Counter(r for e in entries for r in {f["rule"] for f in e["findings"]}).most_common()),
        "variety": dataclasses.asdict(variety([entry["text"] for entry in kept])),
    }
