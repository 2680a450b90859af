"""How the picture was taken, how large the lesion is and how many there are, told otherwise than it shows."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade import lexicon
from skingpt_r1.dermeval.degrade.arguing import added, as_sound, changed
from skingpt_r1.dermeval.degrade.editing import by_words, exchanged, said
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Modality

_NUMBER: Final = re.compile(r"(?<![\d.])(\d{1,3})(?:[-–]\d{1,3})?(?= ?(?:mm|cm|(?:milli|centi)met\w+|lesions)\b)")
_WHAT: Final = "|".join((*lexicon.LESIONS, "lesion", "lesions"))
_STRUCTURES: Final = tuple(k for k in vocabulary.WRITINGS if k[0] == "structure" and k[2])
_THROUGH_A_DERMATOSCOPE: Final = (
    "The dermoscopic image shows {}.",
    "On dermoscopy there are {}.",
    "Under the dermatoscope one sees {}.",
)
_TINY: Final = (
    "milia-like cysts",
    "arborising vessels",
    "a fine pigment network",
    "peripheral globules",
    "radial streaks",
)
_MANY: Final = (
    "Several separate lesions are present.",
    "There are five lesions of this kind side by side.",
    "The picture shows a group of at least three lesions.",
    "Multiple similar lesions surround it.",
)


@damage("wrong modality", family="finding", sees=PICTURE, severities=(2, 3),
        lowers={"description_precision": (3, 2), "medical_groundedness": (4, 2)}, may_move=("accuracy",))  # fmt: skip
def taken_otherwise(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A photograph is called a dermoscopic image or the reverse (2); structures that only a dermatoscope shows (3)."""
    told = subject.told
    if told is None:
        seen = rng.sample(_TINY, severity - 1)
        text = rng.choice(_THROUGH_A_DERMATOSCOPE).format(" and ".join(seen))
        return said(subject, text, seen[0], rng, Fault.UNSEEABLE)
    if subject.modality is None or (severity == 3) != (subject.modality is Modality.CLINICAL):
        return None
    wrong = Modality.DERMOSCOPY if subject.modality is Modality.CLINICAL else Modality.CLINICAL
    former: Key = ("modality", subject.modality.value, True)
    key: Key = ("modality", wrong.value, True)
    there = former in {c.key for c in told.claims}
    now = changed(told, {former: key}, rng) if there else added(told, key, rng)
    notes = [Note(Fault.UNSEEN, key)]
    for structure in rng.sample(_STRUCTURES, len(_STRUCTURES)):
        grown = added(now, structure, rng) if now is not None and severity > len(notes) + 1 else None
        if grown is not None and as_sound(grown, told):
            now, notes = grown, [*notes, Note(Fault.UNSEEABLE, structure)]
    return Damaged(subject.retold(now), tuple(notes)) if now is not None else None


@damage("wrong size", family="finding", sees=PICTURE, severities=(1, 2),
        lowers={"description_precision": (4, 3)},
        may_move=("clinical_coverage", "safety", "medical_groundedness"))  # fmt: skip
def resized(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """Small, medium and large change places, by one step or by two."""
    told = subject.told
    if told is None:
        sized = _of_lesions(subject.text, lexicon.SIZES)
        return by_words(subject, sized, sized, severity, Fault.UNSEEN, rng)
    sizes = ("small", "medium", "large")
    size = next((c for c in told.claims if c.concept == "size"), None)
    if size is None:
        return None
    others = [v for v in sizes if abs(sizes.index(v) - sizes.index(size.value)) == severity]
    return exchanged(subject, told, {size.key: ("size", rng.choice(others), True)}, 1, rng, pool) if others else None


@damage("wrong number", family="finding", sees=PICTURE, severities=(2,), by_words=True,
        lowers={"description_precision": (3,)}, may_move=("medical_groundedness", "reasoning_coherence"))  # fmt: skip
def miscounted(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A told diameter or count is another, or one lesion is told to be several."""
    if found := _NUMBER.search(subject.text):
        number = str(int(found.group(1)) * rng.choice((3, 4)) + rng.randint(1, 4))
        text = subject.text
        text = text[: found.start(1)] + number + text[found.end(1) :]
        tail = re.match(r"[-–]?\d* ?\w+", text[found.start(1) + len(number) :])
        return Damaged(subject.reworded(text), (Note(Fault.UNSEEN, number + (tail.group() if tail else "")),))
    if subject.told is None:
        counts = _of_lesions(subject.text, lexicon.COUNTS)
        return by_words(subject, counts, counts, 1, Fault.UNSEEN, rng)
    many = rng.choice(_MANY)
    return said(subject, many, many, rng, Fault.UNSEEN)


def _of_lesions(text: str, by: Mapping[str, str]) -> dict[str, str]:
    """Where one of the words says it of lesions: the words up to them, and the same with what is put for it."""
    pattern = rf"(?<![\w-])({'|'.join(by)})((?:[\s*,]+[\w-]+){{0,3}}?[\s*]+(?:{_WHAT}))\b"
    found = re.finditer(pattern, text, re.IGNORECASE)
    return {m.group().lower(): by[m.group(1).lower()] + m.group(2).lower() for m in found}
