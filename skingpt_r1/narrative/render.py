"""Writes a narrative as text, in wording that varies with `style` and content that never does.

`parse(render(n, style)) == n` holds for every narrative without faults (see `faults`) and every style. One
style uses one phrase for a claim throughout, so that the lists copy the observation's words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import bare
from skingpt_r1.records import Claim, Narrative, Urgency

CONFIDENCES: Final = ("high", "moderate", "low")
URGENCY_WORDS: Final[dict[Urgency, tuple[str, ...]]] = {
    Urgency.URGENT: (
        "urgent: see a dermatologist within two weeks",
        "urgent: dermatologist within two weeks",
    ),
    Urgency.SOON: ("soon: dermatologist within weeks", "soon: see a dermatologist within weeks"),
    Urgency.ROUTINE: (
        "routine: have a doctor look at the next visit",
        "routine: show it to a doctor at the next visit",
    ),
    Urgency.SELF_WATCH: ("watch: see a doctor if it changes", "watch: show a doctor any change"),
}
_PLAINEST_SHARE: Final = 0.7  # of styles that take the first phrase of a claim
_CATEGORY: Final = re.compile(r"(?=.{1,80}$)[a-z]+((, | |-)[a-z]+)*")
_PICTURE: Final = ("modality", "size", "site")
_SEEN_FRAMES: Final = ("The lesion has {}.", "It shows {}.", "The lesion shows {}.", "It has {}.")
_HISTORY_FRAMES: Final = ("History: {}.", "The history gives {}.", "The history notes {}.")


def faults(narrative: Narrative) -> tuple[str, ...]:
    """Why the grammar cannot write this narrative, empty if it can."""
    return tuple(_faults(narrative))


def render(narrative: Narrative, style: int = 0) -> str:
    """The narrative's text. Raises ValueError, naming the fault, where the grammar has no words for it."""
    if wrong := faults(narrative):
        raise ValueError("; ".join(wrong))
    rng = random.Random(style)
    words = [_choose(vocabulary.phrases(c.key), rng) for c in narrative.claims]
    lists = [bare(word) for word in words]
    assert narrative.urgency is not None  # faults() saw to it
    return (
        "<think>\n"
        f"[observation] {_observation(narrative.claims, words, rng)}\n"
        f"[category] {_category(narrative, lists, rng)}\n"
        f"[differential] {_differential(narrative, lists, rng)}\n"
        f"[synthesis] {_synthesis(narrative, lists, rng)}\n"
        "</think>\n"
        f"<answer>{narrative.diagnosis} | {narrative.confidence} | "
        f"{_choose(URGENCY_WORDS[narrative.urgency], rng)}</answer>"
    )


def _faults(n: Narrative) -> Iterator[str]:
    keys = [c.key for c in n.claims]
    yield from (f"no words for the claim {key}" for key in keys if not vocabulary.is_known(key))
    if not keys or len(set(keys)) < len(keys):
        yield "a narrative makes at least one claim, and none twice"
    named = [h.diagnosis for h in n.hypotheses]
    if not named or len(set(named)) < len(named):
        yield "a differential has at least one hypothesis, and none twice"
    for name in (*named, n.diagnosis, *((n.rival,) if n.rival is not None else ())):
        if name not in table():
            yield f"{name!r} is no preferred name of the knowledge table"
    if n.rival is not None and n.rival == n.diagnosis:
        yield "the rival is the diagnosis itself"
    if not n.category or not _CATEGORY.fullmatch(n.category) or " given " in n.category:
        yield f"the category {n.category!r} is not a few words in lower case"
    pointers = [n.category_claims, n.deciding, n.doubts]
    for hypothesis in n.hypotheses:
        pointers += [hypothesis.speaks_for, hypothesis.speaks_against]
    for positions in pointers:
        if len(set(positions)) < len(positions) or any(not 0 <= p < len(keys) for p in positions):
            yield f"claim positions {positions} repeat or point nowhere"
    if n.confidence not in CONFIDENCES:
        yield f"confidence {n.confidence!r} is none of {', '.join(CONFIDENCES)}"
    if n.urgency is None:
        yield "no urgency"


def _choose(forms: Sequence[str], rng: random.Random) -> str:
    return forms[0] if rng.random() < _PLAINEST_SHARE else rng.choice(forms)


def joined(phrases: Sequence[str], last: str = " and ") -> str:
    """ "a, b and c"; needs one phrase at least."""
    return last.join(filter(None, (", ".join(phrases[:-1]), phrases[-1])))


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _group(claim: Claim) -> str:
    if claim.concept in _PICTURE:
        return "picture"
    return "history" if claim.concept in vocabulary.HISTORY_CONCEPTS else "seen"


def _observation(claims: Sequence[Claim], words: Sequence[str], rng: random.Random) -> str:
    sentences = []
    for group, run in groupby(range(len(claims)), key=lambda i: _group(claims[i])):
        positions = list(run)
        if group == "picture":
            sentences.append(_picture([(claims[i], words[i]) for i in positions]))
            continue
        frame = rng.choice(_HISTORY_FRAMES if group == "history" else _SEEN_FRAMES)
        while positions:
            length = len(positions) if len(positions) <= 3 else rng.randint(2, 4)
            sentences.append(frame.format(joined([words[i] for i in positions[:length]])))
            frame = rng.choice([f for f in _SEEN_FRAMES if f != frame]) if group == "seen" else "Also: {}."
            positions = positions[length:]
    return " ".join(sentences)


def _picture(run: Sequence[tuple[Claim, str]]) -> str:
    """ "Dermoscopic image of a large lesion on the back." from modality, size and site in any order."""
    sentence, noun_said = "", False
    for claim, word in run:
        if claim.concept == "modality":
            sentence += f", {bare(word)}" if sentence else bare(word)
            continue
        if claim.concept == "size" and not noun_said:
            noun = f"a {claim.value} lesion"
        else:
            noun = "" if noun_said else "a lesion"
        sentence += (" of " if sentence else "") + noun if not noun_said else ""
        if claim.concept == "size" and noun_said:
            sentence += f", of {bare(word)}"
        elif claim.concept == "site":
            sentence += f" {word[word.index('on the ') :]}"
        noun_said = True
    return f"{_capital(sentence)}."


def _category(n: Narrative, lists: Sequence[str], rng: random.Random) -> str:
    joint = rng.choice((": ", " given "))
    reasons = joint + joined([lists[i] for i in n.category_claims], ", ") if n.category_claims else ""
    return f"{n.category}{reasons}."


def _differential(n: Narrative, lists: Sequence[str], rng: random.Random) -> str:
    favour, oppose = rng.choice((("for", "against"), ("for", "against"), ("pro", "contra")))
    sentences = []
    for h in n.hypotheses:
        sides = [
            f"{marker} {joined([lists[i] for i in positions], ', ')}"
            for marker, positions in ((favour, h.speaks_for), (oppose, h.speaks_against))
            if positions
        ]
        sentences.append(f"{h.diagnosis}: {'; '.join(sides) or 'nothing decisive'}.")
    return " ".join(sentences)


def _synthesis(n: Narrative, lists: Sequence[str], rng: random.Random) -> str:
    deciding = joined([lists[i] for i in n.deciding]) if n.deciding else ""
    doubts = joined([lists[i] for i in n.doubts]) if n.doubts else ""
    favour = "favour" if len(n.deciding) > 1 or deciding.endswith("s") else "favours"
    leave = "leave" if len(n.doubts) > 1 or doubts.endswith("s") else "leaves"
    rank = f"{n.diagnosis} rather than {n.rival}" if n.rival else f"{n.diagnosis} first"
    if not deciding:
        step = rng.choice(("No single finding decides", "Nothing here decides")) + f"; {rank}"
    else:
        over = f" over {n.rival}" if n.rival else ""
        step = rng.choice(
            (
                f"{deciding} {favour} {n.diagnosis}{over}",
                f"{deciding}: {rank}",
                f"For {deciding}, {rank}",
            )
        )
    tail = rng.choice((f"; {doubts} {leave} doubt", f"; doubt: {doubts}")) if doubts else ""
    return f"{_capital(step + tail)}."
