"""Alters what a narrative tells and argues it anew, so that a false finding speaks for what it would speak for.

Without that a flipped border would still "speak against melanoma", and a reader of the text alone would see the damage.
It is argued as the drafts of the corpus are, so that no way of arguing tells a damaged text from a sound one.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from skingpt_r1.dermeval.degrade.earned import earned
from skingpt_r1.knowledge.diagnoses import get
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.arguing import argued, arranged
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Claim, Narrative

_SEVERAL: Final = ("colour", "structure")


def contradicts(key: Key, others: Collection[Key]) -> bool:
    """Whether one of the others cannot hold beside the claim."""
    concept, value, polarity = key
    if vocabulary.opposite(key) in others:
        return True
    if concept in _SEVERAL or not polarity:
        return False
    return any(c == concept and v != value and p for c, v, p in others)


def changed(narrative: Narrative, changes: Mapping[Key, Key], rng: random.Random) -> Narrative | None:
    """Other claims in the place of these; None where the text would contradict itself."""
    keys = [changes.get(c.key, c.key) for c in narrative.claims]
    if len(set(keys)) < len(keys) or any(contradicts(key, set(keys) - {key}) for key in keys):
        return None
    return _argued(keys, [h.diagnosis for h in narrative.hypotheses], rng)


def added(narrative: Narrative, key: Key, rng: random.Random) -> Narrative | None:
    """One claim more; None where it cannot hold beside the others."""
    keys = [c.key for c in narrative.claims]
    if key in keys or contradicts(key, keys):
        return None
    return _argued([*keys, key], [h.diagnosis for h in narrative.hypotheses], rng)


def without(narrative: Narrative, keys: Collection[Key], rng: random.Random) -> Narrative | None:
    """The narrative as if these had never been seen; None where nothing would be left to tell."""
    left = [c.key for c in narrative.claims if c.key not in keys]
    if all(concept == "modality" for concept, _, _ in left):
        return None
    return _argued(left, [h.diagnosis for h in narrative.hypotheses], rng)


def misnamed(narrative: Narrative, wrong: str, rng: random.Random, reassuring: bool = False) -> Narrative | None:
    """Another diagnosis on top, the former one among its rivals; category, reasons and urgency follow it.

    reassuring: neither doubt nor a red flag is heeded.
    """
    listed = [h.diagnosis for h in narrative.hypotheses]
    names = list(dict.fromkeys((wrong, *listed)))
    if wrong not in listed and len(names) > max(2, len(listed)):
        names.pop()  # a differential of the same length
    made = _argued([c.key for c in narrative.claims], names, rng)
    if made is None or not reassuring:
        return made
    confidence = "moderate" if made.confidence == "low" else made.confidence
    return replace(made, confidence=confidence, urgency=get(wrong).urgency)


def as_sound(changed: Narrative, original: Narrative) -> bool:
    """Whether nothing in the text alone shows the change: it earns by itself what the original did."""
    before, after = earned(original), earned(changed)
    return all(after[d] >= before[d] for d in before)


def _argued(keys: Sequence[Key], differential: list[str], rng: random.Random) -> Narrative | None:
    """None where nothing is weighed against anything, which no draft of ours does."""
    return argued(arranged([Claim(*key) for key in keys]), differential, rng) if len(differential) > 1 else None
