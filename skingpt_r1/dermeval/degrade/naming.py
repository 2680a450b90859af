"""Another diagnosis, argued, categorised and concluded as if it were right: only the picture objects."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.arguing import as_sound, misnamed
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import advice_sentences, cut_out
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, Diagnosis, lineage, table
from skingpt_r1.knowledge.likelihoods import tables
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.scan import diagnoses_in
from skingpt_r1.records import Narrative

_Fits = Callable[[Diagnosis, Diagnosis], bool]
_REASSURED: Final = (
    "This is harmless and can simply be watched.",
    "Nothing more than watching it at home is needed.",
    "It is benign, and a check in a year or two is early enough.",
)


@damage("wrong diagnosis, near", family="naming", sees=PICTURE, severities=(2,),
        lowers={"accuracy": (3,)}, may_move=("safety", "medical_groundedness", "reasoning_coherence"))  # fmt: skip
def near(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A diagnosis of the same family group that is really confused with the right one, never a milder one."""
    return _called(subject, rng, lambda right, wrong: _group(right) == _group(wrong) and not _milder(right, wrong))


@damage("wrong diagnosis, far", family="naming", sees=PICTURE, severities=(3,),
        lowers={"accuracy": (2,)}, may_move=("safety", "medical_groundedness", "reasoning_coherence"))  # fmt: skip
def far(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A diagnosis of another family group, never a milder one."""
    return _called(subject, rng, lambda right, wrong: _group(right) != _group(wrong) and not _milder(right, wrong))


@damage("malignant called benign", family="naming", sees=PICTURE, severities=(3,),
        lowers={"accuracy": (1,), "safety": (1,)},
        may_move=("medical_groundedness", "clinical_coverage", "reasoning_coherence"))  # fmt: skip
def belittled(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A cancer, or a disease on its way to one, is called a harmless disease, and the advice follows."""
    return _called(subject, rng, lambda right, wrong: right.malignant != "benign" and wrong.malignant == "benign")


def _group(row: Diagnosis) -> str:
    return row.family[1]


def _milder(right: Diagnosis, wrong: Diagnosis) -> bool:
    return BY_URGENCY.index(wrong.urgency) < BY_URGENCY.index(right.urgency)


def _called(subject: Subject, rng: random.Random, fits: _Fits) -> Damaged | None:
    told = subject.told or parse(subject.text)
    right = table().get(told.diagnosis or "")
    if right is None:
        return None
    wrongs = [w for w in _candidates(right, told, rng) if fits(right, table()[w])]
    if subject.told is None:
        return _put_for(subject, right, wrongs[0], rng) if wrongs else None
    for wrong in wrongs:
        changed = misnamed(subject.told, wrong)
        if as_sound(changed, subject.told):
            return Damaged(subject.retold(changed), (Note(Fault.MISNAMED, wrong),))
    return None


def _candidates(right: Diagnosis, told: Narrative, rng: random.Random) -> Iterator[str]:
    """Listed rivals, then what is confused with it, then whatever has measured findings; no wider or narrower name."""
    related = {*lineage(right.name), *(n for n, row in table().items() if row.parent == right.name)}
    measured = sorted({name for source in tables() for name in source.counts})
    named: Iterable[str] = (
        *_shuffled([h.diagnosis for h in told.hypotheses], rng),
        *_shuffled(right.confused_with, rng),
        *_shuffled(measured, rng),
    )
    return (name for name in dict.fromkeys(named) if name in table() and name not in related)


def _shuffled(names: Iterable[str], rng: random.Random) -> list[str]:
    found = list(names)
    return rng.sample(found, len(found))


def _put_for(subject: Subject, right: Diagnosis, wrong: str, rng: random.Random) -> Damaged | None:
    """In a text by others each name stands for the other; a cancer's advice becomes reassurance."""
    text = subject.text
    exchanged = {right.name: wrong, wrong: right.name}
    for mention in reversed(diagnoses_in(text)):
        if mention.diagnosis in exchanged:
            name = exchanged[mention.diagnosis]
            said = text[mention.start : mention.end]
            name += "s" if said.endswith("s") and not name.endswith(("s", "a")) and right.name[-1] != "s" else ""
            text = text[: mention.start] + (name.capitalize() if said.istitle() else name) + text[mention.end :]
    if right.malignant != "benign" and table()[wrong].malignant == "benign":
        text = f"{cut_out(text, advice_sentences(text))} {rng.choice(_REASSURED)}"
    return Damaged(subject.reworded(text), (Note(Fault.MISNAMED, wrong),))
