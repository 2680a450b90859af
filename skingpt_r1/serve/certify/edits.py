"""An edited narrative: what it must still be, and what became of the draft, word by word."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import Final

from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.serve.certify.refusal import Refusal

LONGEST: Final = 12_000  # characters of a narrative
_WORD: Final = re.compile(r"\s*\S+")
_MOST_WORDS: Final = 3_000  # beyond it the change is told as one
_FORM: Final = ("no <", "no [", "the answer", "unknown diagnosis:", "several diagnoses", "no known diagnosis")

Edit = tuple[str, str, str]
"""("same" | "changed", what the draft says, what the text says)."""


def cleaned(text: str) -> str:
    """Line ends as \\n, composed letters, nothing at the ends of lines. Raises Refusal on control characters."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip().split("\n")
    for line in lines:
        if odd := next((c for c in line if not c.isprintable() and c != "\t"), None):
            raise Refusal(422, f"The text holds a character that cannot be printed ({odd!r}); delete it.")
    return "\n".join(line.rstrip() for line in lines)


def diagnosis_of(text: str) -> str | None:
    """The diagnosis that the text ends with, None unless the knowledge table has it."""
    name = parse(text).diagnosis
    return name if name in table() else None


def checked(draft: str, text: str) -> str:
    """The edited text, cleaned. Raises Refusal with one sentence unless it is a narrative and differs from the draft.

    It may have the formal faults that the draft has (a text by another model has no blocks), not new ones.
    """
    if len(text) > LONGEST:
        raise Refusal(413, f"The text has {len(text):,} characters; the limit is {LONGEST:,}.")
    text = cleaned(text)
    if text == cleaned(draft):
        raise Refusal(422, "Nothing is changed in the text; accept it instead.")
    found = parse(text)
    if found.diagnosis not in table():
        named = f" ({found.diagnosis[:60]!r} is none that it knows)" if found.diagnosis else ""
        raise Refusal(422, f"The text must end with one diagnosis of the knowledge table{named}.")
    known = set(parse(draft).problems)
    if new := [p for p in found.problems if p not in known and (p.startswith(_FORM) or p.endswith("than once"))]:
        raise Refusal(422, f"The text no longer reads as a narrative: {new[0]}; put it back.")
    if (free := sections(text).get("free")) and not sections(draft).get("free"):
        raise Refusal(422, f"{free[:40]!r} stands outside the blocks; move it into one.")
    return text


def tracked(draft: str, text: str) -> list[Edit]:
    """The draft beside the text; joining the second parts gives the draft, joining the third the text."""
    old, new = _words(draft), _words(text)
    if max(len(old), len(new)) > _MOST_WORDS:
        return [("same" if draft == text else "changed", draft, text)]
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [
        ("same" if name == "equal" else "changed", "".join(old[a:b]), "".join(new[c:d])) for name, a, b, c, d in steps
    ]


def _words(text: str) -> list[str]:
    words = _WORD.findall(text)
    rest = text[sum(map(len, words)) :]
    return [*words, rest] if rest else words
