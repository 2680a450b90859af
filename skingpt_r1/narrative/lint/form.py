"""Rules on the form: blocks that open and close once, and a writer that does not say things twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Text

_TAG: Final = re.compile(
    r"<(/?)(think|thinking|answer|observation|category|differential|synthesis|reasoning|conclusion|summary|caption)>",
    re.I,
)
_HEADING: Final = re.compile(r"\[(observation|category|differential|synthesis)\]", re.IGNORECASE)
_FENCE: Final = re.compile(r"^\s{0,3}```", re.MULTILINE)
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LONG: Final = 6  # words of a sentence that nobody writes twice
_LOOP: Final = 4  # times in a row
_LOOPED: Final = 8  # longest phrase, in words, that is looked for in a row


@rule("unclosed-block", Severity.ERROR, "<think>The spot is brown.")
def unclosed_block(text: Text, given: Given) -> Iterator[Hit]:
    """A tag that is opened and not closed, or closed and not opened; a <think> without an <answer>."""
    opened: list[tuple[str, int, int]] = []
    tags = list(_TAG.finditer(text.raw))
    for tag in tags:
        name = tag[2].lower()
        if not tag[1]:
            opened.append((name, tag.start(), tag.end()))
        elif opened and opened[-1][0] == name:
            opened.pop()
        else:
            yield Hit(tag.start(), tag.end(), f"</{name}> closes nothing")
    for name, start, end in opened:
        yield Hit(start, end, f"<{name}> is not closed")
    names = {tag[2].lower() for tag in tags}
    thought = next((tag for tag in tags if tag[2].lower() == "think"), None)
    if thought and "answer" not in names:
        yield Hit(thought.start(), thought.end(), "<think> without an <answer>")
    fences = list(_FENCE.finditer(text.raw))
    if len(fences) % 2:
        yield Hit(fences[-1].start(), fences[-1].end(), "a code fence is not closed")


@rule("repeated-block", Severity.WARNING, "<think>a</think><think>b</think><answer>wart</answer>")
def repeated_block(text: Text, given: Given) -> Iterator[Hit]:
    """A block that should stand once stands more often: <think>, <answer>, [observation] ..."""
    seen: Counter[str] = Counter()
    for mark in sorted([*_TAG.finditer(text.raw), *_HEADING.finditer(text.raw)], key=lambda m: m.start()):
        if mark.group().startswith("</"):
            continue
        seen[mark.group().lower()] += 1
        if seen[mark.group().lower()] == 2:
            yield Hit(mark.start(), mark.end(), f"{mark.group()} stands more than once")


@rule("repetition", Severity.WARNING, "It is brown, it is brown, it is brown, it is brown, it is brown.")
def repetition(text: Text, given: Given) -> Iterator[Hit]:
    """The same long sentence twice, or the same few words over and over: a writer that got stuck."""
    seen: dict[tuple[str, ...], int] = {}
    for sentence in text.sentences:
        words = tuple(w.lower() for w in _WORD.findall(sentence.text))
        if len(words) >= _LONG and words in seen and sentence.block != "answer":
            yield Hit(sentence.start, sentence.end, "this sentence stood here before")
        seen.setdefault(words, sentence.start)
    yield from _loops(text.raw)


def _loops(raw: str) -> Iterator[Hit]:
    tokens = list(_WORD.finditer(raw))
    words = [t.group().lower() for t in tokens]
    reached = 0
    for length in range(1, _LOOPED + 1):
        run = 0
        for i in range(length, len(words)):
            run = run + 1 if words[i] == words[i - length] else 0
            if run == (_LOOP - 1) * length and tokens[i - run - length + 1].start() >= reached:
                first = i - run - length + 1
                yield Hit(
                    tokens[first].start(), tokens[i].end(), f"{' '.join(words[first : first + length])!r} in a loop"
                )
                reached = tokens[i].end()
                run = 0
