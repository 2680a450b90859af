"""Findings that are not in the picture, or that are and are not told; argued as if all were well."""

from __future__ import annotations

import random
import re
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade import lexicon
from skingpt_r1.dermeval.degrade.arguing import added, as_sound, contradicts, without
from skingpt_r1.dermeval.degrade.editing import by_words, exchanged
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import advice_sentences, cut_out, described_end, inserted, is_general, sentences
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key

_PAIRED: Final = ("symmetry", "border", "edge", "variety")
_SEEN: Final = (*_PAIRED, "structure", "colour")
_SHADES: Final = (("light brown", "dark brown"), ("dark brown", "black"), ("red", "pink"), ("white", "yellow"),
                  ("black", "blue-grey"))  # fmt: skip
_INVENTED: Final = tuple(k for k in vocabulary.WRITINGS if k[0] in (*_SEEN, "size") and k[2])
_ADDED: Final = ("{} are also visible.", "In addition there are {}.", "One also sees {}.", "There are {} as well.")
_DENIES: Final = re.compile(r"\b(no|not|without|absence|absent|lack\w*|rules? out)\b", re.IGNORECASE)
_STRANGE: Final = (
    "blue-grey dots", "small black crusts", "milky vesicles", "dilated vessels", "yellow crusts", "white scars",
    "central ulcers", "black spots at the rim", "satellite papules", "deep fissures", "tense blisters",
)  # fmt: skip
_LOWERS: Final = {"description_precision": (4, 3, 1), "medical_groundedness": (4, 3, 2), "accuracy": (5, 4, 3)}
_MAY: Final = ("clinical_coverage", "safety")


@damage("finding flipped", family="finding", sees=PICTURE, lowers=_LOWERS, may_move=_MAY)
def flipped(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """One, two or three findings become their opposite, wherever they are named, and argue as the opposite would."""
    told = subject.told
    if told is None:
        words = lexicon.present(subject.text, lexicon.OPPOSITES)
        return by_words(subject, words, lexicon.OPPOSITES, severity, Fault.UNSEEN, rng)
    pairs = {c.key: o for c in told.claims if c.concept in _PAIRED and (o := vocabulary.opposite(c.key))}
    return exchanged(subject, told, pairs, severity, rng, pool)


@damage("wrong colour", family="finding", sees=PICTURE, lowers=_LOWERS, may_move=_MAY)
def recoloured(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A colour becomes its neighbour (1), one far from it (2), or two colours do (3)."""
    told = subject.told
    if told is None:
        words = lexicon.present(subject.text, lexicon.COLOURS)
        return by_words(subject, words, lexicon.COLOURS, severity, Fault.UNSEEN, rng)
    taken = {c.value for c in (*told.claims, *subject.described) if c.concept == "colour" and c.polarity}
    pairs: dict[Key, Key] = {}
    for claim in told.claims:
        if claim.concept != "colour" or not claim.polarity:
            continue
        free = [v for v in vocabulary.COLOURS if v not in taken and _is_shade(v, claim.value) == (severity == 1)]
        if free:
            value = pool.drawn(subject, "colour", free, rng)
            taken.add(value)
            pairs[claim.key] = ("colour", value, True)
    return exchanged(subject, told, pairs, 2 if severity == 3 else 1, rng, pool)


@damage("finding invented", family="finding", sees=PICTURE, lowers=_LOWERS, may_move=_MAY)
def invented(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """One, two or three findings that the picture does not have are seen, and speak where they would."""
    if subject.told is None:
        return _sentences_more(subject, severity, rng)
    told, notes = subject.told, list[Note]()
    there = {c.key for c in subject.described}
    free = [key for key in _INVENTED if key not in there and contradicts(key, there)]
    while free and len(notes) < severity:
        value = pool.drawn(subject, "", [f"{c}|{v}" for c, v, _ in free], rng)
        key = next(k for k in free if f"{k[0]}|{k[1]}" == value)
        free.remove(key)
        grown = added(told, key, rng)
        if grown is not None and as_sound(grown, subject.told):
            told, notes = grown, [*notes, Note(Fault.UNSEEN, key)]
    return Damaged(subject.retold(told), tuple(notes)) if len(notes) == severity else None


@damage("key finding dropped", family="finding", sees=PICTURE, severities=(1, 2, 3),
        lowers={"clinical_coverage": (4, 3, 2), "description_precision": (4, 3, 2)},
        may_move=("reasoning_coherence", "accuracy", "safety"))  # fmt: skip
def dropped(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A finding that argues nowhere (1), one that decides (2), or most findings (3) are never mentioned."""
    told = subject.told
    if told is None:
        return _sentences_less(subject, severity, rng)
    seen = [i for i, c in enumerate(told.claims) if c.concept in _SEEN and c.polarity]
    arguing = {p for h in told.hypotheses for p in (*h.speaks_for, *h.speaks_against)} | {*told.deciding}
    deciding = [i for i in seen if i in told.deciding] or [i for i in seen if i in arguing]
    choices = {1: [i for i in seen if i not in told.deciding], 2: deciding, 3: seen}[severity]
    n = 1 if severity < 3 else max(2, round(len(seen) * 0.6))
    if len(choices) < n:
        return None
    gone = [told.claims[i].key for i in sorted(rng.sample(choices, n))]
    left = without(told, gone, rng)
    if left is None:
        return None
    notes = [Note(Fault.MISSING, vocabulary.bare(vocabulary.phrases(key)[0]), missing=True) for key in gone]
    return Damaged(subject.retold(left), tuple(notes))


def _is_shade(a: str, b: str) -> bool:
    return (a, b) in _SHADES or (b, a) in _SHADES


def _sentences_more(subject: Subject, severity: int, rng: random.Random) -> Damaged | None:
    text, notes = subject.text, list[Note]()
    for finding, frame in zip(rng.sample(_STRANGE, severity), rng.sample(_ADDED, severity), strict=True):
        place = described_end(text, rng)
        if place is None:
            return None
        said = frame.format(finding)
        text = inserted(text, said[0].upper() + said[1:], place)
        notes.append(Note(Fault.UNSEEN, finding))
    return Damaged(subject.reworded(text), tuple(notes))


def _sentences_less(subject: Subject, severity: int, rng: random.Random) -> Damaged | None:
    """Sentences that find it in the picture go, all of them; at most half of the text, and no advice."""
    advice = advice_sentences(subject.text)
    parts = {s: subject.text[s.start : s.end] for s in sentences(subject.text) if s not in advice}
    parts = {s: said for s, said in parts.items() if not is_general(said)}
    words = lexicon.present(" ".join(parts.values()), (*lexicon.LESIONS, *lexicon.COLOURS))
    denied = lexicon.present(" ".join(said for said in parts.values() if _DENIES.search(said)), words)
    words = [w for w in words if w not in denied]
    rng.shuffle(words)
    for start in range(len(words) - severity + 1):
        taken = words[start : start + severity]
        text = cut_out(subject.text, [s for s, said in parts.items() if lexicon.present(said, taken)])
        if len(text) > len(subject.text) / 2:
            return Damaged(subject.reworded(text), tuple(Note(Fault.MISSING, w, missing=True) for w in taken))
    return None
