"""Rules that hold claims against each other, against what was told and against what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Sentence, Text
from skingpt_r1.narrative.scan import scan
from skingpt_r1.narrative.told import compare
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS, Key
from skingpt_r1.records import Claim, History

_SINGLE: Final = ("size", "symmetry", "border", "edge", "variety", "modality")
_REASONING: Final = ("category", "differential", "synthesis", "answer")
_SEEN_TOO: Final = ("site", "elevation", "diameter", "skin type")  # a picture can show what nobody told
_DIAMETER_ERROR: Final = 0.25  # share of the measured one
_INVERTED: Final = re.compile(
    r"\b(borders?|outlines?|edges?|margins?|shape|size|colou?rs?)\s+(?:is|are|looks?|appears?"
    r"|seems?)\s+(?:\w+ly\s+)?([\w-]+)",
    re.IGNORECASE,
)
_NOUNS: Final = {"margin": "border", "margins": "border"}
_FEATURES: Final = {
    "scale": r"(?<!non-)(?<!-like )scal(?:e|es|ing|y)",
    "crust": r"crust(?:s|ed|ing)?",
    "ulcer": r"ulcer(?:s|ated|ation|ations)?",
    "vesicle": r"(?:vesicles?|blisters?|bullae?|vesiculation)",
    "pustule": r"pustules?",
    "erosion": r"(?:erosions?|eroded)",
}
_NONE_OF: Final = (
    r"\b(?:no|without|lacks?|absence of)\s+(?:any\s+|visible\s+|signs? of\s+|evidence of\s+)?"
    r"(?:[\w-]+,\s+){{0,4}}(?:[\w-]+,?\s+(?:or|nor)\s+)?(?:{0})\b(?!\s*[-–])"
    r"|\b(?:{0})\s+(?:is|are)\s+(?:absent|not (?:seen|present|visible))\b"
)
_ONE: Final = re.compile(
    r"\b(?:a |an |one )?(?:single|solitary) (?:[\w-]+,? ){0,3}(?:lesion|papule|plaque|nodule|spot|growth)\b",
    re.I,
)
_DECIDES: Final = re.compile(r"\bnot what (?:decides|counts|matters)\b", re.IGNORECASE)
_REPORTS: Final = re.compile(
    r"\b(?:there (?:is|are)|(?:lesion|surface|skin|picture|image|photograph|it) (?:has|shows)"
    r"|(?:is|are) (?:seen|visible|absent|present|noted|observed))\b",
    re.IGNORECASE,
)
_COMPARES: Final = re.compile(
    r"\b(?:lacks|usually|typically|often|unlikely|less likely|more likely|unlike|classically|infection|differs?)\b",
    re.I,
)
_THE_LESION: Final = re.compile(r"(?:the|this) lesion\b|its?\b", re.IGNORECASE)
_MANY: Final = re.compile(
    r"\b(?:multiple|several|numerous|many|two|three|four|five|\d+)\s+(?!(?:mm|cm|colou?rs|shades|features|of)\b)"
    r"(?:[\w-]+,? ){0,3}(?:lesions|papules|plaques|nodules|spots|growths|blisters)\b"
    r"|\b(?:cluster|group|pair|crop|scatter\w*|row) of (?:[\w-]+ ){0,3}(?:lesions|papules|plaques|nodules|spots"
    r"|growths)\b",
    re.IGNORECASE,
)


class Said(NamedTuple):
    """A claim that the text makes of its picture, at a span of the whole text."""

    key: Key
    start: int
    end: int
    sentence: Sentence


def said(text: Text) -> Iterator[Said]:
    """Claims on this picture: what is usual or possible, or stands in an entry on a disease, is none."""
    for i, sentence in enumerate(text.sentences):
        if sentence.block in _REASONING or sentence.of_disease:
            continue
        found = [(m.key, m.start, m.end) for m in text.mentions[i] if m.key]
        for m in _INVERTED.finditer(sentence.text):
            noun = _NOUNS.get(m[1].lower(), m[1])
            found += [(x.key, m.start(), m.end()) for x in scan(f"{m[2]} {noun}") if x.key]
        for key, start, end in found:
            if not (sentence.general(start, end) or sentence.of_other(start) or _DECIDES.search(sentence.text)):
                yield Said(key, sentence.start + start, sentence.start + end, sentence)


@rule("contradiction", Severity.ERROR, "The lesion has a sharp edge. Its edge is blurred.")
def contradiction(text: Text, given: Given) -> Iterator[Hit]:
    """Two claims of the text exclude each other: sharp and blurred, scale and no scale, one lesion and several.

    The later of the two is shown. Weak in running text about many lesions and parts, where both may be true.
    """
    seen: dict[Key, Said] = {}
    for claim in said(text):
        if claim.key[0] == "modality" or not (text.structured or _THE_LESION.match(claim.sentence.text)):
            continue  # running text tells of many lesions and parts, and each may differ
        for other in _excluded(claim.key):
            if other in seen and seen[other].start != claim.start:
                first = text.raw[seen[other].start : seen[other].end]
                yield Hit(claim.start, claim.end, f"contradicts {first!r}")
        seen.setdefault(claim.key, claim)
    for name, pattern in _FEATURES.items():
        yield from _there_and_not(text, name, pattern)
    one = next((hit for hit in text.matches(_ONE) if _about_picture(*hit) and _asserted(*hit)), None)
    if one and one[0].block not in _REASONING:
        for sentence, match in text.matches(_MANY):
            if _asserted(sentence, match) and sentence is not one[0]:
                yield Hit(
                    sentence.start + match.start(), sentence.start + match.end(), f"contradicts {one[1].group()!r}"
                )
    for hypothesis in text.narrative.hypotheses:
        for position in set(hypothesis.speaks_for) & set(hypothesis.speaks_against):
            value = text.narrative.claims[position].value
            start = max(text.raw.rfind("[differential]"), 0)
            yield Hit(start, start, f"{value!r} speaks for and against {hypothesis.diagnosis}")


def _excluded(key: Key) -> list[Key]:
    concept, value, polarity = key
    others = [opposite] if (opposite := vocabulary.opposite(key)) else []
    if concept == "size" and polarity:
        others += [("size", size, True) for size in ("small", "medium", "large") if size != value]
    return others


def _there_and_not(text: Text, name: str, pattern: str) -> Iterator[Hit]:
    absent = re.compile(_NONE_OF.format(pattern), re.IGNORECASE)
    there = re.compile(rf"\b{pattern}\b", re.IGNORECASE)
    denied = [(s, m) for s, m in text.matches(absent) if _about_picture(s, m) and _of_the_picture(text, s)]
    stated = [(s, m) for s, m in text.matches(there) if _about_picture(s, m) and not s.denied(m.start(), m.end())]
    stated = [(s, m) for s, m in stated if not any(s is d and _inside(m, x) for d, x in denied)]
    if denied and stated:
        (a, first), (b, last) = denied[0], stated[0]
        sentence, match = max(((a, first), (b, last)), key=lambda pair: pair[0].start + pair[1].start())
        yield Hit(
            sentence.start + match.start(), sentence.start + match.end(), f"{name}: said to be there and not there"
        )


def _of_the_picture(text: Text, sentence: Sentence) -> bool:
    """In running text an absence counts only where it is plainly reported, not where it tells diseases apart."""
    return text.structured or bool(_REPORTS.search(sentence.text) and not sentence.names_disease)


def _inside(inner: re.Match[str], outer: re.Match[str]) -> bool:
    return outer.start() <= inner.start() < outer.end()


def _about_picture(sentence: Sentence, match: re.Match[str]) -> bool:
    start, end = match.span()
    fine = sentence.block not in _REASONING and not sentence.of_disease and not _COMPARES.search(sentence.text)
    return fine and not sentence.general(start, end) and not sentence.of_other(start)


def _asserted(sentence: Sentence, match: re.Match[str]) -> bool:
    return sentence.asserts(match.start(), match.end())


@rule("against-history", Severity.ERROR, "History: age 40, bleeding.", Given(history=History(age=71, bleed=False)))
def against_history(text: Text, given: Given) -> Iterator[Hit]:
    """States a history that was told otherwise, or a symptom, age or sex that nobody told.

    Silent where it is not known what was told.
    """
    if given.history is None:
        return
    told = given.history.known()
    for claim in said(text):
        concept = claim.key[0]
        if concept not in HISTORY_CONCEPTS:
            continue
        field = {"skin type": "skin_type", "diameter": "diameter_mm"}.get(concept, concept)
        untold = field not in told
        if untold and (concept in _SEEN_TOO or not (claim.key[2] or text.structured)):
            continue
        if concept in ("elevation", "site") and not text.structured and _of_a_part(claim):
            continue
        support, detail = compare(Claim(*claim.key), given.history)
        if support == 0:
            yield Hit(claim.start, claim.end, detail)


def _of_a_part(claim: Said) -> bool:
    return bool(re.search(r"\b(?:edges?|borders?|rims?|margins?)\b", claim.sentence.text, re.IGNORECASE))


@rule(
    "against-measurement",
    Severity.ERROR,
    "A large lesion with red areas. Several lesions are seen.",
    Given(measured=(Claim("size", "small"), Claim("colour", "dark brown")), lesions=1),
)
def against_measurement(text: Text, given: Given) -> Iterator[Hit]:
    """States a size, shape, colour, place or number that mask, measurement or expert row contradicts.

    The colours measured count as all there are. Silent where nothing was measured.
    """
    values: dict[str, list[str]] = {}
    for c in given.measured:
        if c.polarity:
            values.setdefault(c.concept, []).append(c.value)
    denied = {(c.concept, c.value) for c in given.measured if not c.polarity}
    for claim in said(text):
        concept, value, polarity = claim.key
        known = values.get(concept, [])
        if (concept, value) in denied and polarity:
            wrong = True
        elif concept in (*_SINGLE, "colour"):
            wrong = bool(known) and (value in known) != polarity
        elif concept == "site":
            wrong = bool(known) and compare(Claim(*claim.key), History(site=known[0]))[0] == 0
        elif concept == "diameter":
            wrong = bool(known) and abs(float(value) - float(known[0])) > _DIAMETER_ERROR * float(known[0])
        else:
            wrong = (concept, value) in denied and polarity
        if wrong:
            yield Hit(claim.start, claim.end, f"measured: {concept} {', '.join(known) or 'otherwise'}")
    if given.lesions is not None:
        for sentence, match in text.matches(_ONE if given.lesions > 1 else _MANY):
            if _about_picture(sentence, match) and _asserted(sentence, match):
                yield Hit(sentence.start + match.start(), sentence.start + match.end(), f"measured: {given.lesions}")
