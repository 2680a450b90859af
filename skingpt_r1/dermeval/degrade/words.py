"""Edits texts by others, and ours where no more than words are wanted: sentences, places, and words put for words."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from skingpt_r1.narrative.scan import scan

_SENTENCE: Final = re.compile(r"[^\s](?:[^.!?\n]|[.](?=\S))*[.!?]?[*\"”)]*")
_GENERAL: Final = re.compile(
    r"\b(typically|usually|commonly|often|generally|classically|would|could|might|if|unlike|tends?|can|may)\b", re.I
)
_ADVICE: Final = re.compile(
    r"\b(dermatolog\w+|biops\w+|evaluation|urgent\w*|doctor|physician|consult\w*|referral|refer|appointment|follow-up|check-?up|watch\w*|recommend\w*|"
    r"advis\w+|medical (?:attention|advice|evaluation)|seek\w*)\b",
    re.I,
)
_CONCLUDES: Final = re.compile(r"\b(conclu\w+|diagnosis is|most likely|consistent with|suggests?|features)\b", re.I)
_CELL: Final = re.compile(r" \| [^|<\n]*(?=</answer>)")
_TAG: Final = re.compile(r"</?\w+>|\[\w+\]")
_ARTICLE: Final = re.compile(r"\b([Aa])n?(\s+[*]{0,2})$")
_LATE: Final = 0.55  # of a text, from which on a sentence may be its advice


class Span(NamedTuple):
    """text[start:end]."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """Sentences and lines in order, without headings and tags."""
    blank = _TAG.sub(lambda m: " " * len(m.group()), text)
    found = (Span(*m.span()) for m in _SENTENCE.finditer(blank))
    return [s for s in found if re.search(r"\w{2}", blank[s.start : s.end]) and blank[s.start] != "#"]


def is_general(sentence: str) -> bool:
    """Whether it says what is usual or may be, and nothing of this picture."""
    return _GENERAL.search(sentence) is not None


def put(text: str, changes: Mapping[str, str]) -> str:
    """Whole words for words, in their case, wherever the text speaks of this picture; "a" and "an" follow."""
    if not changes:
        return text
    ordered = sorted(changes, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, ordered))})(?![\w-])", re.I)
    parts, position = [], 0
    for sentence in sentences(text):
        said = text[sentence.start : sentence.end]
        if is_general(said):
            continue
        for match in pattern.finditer(text, sentence.start, sentence.end):
            new = _in_case(changes[match.group().lower()], match.group())
            before = _ARTICLE.sub(_article_for(new), text[position : match.start()])
            parts += [before, new]
            position = match.end()
    return "".join((*parts, text[position:]))


def inserted(text: str, sentence: str, place: int) -> str:
    """The text with one sentence more at a place between two."""
    left, right = text[:place], text[place:]
    bullet = "\n- " if re.search(r"(^|\n)- [^\n]*$", left) else " "
    return f"{left}{bullet}{sentence}{right if not right or right[0].isspace() or right[0] == '<' else ' ' + right}"


def described_end(text: str, rng: random.Random) -> int | None:
    """A place behind one of the first sentences that describe: where one more finding would stand."""
    limit = text.find("[category]")
    found = [
        s.end
        for s in sentences(text)
        if (limit < 0 or s.end <= limit)
        and not is_general(text[s.start : s.end])
        and any(m.key or limit < 0 for m in scan(text[s.start : s.end]))
    ]
    if not found:
        first = sentences(text)[:1]
        return first[0].end if first else None
    return rng.choice(found[:3] if limit < 0 else found)


def conclusion_end(text: str) -> int:
    """The place behind the reasoning: before </think> in our grammar, else before the advice or at the end."""
    if "\n</think>\n<answer>" in text:
        return text.index("\n</think>\n<answer>")
    advice = [s for s in advice_sentences(text) if s.start > len(text) * _LATE]
    return len(text[: advice[-1].start].rstrip("-# \n")) if advice else len(text.rstrip())


def advice_sentences(text: str) -> list[Span]:
    """What the text tells the patient to do next: the last cell of our grammar, else sentences near the end."""
    if cell := _CELL.search(text):
        return [Span(*cell.span())]
    late = int(len(text) * _LATE)
    found = [s for s in sentences(text) if s.start >= late and _ADVICE.search(text[s.start : s.end])]
    return [s for s in found if not _CONCLUDES.search(text[s.start : s.end])]


def cut_out(text: str, spans: Sequence[Span]) -> str:
    """The text without these sentences and the bullets that they leave empty."""
    for span in sorted(spans, reverse=True):
        left, right = text[: span.start], text[span.end :]
        line = re.search(r"(?m)^[ \t]*(?:[-*]|\d+\.)?[ \t]*\Z", left)
        if line and re.match(r"[ \t]*(?:\n|\Z)", right):
            text = left[: line.start()] + right.lstrip(" \t")[1:]
        else:
            text = left.rstrip(" ") + right if not right or right[0].isspace() else left + right
    return text.strip()


def _article_for(word: str) -> str:
    """The replacement for an article that stands before another word now."""
    return rf"\1{'n' if word[:1].lower() in 'aeiou' else ''}\2"


def _in_case(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word
