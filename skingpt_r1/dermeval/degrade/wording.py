"""How it is told: vague words where a finding was named, and the same said again. Kept out of training."""

from __future__ import annotations

import random
import re
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade import lexicon
from skingpt_r1.dermeval.degrade.registry import TEXT, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import inserted, put, sentences
from skingpt_r1.narrative.scan import claims_in
from skingpt_r1.narrative.vocabulary import Key

_VAGUE: Final[dict[str, tuple[str, ...]]] = {
    "symmetry": ("unusual shape", "somewhat odd shape", "certain shape"),
    "border": ("noticeable border", "somewhat unusual outline", "certain outline"),
    "edge": ("noticeable edge", "somewhat unusual edge", "certain margin"),
    "colour": ("some discolouration", "some colour", "some abnormal areas"),
    "variety": ("some colouring", "certain colours", "noticeable colouring"),
    "structure": ("some structures", "abnormal structures", "certain features"),
}
_SHARE: Final = {1: 0.3, 2: 0.6, 3: 1.0}  # of the findings
_SHORTEST: Final = 25  # characters of a sentence that is worth repeating
_AGAIN: Final = ("Again, {}", "To repeat, {}", "As said, {}", "Once more: {}", "As mentioned before, {}")


@damage("vague", family="wording", sees=TEXT, by_words=True,
        lowers={"description_precision": (4, 3, 2), "clinical_coverage": (5, 4, 3)},
        may_move=("reasoning_coherence", "medical_groundedness"))  # fmt: skip
def vague(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """Some, most or all findings are put into words that would fit any lesion."""
    if subject.told is None:
        words = lexicon.present(subject.text, lexicon.VAGUE)
        taken = rng.sample(words, max(1, round(len(words) * _SHARE[severity]))) if words else []
        text = put(subject.text, lexicon.chosen(taken, lexicon.VAGUE))
        notes = [Note(Fault.VAGUE, w) for w in dict.fromkeys(lexicon.VAGUE[w] for w in taken)]
        return Damaged(subject.reworded(text), tuple(notes[:3])) if text != subject.text else None
    keys = [c.key for c in subject.told.claims if c.concept in _VAGUE]
    if not keys:
        return None
    chosen = rng.sample(keys, max(1, round(len(keys) * _SHARE[severity])))
    free = {concept: rng.sample(forms, len(forms)) for concept, forms in _VAGUE.items()}
    said: dict[Key, str] = {key: free[key[0]].pop() for key in chosen if free[key[0]]}
    text = subject.text
    for mention in reversed(claims_in(text)):
        if mention.key in said:
            words_ = said[mention.key]
            before = re.sub(r"\b([Aa])n? $", _article_for(words_), text[: mention.start])
            here = words_[0].upper() + words_[1:] if text[mention.start].isupper() else words_
            text = before + here + text[mention.end :]
    return Damaged(subject.reworded(text), tuple(Note(Fault.VAGUE, w) for w in [*said.values()][:3]))


@damage("repetition", family="wording", sees=TEXT, by_words=True,
        lowers={"reasoning_coherence": (4, 3, 2), "clinical_coverage": (5, 5, 4)})  # fmt: skip
def repeated(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """One, two or four sentences are said again, word by word or nearly."""
    text, times = subject.text, {1: 1, 2: 2, 3: 4}[severity]
    said = [text[s.start : s.end].strip("- \n") for s in sentences(text)]
    whole = [w for w in dict.fromkeys(said) if len(w) > _SHORTEST and "|" not in w and w.count("**") % 2 == 0]
    if len(whole) < times:
        return None
    chosen = rng.sample(whole, times)
    for words in chosen:
        after = text.index(words)
        later = [s.end for s in sentences(text) if s.start >= after - 2 and "|" not in text[s.start : s.end]]
        lead = words if words.startswith("I ") else words[0].lower() + words[1:]
        again = rng.choice(_AGAIN).format(lead) if rng.random() < 0.5 else words
        text = inserted(text, again, rng.choice(later[:3]))
    return Damaged(subject.reworded(text), tuple(Note(Fault.REPEATED, words) for words in chosen[:3]))


def _article_for(words: str) -> str:
    if words.startswith("some ") or words.endswith("s"):
        return ""
    return r"\1n " if words[0] in "aeiou" else r"\1 "
