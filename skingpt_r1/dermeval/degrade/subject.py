"""What is judged: a picture, what was told of it, and a text about it, ours or by others.

A text of our own carries the narrative that it tells (`told`), so that a damage can alter what is told and have it told
again; a text by others carries none and is edited as words. The evaluator sees image, history and text, and never what
was described or recorded.
"""

from __future__ import annotations

import dataclasses
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skingpt_r1.dermeval.degrade.styles import GRAMMAR, tell
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Claim, History, Modality, Narrative, SkinGPTError
from skingpt_r1.sources.rows import BadRow, json_rows
from skingpt_r1.sources.streams import case_of, picture_of

_Source = tuple[str, Modality | None]
_USUAL = 0.5  # support from which on a picture counts as described so
_LOOKED_AT = 60  # donors that a picture swap looks through, of the hundreds that would do


@dataclass(frozen=True, slots=True)
class Subject:
    """One text and what it is about.

    id: "dataset/id". history: what the text was written with, which the evaluator is given. recorded: all that the
    source has. described: what was found in the picture before anybody wrote, with its support; empty for texts by
    others. told: what the text tells, None where it is not of our own making. style, seed: how it is told again.
    """

    id: str
    text: str
    image: str | None = None
    dataset: str = ""
    modality: Modality | None = None
    diagnosis: str | None = None
    history: History = field(default_factory=History)
    recorded: History = field(default_factory=History)
    described: tuple[Claim, ...] = ()
    group: str | None = None
    split: str | None = None
    told: Narrative | None = None
    style: str = GRAMMAR
    seed: int = 0

    def retold(self, narrative: Narrative) -> Subject:
        """The same subject telling another narrative, in its own style."""
        return dataclasses.replace(self, told=narrative, text=tell(narrative, self.style, self.seed))

    def reworded(self, text: str) -> Subject:
        """The same subject with another text, which from now on is words only."""
        return dataclasses.replace(self, told=None, text=text)


def styled(subject: Subject, style: str, seed: int) -> Subject:
    """Our own text in another style; a text by others as it is. Damage it after, so that both differ by the damage."""
    if subject.told is None:
        return subject
    return dataclasses.replace(subject, style=style, seed=seed).retold(subject.told)


class Pool:
    """Where the pictures of swaps come from, and what is usual there: subjects by data set, modality and diagnosis."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        self._alike: dict[_Source, dict[str, list[Subject]]] = {}
        self._usual: dict[_Source, Counter[str]] = {}
        self._shares: dict[tuple[_Source, str], Counter[Key]] = {}
        for subject in subjects:
            if subject.image is None or subject.diagnosis is None:
                continue
            source = (subject.dataset, subject.modality)
            self._alike.setdefault(source, {}).setdefault(subject.diagnosis, []).append(subject)
            keys = [c.key for c in subject.described if (c.support or 0) >= _USUAL]
            self._usual.setdefault(source, Counter()).update(f"{c}|{v}" for c, v, p in keys if p)
            self._shares.setdefault((source, subject.diagnosis), Counter()).update(keys)

    def share(self, subject: Subject, key: Key) -> float:
        """Of the pictures of this source and diagnosis, how many are described so, 0 .. 1."""
        source = (subject.dataset, subject.modality)
        found = self._shares.get((source, subject.diagnosis or ""))
        return found[key] / len(self._alike[source][subject.diagnosis or ""]) if found else 0.0

    def drawn(self, subject: Subject, concept: str, values: Sequence[str], rng: random.Random) -> str:
        """One of the values, as often as this source is described so; any of them where it never is.

        concept: "" where the values say theirs ("colour|red").
        """
        usual = self._usual.get((subject.dataset, subject.modality), Counter())
        weights = [usual[f"{concept}|{value}" if concept else value] for value in values]
        return rng.choices(values, weights)[0] if any(weights) else rng.choice(values)

    def donors(self, subject: Subject, same_diagnosis: bool, rng: random.Random) -> Sequence[Subject]:
        """Pictures of other patients from the same source, some of them in drawn order."""
        kinds = self._alike.get((subject.dataset, subject.modality), {})
        names = [n for n in sorted(kinds) if (n == subject.diagnosis) == same_diagnosis]
        found = [rng.choice(kinds[rng.choice(names)]) for _ in range(_LOOKED_AT)] if names else []
        return [d for d in found if d.id != subject.id and (d.group is None or d.group != subject.group)]


def subjects(path: Path) -> Iterator[Subject]:
    """The kept texts of a built corpus (corpus.jsonl). Raises SkinGPTError naming file and line."""
    for number, entry in _lines(path):
        try:
            yield _from_corpus(entry, path.parent)
        except (ValueError, KeyError, TypeError) as error:
            raise SkinGPTError(f"{path}:{number}: not an entry of a corpus ({error!r}); build it again.") from error


def _from_corpus(entry: dict[str, Any], folder: Path) -> Subject:
    case = case_of(entry["case"])
    narrative = parse(entry["text"])
    return Subject(
        id=f"{case.dataset}/{case.id}",
        text=entry["text"],
        image=str(picture_of(folder, case.image)),
        dataset=case.dataset,
        modality=case.modality,
        diagnosis=case.diagnosis,
        history=History(**entry["history"]),
        recorded=case.history,
        described=tuple(Claim(c, v, p, support=float(s)) for c, v, p, s in entry["described"]),
        group=case.group,
        split=case.split,
        told=None if narrative.problems else narrative,
        seed=zlib.crc32(case.id.encode()),
    )


def certified(path: Path) -> Iterator[Subject]:
    """Texts by others, JSON Lines with id and narrative, gzipped or not; they come without their pictures."""
    for number, entry in _lines(path):
        try:
            yield Subject(id=f"certified/{entry['id']}", text=str(entry["narrative"]), dataset="certified")
        except (KeyError, TypeError) as error:
            raise SkinGPTError(f"{path}:{number}: needs the keys id and narrative ({error!r}).") from error


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a file of our own making, where one that cannot be read is an error."""
    try:
        for number, row in json_rows(path):
            if isinstance(row, BadRow):
                raise SkinGPTError(row.message)
            yield number, row
    except (OSError, EOFError) as error:
        raise SkinGPTError(f"{path}: cannot be read ({error}); name a readable file.") from error
