"""Alters what a narrative tells and argues it anew, so that a false finding speaks for what it would speak for.

Without that a flipped border would still "speak against melanoma", and a reader of the text alone would see the damage.
What speaks for what comes from the measured likelihood ratios, as in the drafts of the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from skingpt_r1.dermeval.degrade.earned import earned
from skingpt_r1.knowledge.diagnoses import category_of, get, urgency_of
from skingpt_r1.knowledge.likelihoods import likelihood_ratio
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Claim, Hypothesis, Narrative

_SPEAKS: Final = math.log(1.15)  # least log ratio that is worth a word, as in the drafts
_SEVERAL: Final = ("colour", "structure")
_ORDER: Final = ("modality", "size", "site", "symmetry", "border", "edge", "structure", "colour", "variety")


def speaks(key: Key, diagnosis: str, rivals: Collection[str]) -> int:
    """1 for, -1 against, 0 where it is not measured, too weak or within chance."""
    ratio = likelihood_ratio(*key, diagnosis, rivals)
    if ratio is None or ratio.low <= 1 <= ratio.high or abs(math.log(ratio.value)) < _SPEAKS:
        return 0
    return 1 if ratio.value > 1 else -1


def contradicts(key: Key, others: Collection[Key]) -> bool:
    """Whether one of the others cannot hold beside the claim."""
    concept, value, polarity = key
    if vocabulary.opposite(key) in others:
        return True
    if concept in _SEVERAL or not polarity:
        return False
    return any(c == concept and v != value and p for c, v, p in others)


def changed(narrative: Narrative, changes: Mapping[Key, Key]) -> Narrative | None:
    """Other claims in the place of these, argued anew; None where the text would contradict itself."""
    keys = [changes.get(c.key, c.key) for c in narrative.claims]
    if len(set(keys)) < len(keys) or any(contradicts(key, set(keys) - {key}) for key in keys):
        return None
    fresh = {i for i, c in enumerate(narrative.claims) if c.key in changes}
    return _reargued(replace(narrative, claims=tuple(Claim(*key) for key in keys)), fresh)


def added(narrative: Narrative, key: Key) -> Narrative | None:
    """One claim more, where it would stand in reading order, argued where it speaks; None where it cannot hold."""
    keys = [c.key for c in narrative.claims]
    if key in keys or contradicts(key, keys):
        return None
    place = _place(keys, key)
    moved = {i: i + (i >= place) for i in range(len(keys))}
    claims = (*narrative.claims[:place], Claim(*key), *narrative.claims[place:])
    grown = replace(_remapped(narrative, moved), claims=claims)
    first, *rest = grown.hypotheses
    side = speaks(key, first.diagnosis, [h.diagnosis for h in rest])
    if side > 0:
        first = replace(first, speaks_for=(*first.speaks_for, place))
    elif side < 0:
        first = replace(first, speaks_against=(*first.speaks_against, place))
    return _urgency_kept(replace(grown, hypotheses=(first, *rest)))


def without(narrative: Narrative, keys: Collection[Key]) -> Narrative | None:
    """The narrative as if these had never been seen; None where nothing would be left to tell."""
    left = [i for i, c in enumerate(narrative.claims) if c.key not in keys]
    if not any(narrative.claims[i].concept != "modality" for i in left):
        return None
    moved = {old: new for new, old in enumerate(left)}
    claims = tuple(narrative.claims[i] for i in left)
    return _with_reason(replace(_remapped(narrative, moved), claims=claims))


def misnamed(narrative: Narrative, wrong: str, reassuring: bool = False) -> Narrative:
    """Another diagnosis on top, the former one its rival; category, reasons and urgency follow it.

    reassuring: neither doubt nor a red flag is heeded.
    """
    old = narrative.diagnosis or ""
    keys = [c.key for c in narrative.claims]
    listed = {h.diagnosis: h for h in narrative.hypotheses}
    names = list(dict.fromkeys((wrong, *listed)))
    if wrong not in listed and len(names) > max(2, len(listed)):
        names.pop()  # a differential of the same length
    hypotheses = tuple(_argued(name, keys, [n for n in names if n != name], listed.get(name)) for name in names)
    first = hypotheses[0]
    own = [i for i in first.speaks_for if speaks(keys[i], wrong, [old]) >= 0]
    doubts = [i for i in first.speaks_against if i not in own][:1]
    confidence = "moderate" if narrative.confidence == "high" and not own else narrative.confidence
    findings = {(c.concept, c.value) for c in narrative.claims if c.polarity}
    urgency = urgency_of(wrong, findings, names[1:], confident=confidence != "low")
    if reassuring:
        confidence = "moderate" if confidence == "low" else confidence
        urgency = get(wrong).urgency
    return replace(
        narrative,
        category=category_of(wrong),
        category_claims=tuple(own[:1]),
        hypotheses=hypotheses,
        deciding=tuple(own[:2]),
        rival=old,
        doubts=tuple(doubts),
        diagnosis=wrong,
        confidence=confidence,
        urgency=urgency,
    )


def as_sound(changed: Narrative, original: Narrative) -> bool:
    """Whether nothing in the text alone shows the change: it earns by itself what the original did."""
    before, after = earned(original), earned(changed)
    return all(after[d] >= before[d] for d in before)


def _place(keys: Sequence[Key], key: Key) -> int:
    if key[0] in vocabulary.HISTORY_CONCEPTS and key[0] != "site":
        return len(keys)
    rank = _ORDER.index(key[0]) if key[2] else len(_ORDER)
    before = [i for i, (c, _, p) in enumerate(keys) if c in _ORDER and p and _ORDER.index(c) <= rank]
    return max(before, default=-1) + 1


def _remapped(narrative: Narrative, moved: Mapping[int, int]) -> Narrative:
    def there(positions: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(moved[p] for p in positions if p in moved)

    return replace(
        narrative,
        category_claims=there(narrative.category_claims),
        hypotheses=tuple(
            replace(h, speaks_for=there(h.speaks_for), speaks_against=there(h.speaks_against))
            for h in narrative.hypotheses
        ),
        deciding=there(narrative.deciding),
        doubts=there(narrative.doubts),
    )


def _argued(name: str, keys: Sequence[Key], rivals: Sequence[str], listed: Hypothesis | None) -> Hypothesis:
    """As it was argued, or from the measured ratios where it was not listed or nothing spoke for it."""
    if listed is not None and listed.speaks_for:
        return listed
    sides = [speaks(key, name, rivals) if key[0] != "modality" else 0 for key in keys]
    pro = tuple(i for i, side in enumerate(sides) if side > 0)[:2]
    return Hypothesis(name, pro, tuple(i for i, side in enumerate(sides) if side < 0)[:1])


def _reargued(narrative: Narrative, fresh: Collection[int]) -> Narrative:
    """Every place where one of these positions argued, by what the claim there says now."""
    names = [h.diagnosis for h in narrative.hypotheses]
    keys = [c.key for c in narrative.claims]
    hypotheses = []
    for h in narrative.hypotheses:
        sides: dict[int, list[int]] = {1: [], -1: [], 0: []}
        for position in (*h.speaks_for, *h.speaks_against):
            told = 1 if position in h.speaks_for else -1
            rivals = [n for n in names if n != h.diagnosis]
            sides[speaks(keys[position], h.diagnosis, rivals) if position in fresh else told].append(position)
        hypotheses.append(Hypothesis(h.diagnosis, tuple(sides[1]), tuple(sides[-1])))
    diagnosis, against = narrative.diagnosis or "", [narrative.rival or ""]

    def kept(positions: tuple[int, ...], side: int) -> tuple[int, ...]:
        return tuple(p for p in positions if p not in fresh or speaks(keys[p], diagnosis, against) == side)

    return _with_reason(
        replace(
            narrative,
            hypotheses=tuple(hypotheses),
            category_claims=kept(narrative.category_claims, 1),
            deciding=kept(narrative.deciding, 1),
            doubts=kept(narrative.doubts, -1),
        )
    )


def _with_reason(narrative: Narrative) -> Narrative:
    """What speaks for the diagnosis decides where nothing else is left; without a reason nobody is highly confident."""
    own = next((h for h in narrative.hypotheses if h.diagnosis == narrative.diagnosis), None)
    deciding = narrative.deciding
    if not deciding and own is not None:
        deciding = tuple(p for p in own.speaks_for if p not in own.speaks_against)[:1]
    confidence = "moderate" if narrative.confidence == "high" and not deciding else narrative.confidence
    doubts = tuple(p for p in narrative.doubts if p not in deciding)
    return _urgency_kept(replace(narrative, deciding=deciding, doubts=doubts, confidence=confidence))


def _urgency_kept(narrative: Narrative) -> Narrative:
    """The urgency that the findings of the text call for, so that a new red flag does not stand beside "watch"."""
    findings = {(c.concept, c.value) for c in narrative.claims if c.polarity}
    rivals = [h.diagnosis for h in narrative.hypotheses if h.diagnosis != narrative.diagnosis]
    sure = narrative.confidence != "low"
    return replace(narrative, urgency=urgency_of(narrative.diagnosis or "", findings, rivals, confident=sure))
