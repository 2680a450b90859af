"""How heavily a text leans on each diagnosis that it names.

The last words of a text decide, then what the sentence does with the name. The weights were set by hand on a part of
the certified texts; no text, label or diagnosis has one of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from skingpt_r1.knowledge import statements
from skingpt_r1.knowledge.mentions import Mention, mentions
from skingpt_r1.knowledge.statements import Span

_TAG: Final = re.compile(r"</?(?:think|answer)>", re.I)
_PART: Final = re.compile(r"</?think>|\n\n", re.I)
SIGNS: Final = frozenset(
    ("xerosis", "hyperpigmentation", "telangiectasia", "scar", "allergic reaction", "bacterial infection", "purpura",
     "fungal infection", "callus", "alopecia", "herpes virus infection", "candida infection", "traumatic skin injury",
     "post-inflammatory hyperpigmentation", "post-inflammatory hypopigmentation", "hypopigmentation",
     "sun-damaged skin",
     "skin cancer", "human papillomavirus infection", "erythroderma", "venous insufficiency", "granulation tissue",
     "diabetes mellitus", "abscess", "pseudomonas infection", "thermal burn", "nail dystrophy", "onycholysis",
     "folliculitis", "lymphedema", "insect bite", "cutaneous lymphoma", "calcinosis cutis", "viral exanthem",
     "HIV infection", "hyperhidrosis", "bullous disease", "neutrophilic dermatosis", "vasculitis", "freckle",
     "adnexal tumor", "drug eruption", "phototoxic reaction", "photosensitivity", "panniculitis", "eczema")
)  # fmt: skip
LAST_BLOCK, _BLOCK_BEFORE = 3.0, 1.5
_WEIGHTS: Final = {"concluding": 1.5, "asserting": 1.5, "bold": 1.0, "sign": -1.0, "passing": -1.5, "described": -1.5,
                   "concession": -3.0, "advice": -1.0, "parenthesis": -0.75}  # fmt: skip
_FEWEST_WORDS, _LONGEST_BLOCK = (
    12,
    900,
)  # words that make a tail a block; characters beyond which its last paragraph counts


@dataclass(frozen=True, slots=True)
class Weighed:
    """A mention that its clause does not reject, and the sentence that it stands in."""

    mention: Mention
    sentence: Span
    weight: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text names, and where its last words and those before them begin."""

    text: str
    named: tuple[Mention, ...]
    before: int
    last: int


def read(text: str) -> Reading:
    """The names and the last two blocks of a text."""
    named = tuple(mentions(text))
    last = _last_block(text, named)
    ends = [m.end() for m in _PART.finditer(text, 0, max(last - 10, 0))]
    return Reading(text, named, ends[-1] if ends else 0, last)


def weigh(reading: Reading) -> list[Weighed]:
    """Every mention that its clause does not reject, in the order of the text."""
    text = reading.text
    counts = Counter(m.name for m in reading.named)
    parts = statements.sentences(text)
    weighed: list[Weighed] = []
    at, clauses_of = 0, -1
    clauses: list[Span] = []
    for mention in reading.named:
        while at < len(parts) - 1 and parts[at].end < mention.end:
            at += 1
        if clauses_of != at:
            clauses_of, clauses = at, statements.clauses(text, parts[at])
        sentence, place = parts[at], Span(mention.start, mention.end)
        clause = next((c for c in clauses if c.start <= place.start < c.end), sentence)
        if statements.rejects(text, clause, place):
            continue
        weight = LAST_BLOCK if mention.start >= reading.last else 0.0
        if reading.before <= mention.start < reading.last:
            weight = _BLOCK_BEFORE
        weight += sum(_WEIGHTS[trait] for trait in _traits(text, sentence, clause, mention))
        weighed.append(Weighed(mention, sentence, weight + min(counts[mention.name], 6) * 0.1))
    return weighed


def _traits(text: str, sentence: Span, clause: Span, mention: Mention) -> list[str]:
    lead, clause_lead = text[sentence.start : mention.start], text[clause.start : mention.start]
    whole, after = text[sentence.start : sentence.end], text[mention.end : clause.end]
    found = {
        "concluding": bool(statements.CONCLUDING.search(whole)),
        "asserting": bool(statements.ASSERTING.search(lead)),
        "bold": text.endswith("**", 0, mention.start) or ("**" in lead[-25:] and lead.count("**") % 2 == 1),
        "sign": mention.name in SIGNS,
        "passing": bool(statements.IN_PASSING.search(clause_lead[-45:])),
        "described": bool(statements.DESCRIBED_AFTER.search(after)),
        "concession": statements.concedes(text, clause),
        "advice": bool(statements.ADVISING.search(clause_lead)),
        "parenthesis": lead.count("(") > lead.count(")"),
    }
    return [trait for trait, holds in found.items() if holds]


def _last_block(text: str, named: tuple[Mention, ...]) -> int:
    """Where the text after the last tag begins; the last paragraph where nothing stands after it or it is long."""
    paragraph = text.rstrip().rfind("\n\n") + 1
    last_name = named[-1].start if named else 0
    for end in reversed([m.end() for m in _TAG.finditer(text)]):
        if last_name >= end or len(text[end : end + 2000].split()) > _FEWEST_WORDS:
            return max(end, paragraph) if len(text) - end > _LONGEST_BLOCK else end
    return paragraph
