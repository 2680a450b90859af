"""What was told of the patient, told otherwise: to be seen by whoever reads the given history beside the text."""

from __future__ import annotations

import random
import re
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade import lexicon
from skingpt_r1.dermeval.degrade.arguing import added, as_sound, changed
from skingpt_r1.dermeval.degrade.editing import by_words, said
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.knowledge.likelihoods import SITE_GROUPS
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key

_STEPS: Final = {1: (10, 15), 2: (20, 30), 3: (35, 60)}  # years off
_AGES: Final = (18, 92)
_YEARS: Final = re.compile(r"(?<!\d)(\d{1,2})(?=[- ]years?[- ]old| years of age)")
_SEXES: Final = {"woman": "man", "man": "woman", "female": "male", "male": "female", "girl": "boy", "boy": "girl"}
_SYMPTOMS: Final = ("itching", "pain", "bleeding", "recent growth")
_TELLS: Final = (
    "The patient reports {}.",
    "According to the history there is {}.",
    "The patient has noticed {} for some weeks.",
)
_OF: Final = ("The patient is {}.", "According to the history the patient is {}.")


@damage("wrong age", family="history", sees=PICTURE,
        lowers={"medical_groundedness": (4, 3, 2)},
        may_move=("description_precision", "accuracy", "safety"))  # fmt: skip
def older(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The age is off by about ten, twenty-five or forty years, or invented where none was told."""
    told_age = subject.history.age if subject.history.age is not None else subject.recorded.age
    if subject.told is None:
        found = _YEARS.search(subject.text)
        if found is None:
            age = str(rng.randint(*_AGES))
            return said(subject, rng.choice(_OF).format(f"{age} years old"), f"{age} years old", rng)
        age = str(_off(float(found.group()), severity, rng))
        text = _YEARS.sub(lambda m: age if m.group() == found.group() else m.group(), subject.text)
        return Damaged(subject.reworded(text), (Note(Fault.UNTOLD, f"{age}{text[found.end() :][:10]}"),))
    low, high = _STEPS[severity]
    known = 50.0 if told_age is None else told_age
    ages = [str(a) for a in range(_AGES[0], _AGES[1] + 1) if low <= abs(a - known) <= high]
    age = pool.drawn(subject, "age", ages, rng)
    return _told(subject, ("age", age, True), rng)


@damage("wrong sex", family="history", sees=PICTURE, severities=(2,),
        lowers={"medical_groundedness": (3,)}, may_move=("description_precision",))  # fmt: skip
def other_sex(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A woman becomes a man or a man a woman; where no sex was told, one is."""
    if subject.told is None:
        found = lexicon.present(subject.text, _SEXES)
        if not found:
            sex = rng.choice(("a man", "a woman"))
            return said(subject, rng.choice(_OF).format(sex), sex, rng)
        return by_words(subject, found[:1], _SEXES, 1, Fault.UNTOLD, rng)
    known = subject.history.sex or subject.recorded.sex or rng.choice(("female", "male"))
    return _told(subject, ("sex", "male" if known == "female" else "female", True), rng)


@damage("wrong site", family="history", sees=PICTURE, severities=(2, 3),
        lowers={"medical_groundedness": (3, 2), "description_precision": (4, 3)},
        may_move=("accuracy", "safety", "clinical_coverage"))  # fmt: skip
def elsewhere(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The lesion sits on another part of the same region (2) or of the body (3)."""
    if subject.told is None:
        places = lexicon.present(subject.text, lexicon.PLACES)[:1]
        others = [p for p in lexicon.PLACES if not places or (p[-1] == "s") == (places[0][-1] == "s")]
        others = [p for p in others if p not in subject.text.lower() and p != "feet"]
        return by_words(subject, places, dict.fromkeys(places, rng.choice(others)), 1, Fault.UNTOLD, rng)
    site = subject.history.site or subject.recorded.site
    region = SITE_GROUPS.get(site or "")
    near = [s for s in vocabulary.SITES if SITE_GROUPS.get(s) == region] if region else []
    far = [s for s, group in SITE_GROUPS.items() if group != region]
    found = [s for s in (near if severity == 2 and near else far) if not site or not {*s.split()} & {*site.split()}]
    return _told(subject, ("site", pool.drawn(subject, "site", found, rng), True), rng) if found else None


@damage("wrong symptom", family="history", sees=PICTURE, severities=(2, 3),
        lowers={"medical_groundedness": (3, 1)},
        may_move=("description_precision", "clinical_coverage", "accuracy", "safety"))  # fmt: skip
def other_symptom(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A symptom is told the other way round, or one or two that nobody told are made up."""
    if subject.told is None:
        free = [s for s in _SYMPTOMS if s.split()[-1][:4] not in subject.text.lower()]
        made_up = " and ".join(rng.sample(free, min(len(free), severity - 1)))
        return said(subject, rng.choice(_TELLS).format(made_up), made_up, rng) if made_up else None
    told, notes = subject.told, list[Note]()
    known = subject.recorded.known()
    for concept in rng.sample(vocabulary.SYMPTOMS, len(vocabulary.SYMPTOMS)):
        key: Key = (concept, "yes", not known.get(concept, False))
        opposite = vocabulary.opposite(key)
        held = opposite in {c.key for c in told.claims}
        made = changed(told, {opposite: key}, rng) if held and opposite else added(told, key, rng)
        if made is not None and as_sound(made, subject.told):
            told, notes = made, [*notes, Note(Fault.UNTOLD, key)]
        if len(notes) == severity - 1:
            return Damaged(subject.retold(told), tuple(notes))
    return None


def _off(age: float, severity: int, rng: random.Random) -> int:
    years = rng.randint(*_STEPS[severity])
    ways = [int(age) + sign * years for sign in (1, -1)]
    fitting = [a for a in ways if _AGES[0] <= a <= _AGES[1]]
    return rng.choice(fitting or [min(max(ways[0], _AGES[0]), _AGES[1])])


def _told(subject: Subject, key: Key, rng: random.Random) -> Damaged | None:
    """Our own text with another value of this concept, or with the concept added."""
    assert subject.told is not None
    former = next((c.key for c in subject.told.claims if c.concept == key[0]), None)
    if former == key:
        return None
    made = changed(subject.told, {former: key}, rng) if former else added(subject.told, key, rng)
    return Damaged(subject.retold(made), (Note(Fault.UNTOLD, key),)) if made is not None else None
