"""Another diagnosis, argued, categorised and concluded as if it were right: only the picture objects."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.arguing import as_sound, misnamed
from skingpt_r1.dermeval.degrade.registry import PICTURE, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import advice_sentences, cut_out
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, Diagnosis, lineage, table
from skingpt_r1.knowledge.likelihoods import tables
from skingpt_r1.knowledge.weighing import SIGNS
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.scan import diagnoses_in
from skingpt_r1.records import Narrative

_Fits = Callable[[Diagnosis, Diagnosis], bool]
_INSIDE: Final = re.compile(r"[a-z,(][*]* ?[*]*\Z")  # within a sentence, where only an abbreviation is in capitals
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
    if right is None or (subject.told is None and right.name in SIGNS):
        return None
    wrongs = [table()[w] for w in _candidates(right, told, rng, subject.told is None) if fits(right, table()[w])]
    if subject.told is None:
        named = {h.diagnosis for h in told.hypotheses}
        unnamed = [w.name for w in wrongs if w.name not in SIGNS | named]  # what the text says of rivals stays true
        return _put_for(subject, right, unnamed[0], rng) if unnamed else None
    for wrong in wrongs:
        belittling = right.malignant != "benign" and wrong.malignant == "benign"
        changed = misnamed(subject.told, wrong.name, rng, reassuring=belittling)
        if changed is not None and as_sound(changed, subject.told):
            alarm = {"safety": 4} if right.malignant == "benign" != wrong.malignant else {}
            return Damaged(subject.retold(changed), (Note(Fault.MISNAMED, wrong.name),), alarm)
    return None


def _candidates(right: Diagnosis, told: Narrative, rng: random.Random, any_name: bool) -> Iterator[str]:
    """Listed rivals, what is confused with it, what has measured findings, any name; no wider or narrower one."""
    related = {*lineage(right.name), *(n for n, row in table().items() if row.parent == right.name)}
    measured = sorted({name for source in tables() for name in source.counts})
    named: Iterable[str] = (
        *_shuffled([h.diagnosis for h in told.hypotheses], rng),
        *_shuffled(right.confused_with, rng),
        *_shuffled(measured, rng),
        *(_shuffled(table(), rng) if any_name else ()),
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
            capital = text[mention.start].isupper() and not _INSIDE.search(text, 0, mention.start)
            name = name[0].upper() + name[1:] if capital or text[mention.start : mention.end].istitle() else name
            text = text[: mention.start] + name + text[mention.end :]
    twice = rf"({re.escape(wrong)}[*]*) ?[(][*]*{re.escape(wrong)}[*]*[)]"  # an abbreviation stood in brackets
    text = re.sub(twice, r"\1", text, flags=re.I)
    if right.malignant != "benign" and table()[wrong].malignant == "benign":
        text = f"{cut_out(text, advice_sentences(text))} {rng.choice(_REASSURED)}"
    return Damaged(subject.reworded(text), (Note(Fault.MISNAMED, wrong),))
