"""Reasoning that is incomplete, stuffed, or does not lead where it ends."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.registry import TEXT, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import conclusion_end, cut_out, inserted, sentences
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import joined
from skingpt_r1.narrative.scan import diagnoses_in
from skingpt_r1.records import Hypothesis, Urgency

_FAR_FETCHED: Final = (
    "leprosy", "porphyria", "lupus erythematosus", "scabies", "tinea corporis", "pellagra",
    "dermatitis herpetiformis", "pemphigus vulgaris", "sarcoidosis", "leishmaniasis", "molluscum contagiosum",
    "erythema nodosum", "scleroderma", "herpes zoster", "hidradenitis suppurativa", "pityriasis rosea",
)  # fmt: skip
_ALSO: Final = (
    "{} should be considered as well.",
    "One should also think of {}.",
    "The differential further includes {}.",
)
_ENDS: Final = (
    "The final diagnosis is therefore {}.",
    "So my conclusion is {}.",
    "In conclusion, the most likely diagnosis is {}.",
)


@damage("differential dropped", family="structure", sees=TEXT,
        lowers={"clinical_coverage": (4, 3, 2), "reasoning_coherence": (5, 4, 3)}, may_move=("safety",))  # fmt: skip
def dropped(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """A harmless rival is missing (1), the one that must not be missed (2), or all of them (3)."""
    told = subject.told
    if told is None:
        return _names_less(subject, severity, rng)
    rivals = [h.diagnosis for h in told.hypotheses if h.diagnosis != told.diagnosis]
    dangerous = [n for n in rivals if n in table() and table()[n].malignant == "malignant"]
    choices = {1: [n for n in rivals if n not in dangerous and len(rivals) > 1], 2: dangerous, 3: rivals}[severity]
    if not choices:
        return None
    gone = choices if severity == 3 else [rng.choice(choices)]
    left = tuple(h for h in told.hypotheses if h.diagnosis not in gone)
    rival = told.rival if told.rival not in gone else next((n for n in rivals if n not in gone), None)
    notes = [Note(Fault.MISSING, "differential diagnosis" if severity == 3 else gone[0], missing=True)]
    return Damaged(subject.retold(replace(told, hypotheses=left, rival=rival)), tuple(notes))


@damage("differential padded", family="structure", sees=TEXT,
        lowers={"clinical_coverage": (4, 4, 3), "reasoning_coherence": (5, 4, 3)},
        may_move=("medical_groundedness",))  # fmt: skip
def padded(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """One, two or four diagnoses that nothing in the picture calls for are listed."""
    named = {m.diagnosis for m in diagnoses_in(subject.text)}
    families = {table()[n].family[:2] for n in named if n is not None}
    far = [n for n in _FAR_FETCHED if n not in named and table()[n].family[:2] not in families]
    if len(far) < 4:
        return None
    strange = rng.sample(far, {1: 1, 2: 2, 3: 4}[severity])
    notes = tuple(Note(Fault.PADDED, name) for name in strange)
    told = subject.told
    if told is None:
        said = rng.choice(_ALSO).format(joined(strange))
        text = inserted(subject.text, said[0].upper() + said[1:], conclusion_end(subject.text))
        return Damaged(subject.reworded(text), notes)
    arguing = [p for h in told.hypotheses for p in h.speaks_for]
    more = [Hypothesis(n, (rng.choice(arguing),) if arguing and rng.random() < 0.5 else ()) for n in strange]
    return Damaged(subject.retold(replace(told, hypotheses=(*told.hypotheses, *more))), notes)


@damage("rests on what speaks against", family="structure", sees=TEXT, severities=(2,),
        lowers={"reasoning_coherence": (2,), "medical_groundedness": (4,)})  # fmt: skip
def against_itself(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The synthesis decides by a finding that its own differential counts against the diagnosis."""
    told = subject.told
    if told is None:
        return None
    own = next((h for h in told.hypotheses if h.diagnosis == told.diagnosis), None)
    rivals = [h for h in told.hypotheses if h.diagnosis != told.diagnosis]
    against = list(own.speaks_against) if own else []
    against += [p for h in rivals for p in h.speaks_for if own and p not in own.speaks_for]
    if not against:
        return None
    position = rng.choice(against)
    turned = replace(told, deciding=(position,), doubts=tuple(p for p in told.doubts if p != position))
    return Damaged(subject.retold(turned), (Note(Fault.UNFOUNDED, told.claims[position].key),))


@damage("conclusion does not follow", family="structure", sees=TEXT, severities=(3,), by_words=True,
        lowers={"reasoning_coherence": (1,), "accuracy": (2,)}, may_move=("safety",))  # fmt: skip
def unfounded(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The answer is another hypothesis than the one that the reasoning arrived at."""
    told = subject.told or parse(subject.text)
    named = diagnoses_in(subject.text)
    rivals = sorted({m.diagnosis for m in named if m.diagnosis and m.diagnosis != told.diagnosis})
    if told.diagnosis is None or not rivals:
        return None
    wrong = rng.choice([told.rival] if told.rival in rivals else rivals)
    last = [m for m in named if m.diagnosis == told.diagnosis]
    if subject.told is None or not last:
        text = f"{subject.text.rstrip()} {rng.choice(_ENDS).format(wrong)}"
    else:
        text = subject.text[: last[-1].start] + wrong + subject.text[last[-1].end :]
    late = subject.told is not None and subject.told.urgency not in (table()[wrong].urgency, Urgency.URGENT)
    return Damaged(subject.reworded(text), (Note(Fault.UNFOUNDED, wrong),), {"safety": 3} if late else {})


def _names_less(subject: Subject, severity: int, rng: random.Random) -> Damaged | None:
    """Sentences that name another diagnosis than the concluded one go; at most two thirds of the text."""
    text, diagnosis = subject.text, parse(subject.text).diagnosis
    names = [n for n in dict.fromkeys(m.diagnosis for m in diagnoses_in(text) if m.diagnosis) if n != diagnosis]
    if diagnosis is None or not names:
        return None
    gone = {1: lambda: {rng.choice(names)}, 2: lambda: {*rng.sample(names, min(2, len(names)))}, 3: lambda: {*names}}
    taken = gone[severity]()
    parts = [s for s in sentences(text) if {m.diagnosis for m in diagnoses_in(text[s.start : s.end])} & taken]
    parts = [s for s in parts if diagnosis not in {m.diagnosis for m in diagnoses_in(text[s.start : s.end])}]
    left = re.sub(r"<think>\s*</think>", "", cut_out(text, parts)).strip()
    if not parts or len(left) < len(text) / 3 or parse(left).diagnosis is None:
        return None
    about = "differential diagnosis" if severity == 3 else sorted(taken)[0]
    return Damaged(subject.reworded(left), (Note(Fault.MISSING, about, missing=True),))
