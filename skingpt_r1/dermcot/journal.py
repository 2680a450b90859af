"""The journal of a build: one line a case, in the order of the cases, and the corpus that is made from it.

Read line by line, as bytes: the file of a large corpus is never in memory, and a line ends at a newline only, not
at the other characters that `str.splitlines` takes for one.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermcot.stages import key_of
from skingpt_r1.dermcot.variety import variety
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import replacing, write_text

_COUNTED: Final = ("dataset", "split", "diagnosis")


def intact(journal: Path, keys: Iterable[str]) -> int:
    """How many cases are done; a line that a kill cut short, and what follows it, is removed first.

    keys: "dataset/id" of the cases, in their order.
    """
    if not journal.exists():
        return 0
    done = end = 0
    with journal.open("rb") as stream:
        for line, key in zip(stream, keys, strict=False):
            try:
                if not line.endswith(b"\n") or key_of(json.loads(line)) != key:
                    break
            except (ValueError, KeyError, TypeError):
                break
            done, end = done + 1, end + len(line)
    if end < journal.stat().st_size:
        os.truncate(journal, end)
    return done


class Totals:
    """What a reader of a corpus wants to know of it, counted entry by entry."""

    def __init__(self) -> None:
        self.cases = self.kept = 0
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in (*_COUNTED, "rejected", "lint")}

    def add(self, entry: Mapping[str, Any]) -> None:
        """One entry, kept or not."""
        self.cases += 1
        self.kept += entry["kept"]
        self.counts["lint"].update(sorted({f["rule"] for f in entry["findings"]}))
        if entry["kept"]:
            for name in _COUNTED:
                self.counts[name][str(entry["case"][name])] += 1
        else:
            self.counts["rejected"][entry["why"].partition(":")[0]] += 1

    def report(self, texts: Iterable[str], merged: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """texts: of the kept entries, to be gone through more than once."""
        counted = {name: dict(counter.most_common()) for name, counter in self.counts.items()}
        return {
            "cases": self.cases,
            "kept": self.kept,
            "rejected": counted["rejected"],
            **{f"by_{name}": counted[name] for name in _COUNTED},
            "lint": counted["lint"],
            "variety": dataclasses.asdict(variety(texts)),
            **({"merged": merged} if merged is not None else {}),
        }


def publish(journal: Path, out: Path, merged: Mapping[str, Any] | None = None) -> Path:
    """corpus.jsonl (which appears last), rejected.jsonl and report.json from a finished journal."""
    corpus = out / "corpus.jsonl"
    totals = Totals()
    with replacing(corpus) as good, replacing(out / "rejected.jsonl") as others:
        for line, entry in lines(journal):
            totals.add(entry)
            (good if entry["kept"] else others).write(line)
        told = totals.report(_Kept(journal), merged)
        write_text(out / "report.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return corpus


class _Kept:
    """The texts that were kept, read from the journal as often as asked."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal

    def __iter__(self) -> Iterator[str]:
        return (entry["text"] for _, entry in lines(self.journal) if entry["kept"])


def lines(journal: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line with what it says. Raises SkinGPTError for a damaged one."""
    with journal.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield line.decode("utf-8"), json.loads(line)
            except ValueError as error:
                raise SkinGPTError(
                    f"{journal}:{number}: damaged ({error}); build again with --resume, which removes this line."
                ) from error
