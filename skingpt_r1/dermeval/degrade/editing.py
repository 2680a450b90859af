"""What several damages do to a text: findings put for findings in our own, words for words in texts by others."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade import lexicon
from skingpt_r1.dermeval.degrade.arguing import as_sound, changed
from skingpt_r1.dermeval.degrade.registry import Damaged, Note
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import inserted, put, sentences
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Narrative

TRIES: Final = 12
_RARE: Final = 0.02  # share of pictures that every finding is given beforehand


def exchanged(
    subject: Subject, told: Narrative, pairs: Mapping[Key, Key], n: int, rng: random.Random, pool: Pool
) -> Damaged | None:
    """n of the pairs, drawn until the text by itself is as sound as before.

    A claim that is usual for the diagnosis takes the place of an unusual one sooner than the reverse: damaged texts
    must not be the odd ones.
    """
    if len(pairs) < n:
        return None
    usual = {key: pool.share(subject, key) + _RARE for pair in pairs.items() for key in pair}
    odds = {old: usual[old] / usual[new] for old, new in pairs.items()}
    for _ in range(TRIES):
        taken = sorted(odds, key=lambda old: odds[old] * rng.expovariate(1))[:n]
        altered = changed(told, {key: pairs[key] for key in taken}, rng)
        if altered is not None and as_sound(altered, told):
            return Damaged(subject.retold(altered), tuple(Note(Fault.UNSEEN, pairs[key]) for key in taken))
    return None


def by_words(
    subject: Subject, words: Iterable[str], by: Mapping[str, str], severity: int, fault: Fault, rng: random.Random
) -> Damaged | None:
    """A text by others with as many words put for words as the severity says: 1, 2, or all of at least 3."""
    found = [w for w in words if put(subject.text, {w: by[w]}) != subject.text]
    if len(found) < severity:
        return None
    taken = found if severity == 3 else rng.sample(found, severity)
    text = put(subject.text, lexicon.chosen(taken, by))
    notes = [Note(fault, by[word]) for word in taken]
    return Damaged(subject.reworded(text), tuple(notes))


def said(
    subject: Subject, sentence: str, about: str, rng: random.Random, fault: Fault = Fault.UNTOLD
) -> Damaged | None:
    """One sentence more among the first, or at the end of our observation."""
    first = sentences(subject.text)[: 1 if subject.told is None else 2]
    if not first:
        return None
    text = inserted(subject.text, sentence, rng.choice(first).end)
    return Damaged(subject.reworded(text), (Note(fault, about),))
