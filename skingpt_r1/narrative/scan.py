"""Finds claims and diagnoses in running text by longest match over words, in linear time.

Spelling is folded on both sides (grey/gray, colour/color, naevus/nevus), hyphens count as spaces, and a match
never crosses punctuation. A negating word shortly before a phrase turns the claim into its denial
("without visible redness" denies red), or drops it where the vocabulary has no denial.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.knowledge import diagnoses
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.vocabulary import Key

_TOKEN: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s*`-]")
_NEGATORS: Final = frozenset(
    ("no", "not", "without", "nor", "lacks", "lacking", "absent", "never", "denies", "neither")
)
_REACH: Final = 3  # words between a negator and what it denies, "no other visible red areas"
_LONGEST_QUOTE: Final = 14  # words of a body site in quotes
_NUMBER, _QUOTED = "{number}", "{quoted}"


@dataclass(frozen=True, slots=True)
class Mention:
    """A claim (key) or a diagnosis (preferred name) at text[start:end]; exactly one of the two is set."""

    start: int
    end: int
    key: Key | None = None
    diagnosis: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    word: str  # folded
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a phrase stands for: a claim, its value None if read from the text; a diagnosis; or nothing."""

    concept: str | None = None
    value: str | None = None
    polarity: bool = True
    diagnosis: str | None = None


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    meaning: _Meaning | None = None


def claims_in(text: str) -> list[Mention]:
    """The claims of a text, in its order."""
    return [m for m in scan(text) if m.key is not None]


def diagnoses_in(text: str) -> list[Mention]:
    """The diagnoses named in a text, in its order, negated or not."""
    return [m for m in scan(text) if m.diagnosis is not None]


def scan(text: str) -> list[Mention]:
    """Every claim and diagnosis, longest match first, left to right, never overlapping."""
    tokens = [_Token(diagnoses.fold(m.group()), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    found: list[Mention] = []
    i = after_last = 0
    last_denied = False  # was the mention just before denied? "no red or white areas"
    while i < len(tokens):
        end, meaning, value = _longest(text, tokens, i)
        if meaning is None:
            i += 1
            continue
        start_at, end_at = tokens[i].start, tokens[end - 1].end
        if meaning.diagnosis is not None:
            found.append(Mention(start_at, end_at, diagnosis=meaning.diagnosis))
            last_denied = False
        elif meaning.concept is not None:
            key = (meaning.concept, meaning.value or value, meaning.polarity)
            chained = last_denied and [t.word for t in tokens[after_last:i]] in (["or"], ["nor"])
            denied = meaning.polarity and (chained or _negated(tokens, i, after_last))
            said = vocabulary.opposite(key) if denied else key
            if said is not None and vocabulary.is_known(said):
                found.append(Mention(start_at, end_at, key=said))
            last_denied = denied or not meaning.polarity
        i = after_last = end
    return found


def _negated(tokens: list[_Token], i: int, floor: int) -> bool:
    for token in reversed(tokens[max(floor, i - 1 - _REACH) : i]):
        if token.word in _NEGATORS:
            return True
        if not token.word[0].isalnum():
            return False
    return False


def _longest(text: str, tokens: list[_Token], i: int) -> tuple[int, _Meaning | None, str]:
    """(end, meaning, open value) of the longest phrase that starts at token i; meaning None if none does."""
    best: tuple[int, _Meaning | None, str] = (i, None, "")
    node, j, value = _phrases(), i, ""
    while j < len(tokens):
        word = tokens[j].word
        if word in node.next:
            node, j = node.next[word], j + 1
        elif _NUMBER in node.next and "0" <= word[0] <= "9":
            node, j, value = node.next[_NUMBER], j + 1, word
        elif _QUOTED in node.next and word == '"' and (close := _closing_quote(tokens, j)):
            value = text[tokens[j].end : tokens[close].start]
            node, j = node.next[_QUOTED], close + 1
        else:
            break
        if node.meaning is not None:
            best = (j, node.meaning, value)
    return best


def _closing_quote(tokens: list[_Token], opening: int) -> int | None:
    for j in range(opening + 1, min(opening + _LONGEST_QUOTE, len(tokens))):
        if tokens[j].word == '"':
            return j
    return None


@functools.cache
def _phrases() -> _Node:
    """The tree of all phrases, a word a step. Raises ValueError where two claims share a phrase."""
    root = _Node()
    for phrase in vocabulary.NO_CLAIM:
        _plant(root, phrase, _Meaning())
    closed = {
        key: [*vocabulary.WRITINGS.get(key, ()), *vocabulary.READINGS.get(key, ())]
        for key in (*vocabulary.WRITINGS, *vocabulary.READINGS)
    }
    for (concept, value, polarity), forms in closed.items():
        for form in forms:
            _plant(root, vocabulary.bare(form), _Meaning(concept, value, polarity))
    for concept, written in vocabulary.OPEN_WRITINGS.items():
        for form in (*written, *vocabulary.OPEN_READINGS[concept]):
            if concept == "site":
                _plant(root, form.format(_QUOTED), _Meaning(concept))
                for site in vocabulary.SITES:
                    _plant(root, form.format(site), _Meaning(concept, site))
                    _plant(root, form.format(site + "s"), _Meaning(concept, site))
            else:
                _plant(root, form.format(_NUMBER), _Meaning(concept))
    for name, spellings in diagnoses.spellings().items():
        for spelling in spellings:
            _plant(root, spelling, _Meaning(diagnosis=name))
    return root


def _plant(root: _Node, phrase: str, meaning: _Meaning) -> None:
    node = root
    for part in re.split(r"(\{number\}|\{quoted\})", phrase):
        steps = [part] if part in (_NUMBER, _QUOTED) else [diagnoses.fold(w) for w in _TOKEN.findall(part)]
        for step in steps:
            node = node.next.setdefault(step, _Node())
    if node.meaning not in (None, meaning):
        raise ValueError(f"{phrase!r} means both {node.meaning} and {meaning}")
    node.meaning = meaning
