"""Faults for `benchmarks.lint` to find, and near misses that it must leave alone, by rule.

Written from the rules' names alone and without their patterns: the first set before the rules, which were then
mended on it; the "unseen" set when they were finished, and mended on once after. A wording may have slots
(`{a|b|c}`, one drawn). Faults that no sentence makes are edits, the same in both sets. Every text is a draft of our
own grammar or prose of our own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks import planting_edits as edits
from benchmarks import planting_unseen, planting_words
from skingpt_r1.dermcot.draft import ScoredClaim, draft
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.lint import Given
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Claim, History, Modality

SETS: Final = ("ham10000", "pad_ufes_20")
_SITES: Final = ("back", "forearm", "nose", "thigh", "scalp", "cheek", "shoulder", "calf")
_PAIRS: Final = (("symmetric", "asymmetric"), ("regular", "irregular"), ("sharp", "blurred"), ("uniform", "varied"))
_CONCEPTS: Final = ("symmetry", "border", "edge", "variety")
PROSE: Final = (
    "I see {one|a single} {brown|pink|dark brown} {spot|papule|plaque} on the {SITE}. Its {edge is crisp|outline is "
    "even} and the surface looks {smooth|slightly scaly}. Growths of this kind come into question first. A {seborrheic "
    "keratosis|dermatofibroma} would fit the colour, while a {melanocytic nevus|wart} would fit the outline. The "
    "colour weighs more, so a {seborrheic keratosis|dermatofibroma} is more likely, although some doubt stays. "
    "A {dermatologist|doctor} should {look at it with a dermatoscope|examine it} within the next weeks.",
    "<think>The photograph shows {several|many} red {papules|plaques} with fine white scale on the {SITE}. There is no "
    "blister and no ulcer. Inflammatory disease is likelier than a growth. Psoriasis fits the scale; nummular eczema "
    "would ooze more; tinea corporis would clear in the centre. The dry scale {speaks for|favours} psoriasis."
    "</think>\n<answer>psoriasis | moderate | routine: have a doctor look at the next visit</answer>",
    "Looking at the picture, the {SITE} carries {a pearly|a shiny pink} {nodule|papule} with small visible vessels and "
    "a {central dip|rolled rim}. Basal cell carcinoma, dermal nevus and sebaceous hyperplasia are the candidates. The "
    "rim and the vessels make basal cell carcinoma the best fit; a dermal nevus is possible. The next step is an "
    "{appointment with a dermatologist soon|examination and a biopsy by a dermatologist soon}.",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A text with a fault of `rule`, or without (`where` None). where: the faulty words, "" for the whole text."""

    rule: str
    text: str
    given: Given
    where: str | None
    wording: str = field(default="", compare=False)


def fill(wording: str, rng: random.Random, **names: str) -> str:
    """Draw every slot. {SITE} and other upper-case names are filled from `names`."""
    for name, value in names.items():
        wording = wording.replace("{" + name + "}", value)
    while "{" in wording:
        wording = re.sub(r"\{([^{}]*)\}", lambda m: rng.choice(m.group(1).split("|")), wording)
    return wording


def planted(rule: str, n: int, unseen: bool = False, seed: int = 0) -> Iterator[Planted]:
    """n texts with a fault of this rule."""
    rng = random.Random(f"planted/{rule}/{unseen}/{seed}")
    words = planting_unseen if unseen else planting_words
    makers: list[tuple[str, Callable[[random.Random], tuple[str, Given, str]]]] = [
        (wording, lambda r, w=wording: _inserted(rule, w, r))
        for wording in words.FAULTS.get(rule, ())  # type: ignore[misc]
    ]
    makers += [(f.__name__, lambda r, f=f: f(*base(r)[:2], r)) for f in edits.EDITS.get(rule, ())]  # type: ignore[misc]
    for i in range(n):
        wording, make = makers[i % len(makers)]
        text, given, where = make(rng)
        yield Planted(rule, text, given, where, wording)


def clean(rule: str, n: int, unseen: bool = False, seed: int = 0) -> Iterator[Planted]:
    """n texts without a fault of this rule: half near misses, half sound drafts and prose."""
    rng = random.Random(f"clean/{rule}/{unseen}/{seed}")
    near = (planting_unseen if unseen else planting_words).SOUND.get(rule) or planting_words.SOUND.get(rule, ())
    for i in range(n):
        if near and i % 2:
            place = i // 2 % len(near)
            text, given, _ = _inserted(rule, near[place], rng)
            yield Planted(rule, text, given, None, near[place])
        else:
            text, given, _ = base(rng)
            yield Planted(rule, text, given, None)


def base(rng: random.Random) -> tuple[str, Given, str]:
    """(text, its case, the site of its lesion): a draft of our grammar, or prose one time in three."""
    site = rng.choice(_SITES)
    if rng.random() < 1 / 3:
        return fill(rng.choice(PROSE), rng, SITE=site), Given(history=History(site=site), image="photo_17.jpg"), site
    labels = label_set(rng.choice(SETS))
    label = rng.choice(list(labels.labels))
    diagnosis = labels.labels[label]
    history = History(
        age=float(rng.randint(20, 88)), site=site, itch=rng.choice((True, False)), grew=rng.choice((True, False)),
        bleed=rng.choice((True, False, None)), sex=rng.choice(("female", "male")),
    )  # fmt: skip
    modality = rng.choice(list(Modality))
    measured = [Claim("modality", modality.value), Claim("size", rng.choice(("small", "medium", "large")))]
    measured += [Claim(c, rng.choice(pair)) for c, pair in zip(_CONCEPTS, _PAIRS, strict=True)]
    measured += [Claim("colour", colour) for colour in rng.sample(vocabulary.COLOURS, 3)]
    scored = [ScoredClaim(c, rng.uniform(0.6, 1)) for c in (*measured, *vocabulary.history_claims(history))]
    rivals = [name for name in labels.labels.values() if name != diagnosis]
    narrative = draft(scored, diagnosis, rng.sample(rivals, len(rivals)), rng)
    given = Given(label, f"img/{label}/ISIC_{rng.randint(24000, 34000):07d}.jpg", history, modality, tuple(measured), 1)
    return render(narrative, rng.randrange(10**6)), given, site


def _inserted(rule: str, wording: str, rng: random.Random) -> tuple[str, Given, str]:
    """A base text with one sentence more, in a place where such a sentence would stand."""
    text, given, site = base(rng)
    while rule in edits.NEEDS and not edits.NEEDS[rule](given, text):
        text, given, site = base(rng)
    names = {"SITE": site, **edits.names(given, rng)}
    sentence = fill(wording, rng, **names)
    given = edits.adapted(rule, given, wording)
    marks = [m.start() for m in re.finditer(r"\n\[category\]|</think>", text)] or [
        m.end() for m in re.finditer(r"\.(?= [A-Z])", text)
    ]
    if "[category]" in text and rule in edits.OBSERVED:
        marks = marks[:1]
    place = len(text) if rule in edits.AT_THE_END else rng.choice(marks)
    return f"{text[:place]} {sentence}{text[place:]}", given, sentence
