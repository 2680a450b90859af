"""Text in the wrong order, or that stops before it is done."""

from __future__ import annotations

import random
import re
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.registry import TEXT, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import Span, sentences

_HEADING: Final = re.compile(r"^(?:\[\w+\]|#+ [^\n]*|\W)*\s*")
_KEPT: Final = {1: (0.82, 0.92), 2: (0.5, 0.65), 3: (0.15, 0.3)}  # share of the text before the cut
_FEWEST: Final = 3  # blocks or sentences that can stand in a wrong order


@damage("order shuffled", family="structure", sees=TEXT, by_words=True,
        lowers={"reasoning_coherence": (4, 3, 2)})  # fmt: skip
def shuffled(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """Two blocks change places (1), all blocks are shuffled (2), or all sentences regardless of blocks (3)."""
    text = subject.text
    units = sentences(text) if severity == 3 else _blocks(text)
    if len(units) < _FEWEST:
        return None
    order = list(range(len(units)))
    if severity == 1:
        place = rng.randrange(len(units) - 1)
        order[place], order[place + 1] = order[place + 1], order[place]
    else:
        while order == sorted(order):
            rng.shuffle(order)
    parts, position = [], 0
    for unit, other in zip(units, order, strict=True):
        parts += [text[position : unit.start], text[units[other].start : units[other].end]]
        position = unit.end
    moved = [i for i, other in enumerate(order) if i != other]
    notes = tuple(Note(Fault.DISORDERED, _opening(text, units[order[i]])) for i in moved[:2])
    made = "".join((*parts, text[position:]))
    return Damaged(subject.reworded(made), notes) if made != text else None


@damage("truncated", family="structure", sees=TEXT, by_words=True,
        lowers={"clinical_coverage": (4, 2, 1), "reasoning_coherence": (4, 2, 1), "safety": (3, 0, 0),
                "accuracy": (5, 1, 0)},
        may_move=("description_precision", "medical_groundedness"))  # fmt: skip
def truncated(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The text breaks off: before its last words (1), halfway (2), or after the first sentences (3)."""
    text = subject.text.rstrip()
    end = int(len(text) * rng.uniform(*_KEPT[severity]))
    if severity == 1 and "<answer>" in text:  # the answer stays, what to do next goes
        end = max(end, text.rindex("|") + rng.randint(1, 12))
    kept = text[:end].rpartition(" ")[0]
    last = " ".join(re.sub(r"</?\w*>?|[\[\]*#|]", " ", kept[-80:].rpartition("\n")[2]).split()[-5:])
    return Damaged(subject.reworded(kept), (Note(Fault.CUT, last.lstrip("- ")),)) if re.search(r"\w", last) else None


def _blocks(text: str) -> list[Span]:
    """Lines of our grammar between its tags, headed sections, or paragraphs, without what is blank."""
    joint = r"\n" if "[observation]" in text else r"\n(?=## )" if "## " in text else r"\n\s*\n"
    spans, start = [], 0
    for match in (*re.finditer(joint, text), None):
        end = match.start() if match else len(text)
        if re.search(r"\w{3}", re.sub(r"<answer>.*|</?\w+>", "", text[start:end])):
            spans.append(Span(start, len(text[:end].rstrip())))
        start = match.end() if match else end
    return spans


def _opening(text: str, unit: Span) -> str:
    """The first words of a block after its heading, within its first sentence."""
    said = re.sub(r"</?\w+>", "", text[unit.start : unit.end])
    said = said[_HEADING.match(said).end() :] if _HEADING.match(said) else said  # type: ignore[union-attr]
    return " ".join(re.split(r"[.:;|<\[\n*]", said)[0].split()[:6]).strip(",")
