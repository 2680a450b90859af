"""Where the diagnoses of the table are named in free text: longest match over folded words, in linear time.

Markdown stars and hyphens do not part a name, sentence punctuation does. An abbreviation counts only in capitals:
"AK" is an actinic keratosis, "ak" a slip of the keyboard.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.knowledge.diagnoses import fold, spellings

_TOKEN: Final = re.compile(r"[0-9]+|[^\W\d_]+(?:['’][^\W\d_]+)?")
_JOINING: Final = re.compile(r"[\s*_,/‐‑–-]*")
_LONGEST_ABBREVIATION: Final = 6  # letters
_ORDINARY_WORDS: Final = frozenset(("mel", "nv", "nev"))  # label-set codes that are no words of a text


@dataclass(frozen=True, slots=True)
class Mention:
    """A diagnosis of the table, by preferred name, at text[start:end]."""

    start: int
    end: int
    name: str


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    name: str | None = None
    capitals: bool = False


def mentions(text: str) -> list[Mention]:
    """Every named diagnosis in the order of the text, denied or not; never two that overlap."""
    tokens = [(fold(m.group()), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    found: list[Mention] = []
    i = 0
    while i < len(tokens):
        node, j, best = _tree(), i, None
        while j < len(tokens) and tokens[j][0] in node.next:
            if j > i and not _JOINING.fullmatch(text, tokens[j - 1][2], tokens[j][1]):
                break
            node, j = node.next[tokens[j][0]], j + 1
            start, end = tokens[i][1], tokens[j - 1][2]
            if node.name and (not node.capitals or text[start:end].rstrip("s").isupper()):
                best = (j, Mention(start, end, node.name))
        if best is None:
            i += 1
        else:
            i = best[0]
            found.append(best[1])
    return found


@functools.cache
def _tree() -> _Node:
    """All spellings, a word a step."""
    root = _Node()
    for name, forms in spellings().items():
        for form in forms:
            if form in _ORDINARY_WORDS:
                continue
            node = root
            for word in _TOKEN.findall(form):
                node = node.next.setdefault(fold(word), _Node())
            node.name = name
            node.capitals = len(form) <= _LONGEST_ABBREVIATION and form.rstrip("s").isupper()
    return root
