"""One expert table being counted: what ships of it, what was left out and why, which labels have no diagnosis."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FEWEST = 5  # pictures of a diagnosis, and of a finding in the whole table, below which neither ships


@dataclass
class Tally:
    """One table being counted: the rows read, why some were left out, and per diagnosis what was marked."""

    name: str
    source: str
    licence: str
    note: str
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    marked: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, label: str, diagnosis: str | None, features: Iterable[str]) -> None:
        """One picture (or lesion) of a diagnosis; a label without one is kept for the list of unmatched."""
        if diagnosis is None:
            self.unmatched[label] += 1
        else:
            self.pictures[diagnosis] += 1
            self.marked[diagnosis].update(set(features))

    def to_json(self) -> dict[str, Any]:
        """What ships; absent features count zero."""
        kept = {name: n for name, n in sorted(self.pictures.items()) if n >= FEWEST}
        seen = sum((self.marked[name] for name in kept), Counter[str]())
        features = sorted(feature for feature, n in seen.items() if n >= FEWEST)
        return {
            "name": self.name, "source": self.source, "licence": self.licence, "note": self.note,
            "n": sum(kept.values()), "features": features,
            "diagnoses": {
                name: {"n": n, "present": {f: self.marked[name][f] for f in features if self.marked[name][f]}}
                for name, n in kept.items()
            },
        }  # fmt: skip

    def told(self) -> str:
        """The lines that the script prints."""
        few = {name: n for name, n in self.pictures.items() if n < FEWEST}
        shipped = self.to_json()
        lines = [
            f"{self.name}: {self.rows:,} rows read, {shipped['n']:,} counted, {len(shipped['diagnoses'])} diagnoses, "
            f"{len(shipped['features'])} findings",
            *(f"  left out: {why}: {n:,}" for why, n in self.left_out.items()),
            *(f"  left out: fewer than {FEWEST} pictures: {name}: {n}" for name, n in few.items()),
            *(f"  unmatched label: {label}: {n}" for label, n in self.unmatched.most_common()),
        ]
        return "\n".join(lines)


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def majority(ballots: Iterable[Iterable[str]]) -> set[str]:
    """What more than half of the ballots hold; a tie is absent."""
    ballots = [set(ballot) for ballot in ballots]
    return {mark for mark, n in Counter(mark for b in ballots for mark in b).items() if 2 * n > len(ballots)}
