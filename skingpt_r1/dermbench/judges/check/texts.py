"""The texts that a judge is checked on: candidates with their references, out of logs, JSON Lines or a suite's samples.

References alone make poor candidates, because nothing is left to gain above full marks. Of samples without candidates
every other reference is therefore damaged, by a seed of its own.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skingpt_r1.dermbench.reading import Runs
from skingpt_r1.dermeval.degrade.apply import DAMAGES, degraded
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.rows import BadRow, json_rows

if TYPE_CHECKING:
    from inspect_ai.dataset import Sample

WHOLE: Final = "references"
"""The system's name where the candidates are made from the references."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One candidate and its reference. case: what several systems were asked about. group: what is drawn together.

    model: who wrote the candidate, as inspect_ai names it. image: path or data URI, for judges that look.
    """

    system: str
    case: str
    group: str
    candidate: str
    reference: str
    model: str = ""
    image: str | None = None
    history: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Names the pair."""
        return f"{self.system}|{self.case}"


def of_runs(runs: Runs) -> list[Pair]:
    """Every text of every system that has a reference; controls are no texts of a system and are left out."""
    return [
        Pair(run.name, key, case.group, told.text, case.reference, run.model, case.image, case.history)
        for run in runs.systems
        if not run.control
        for key, told in run.written.items()
        if not told.failed and (case := runs.cases[key]).reference.strip()
    ]


def of_samples(samples: Iterable[Sample]) -> list[Pair]:
    """The references of a suite as candidates, every other one damaged."""
    found: list[Pair] = []
    for place, sample in enumerate(samples):
        told = sample.metadata or {}
        reference = told.get("reference") or (sample.target if isinstance(sample.target, str) else "")
        if not isinstance(reference, str) or not reference.strip():
            continue
        key, image, history = str(sample.id), told.get("image"), told.get("history")
        candidate = _damaged(key, reference) if place % 2 else reference
        group = str(told.get("group") or key)
        found.append(
            Pair(WHOLE, key, group, candidate, reference, "", image if isinstance(image, str) else None, history)
        )
    return found


def of_file(path: Path) -> list[Pair]:
    """JSON Lines {id, candidate, reference} and perhaps system, model, group, image, history. Raises SkinGPTError."""
    try:
        found = list(_rows(path))
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be read ({error.strerror}); name a readable file.") from error
    ids = Counter(pair.id for pair in found)
    if twice := [name for name, n in ids.items() if n > 1]:
        raise SkinGPTError(f"{path}: {twice[0]!r} stands twice; give each text its own id, or a `system`.")
    if not found:
        raise SkinGPTError(f"{path}: holds no row; write one object a line: id, candidate, reference.")
    return found


def drawn(pairs: Sequence[Pair], limit: int | None, seed: int = 0) -> list[Pair]:
    """All pairs of at most so many cases, drawn by seed; in the order of the pairs."""
    cases = sorted({pair.case for pair in pairs})
    if limit is None or limit >= len(cases):
        return list(pairs)
    kept = set(random.Random(seed).sample(cases, limit))
    return [pair for pair in pairs if pair.case in kept]


def _rows(path: Path) -> Iterator[Pair]:
    for line, row in json_rows(path):
        if isinstance(row, BadRow):
            raise SkinGPTError(row.message)
        texts = [row.get(key) for key in ("id", "candidate", "reference")] if isinstance(row, dict) else []
        if len(texts) != 3 or not all(isinstance(t, str) and t.strip() for t in texts):
            raise SkinGPTError(f"{path}:{line}: needs id, candidate and reference, each a text.")
        assert isinstance(row, dict)
        image, history = row.get("image"), row.get("history")
        yield Pair(
            str(row.get("system") or "file"),
            row["id"],
            str(row.get("group") or row["id"]),
            row["candidate"],
            row["reference"],
            str(row.get("model") or ""),
            image if isinstance(image, str) else None,
            history if isinstance(history, dict) else None,
        )


def _damaged(key: str, text: str) -> str:
    rng = random.Random(f"judge-check {key}")
    kinds = rng.sample(list(DAMAGES.values()), len(DAMAGES))
    of_others = Subject(id=key, text=text)
    made = (degraded(of_others, [(kind.name, kind.severities[-1])], rng, Pool([])) for kind in kinds)
    return next((found.text for found in made if found is not None and found.text != text), text)
