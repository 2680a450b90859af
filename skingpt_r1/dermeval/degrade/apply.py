"""Applies damages and says what they leave: the text to judge, the remarks on it, and the six scores to aim at."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from skingpt_r1.dermeval.critique import MOST_REMARKS, Remark, quoted
from skingpt_r1.dermeval.degrade import (  # noqa: F401  each registers its damages
    finding,
    form,
    frame,
    history,
    leak,
    naming,
    picture,
    safety,
    structure,
    wording,
)
from skingpt_r1.dermeval.degrade.earned import FULL, earned
from skingpt_r1.dermeval.degrade.registry import DAMAGES as DAMAGES
from skingpt_r1.dermeval.degrade.registry import Damage, Note
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.scan import scan
from skingpt_r1.records import History, SkinGPTError


@dataclass(frozen=True, slots=True)
class Degraded:
    """What the evaluator reads (image, text, history) and what it should write (remarks, scores).

    damages: (kind, severity) in the order in which they were done, none for the sound text. scores: the target, 0 .. 5,
    in the rubric's order; a choice, see `registry`.
    """

    id: str
    damages: tuple[tuple[str, int], ...]
    image: str | None
    text: str
    history: History
    remarks: tuple[Remark, ...]
    scores: tuple[int, ...]


def sound(subject: Subject) -> Degraded:
    """The text as it is, with what it earns."""
    scores = earned(subject.told)
    return Degraded(
        subject.id, (), subject.image, subject.text, subject.history, (), tuple(scores[d] for d in DIMENSIONS)
    )


def degraded(subject: Subject, damages: Sequence[tuple[str, int]], rng: random.Random, pool: Pool) -> Degraded | None:
    """The subject with all of these (kind, severity) done; None where one cannot be done or undoes another.

    Those that alter what is told come first, then another picture, then edits of words. Per dimension the lowest target
    holds, and at least a point is lost wherever a damage lowers anything. Raises SkinGPTError on a kind or a severity
    that there is not.
    """
    kinds = sorted(((_kind(name, severity), severity) for name, severity in damages), key=lambda k: _turn(k[0]))
    now, notes = subject, list[Note]()
    before = earned(subject.told)
    scores = dict(before)
    for kind, severity in kinds:
        done = kind.work(now, severity, rng, pool)
        if done is None or (done.subject.text, done.subject.image) == (now.text, now.image):
            return None
        now, notes = done.subject, [*notes, *done.notes]
        free = {d: s for d, s in earned(now.told).items() if d not in kind.leaves}
        for lost in (kind.target(severity), done.also):
            scores |= {d: min(scores[d], score, max(before[d] - 1, 0)) for d, score in lost.items() if score < FULL}
        scores |= {d: min(scores[d], score) for d, score in free.items()}
    placed = [found for note in notes if (found := _placed(note, now.text)) is not None]
    if len(placed) < len(notes):
        return None  # a later damage took away the words of an earlier one
    ordered = dict.fromkeys(remark for _, remark in sorted(placed, key=lambda found: found[0]))
    return Degraded(
        subject.id,
        tuple((kind.name, severity) for kind, severity in kinds),
        now.image,
        now.text,
        now.history,
        tuple(ordered)[:MOST_REMARKS],
        tuple(scores[d] for d in DIMENSIONS),
    )


def _kind(name: str, severity: int) -> Damage:
    if name not in DAMAGES:
        raise SkinGPTError(f"There is no damage {name!r}. Use one of: {', '.join(DAMAGES)}.")
    if severity not in DAMAGES[name].severities:
        raise SkinGPTError(f"{name} has no severity {severity}; it has {DAMAGES[name].severities}.")
    return DAMAGES[name]


def _turn(kind: Damage) -> tuple[bool, bool]:
    return kind.by_words, kind.family == "picture"


def _placed(note: Note, text: str) -> tuple[int, Remark] | None:
    """Where its words stand, and the remark that quotes them; None where they no longer do."""
    if note.missing and isinstance(note.about, str):
        return len(text), Remark(quoted(note.about), note.fault)
    if isinstance(note.about, str) and note.about not in table():
        words = quoted(note.about)
        place = in_text(words, text)
        return (place, Remark(words, note.fault)) if words and place is not None else None
    for mention in scan(text):
        if note.about in (mention.key, mention.diagnosis):
            return mention.start, Remark(quoted(text[mention.start : mention.end]), note.fault)
    return None


def in_text(quote: str, text: str) -> int | None:
    """Where the text has these words, whatever marks and spaces `quoted` took out between them."""
    pattern = r"[\s:.\[\]<>|]+".join(map(re.escape, quote.split()))
    found = re.search(pattern, text, re.I)
    return found.start() if found else None
