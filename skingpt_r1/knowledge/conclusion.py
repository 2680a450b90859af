"""The final diagnosis of free text that others wrote: markdown, several <think> blocks, no <answer> in sight.

Every named diagnosis is weighed by where it stands (the last words of a text decide), what its sentence does with it
(concludes, asserts, grants, describes) and whether its clause rejects it. The heaviest is the answer, unless the
sentence offers another one beside it: "eczema or psoriasis" is no answer, and a text that commits to nothing has none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from skingpt_r1.knowledge import statements
from skingpt_r1.knowledge.diagnoses import lineage, preferred
from skingpt_r1.knowledge.mentions import Mention, mentions
from skingpt_r1.knowledge.statements import Span
from skingpt_r1.knowledge.unlisted import unlisted
from skingpt_r1.knowledge.weighing import LAST_BLOCK, SIGNS, Reading, Weighed, read, weigh

_ANSWER: Final = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.S | re.I)
_QUALIFIER: Final = (
    r"(?:[\s*_]*\b(?:an?|the|possibly|early|even|mild|severe|chronic|acute|infected|another|potentially|also)\b)*"
    r"[\s*_]*"
)
_OR: Final = re.compile(
    rf"[\s*_]*(?:\([^)]*\)?)?[\s*_,]*(?:/|\b(?:or|and/or|versus|vs)\b\.?){_QUALIFIER}(?:\w+\s)?[\s*_]*", re.I
)
_AND: Final = re.compile(rf"[\s*_]*(?:\([^)]*\))?[\s*_,]*(?:\band\b|&|\+){_QUALIFIER}", re.I)
_COMMA: Final = re.compile(r"[\s*_]*(?:\([^)]*\))?[\s*_]*,[\s*_]*", re.I)
_NARROWING: Final = re.compile(
    r"[\s*_,;:(—–-]*(?:\b(?:which|is|i\.e|and|most|very|more|likely|probably|possibly|specifically|particularly|namely|either|"
    r"also|known|as|aka|called|of|the|an?|type|types|subtype|variant|form|specific|in|particular|its|their|hand|such|"
    r"manifesting|presenting|chronic|acute|mild|severe|potentially|especially|with|features|component|consistent)\b[\s*_,:.(]*)*",
    re.I,
)
_SCARCE: Final = 2.0  # the least weight of an answer
_NEAR: Final = 1.0  # weights closer than this do not decide between two sentences


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a text ends with.

    diagnosis: preferred name, or as written where the table has none; None with a reason. span: where it is said.
    """

    diagnosis: str | None
    span: tuple[int, int] | None = None
    reason: str | None = None


def conclude(text: str) -> Conclusion:
    """The final diagnosis of a narrative, or why there is none."""
    if not text.strip():
        return Conclusion(None, reason="the narrative is empty")
    answers = [Span(*m.span(1)) for m in _ANSWER.finditer(text) if m.group(1).strip()]
    if answers:
        return _of_answers(text, answers)
    reading = read(text)
    weighed = weigh(reading)
    leader = max(weighed, key=lambda w: w.weight, default=None)
    if leader is None or leader.weight < LAST_BLOCK + _SCARCE:  # nothing firm among the last words
        if bool(statements.HEALTHY.search(text, reading.last)):
            return Conclusion(None, reason="the text finds no disease")
        written = unlisted(text, reading.last)
        if written is not None and not mentions(text[written.start : written.end]):
            return Conclusion(text[written.start : written.end].strip(), (written.start, written.end))
    if leader is None or leader.weight < _SCARCE:
        return Conclusion(None, reason=_why_none(reading, weighed))
    settled = _settle(text, leader, weighed)
    return _contradicted(settled, leader, weighed) or settled


def kin(one: str, other: str) -> bool:
    """Whether two diagnoses of the table are the same or one is a kind of the other."""
    return one in lineage(other) or other in lineage(one)


def _of_answers(text: str, answers: Sequence[Span]) -> Conclusion:
    """An <answer> block is final; its first field names the diagnosis."""
    said: dict[str, Span] = {}
    for answer in answers:
        body = text[answer.start : answer.end]
        field = body.split("|")[0]
        start = answer.start + len(field) - len(field.lstrip(" \n*"))
        end = answer.start + len(field.rstrip(" \n*."))
        named = [m for m in mentions(field) if not statements.rejects(field, Span(0, len(field)), Span(m.start, m.end))]
        if preferred(text[start:end]) is None and len({m.name for m in named}) > 1:
            weighed = [Weighed(Mention(answer.start + m.start, answer.start + m.end, m.name), answer, 0) for m in named]
            settled = _settle(text, weighed[0], weighed)
            if settled.diagnosis is None:
                return settled
            named = [m for m in named if m.name == settled.diagnosis]
        if named and preferred(text[start:end]) is None:
            start, end = answer.start + named[0].start, answer.start + named[0].end
        if start < end:
            said.setdefault(preferred(text[start:end]) or text[start:end], Span(start, end))
    if len(said) > 1:
        return Conclusion(None, reason=f"several final answers: {', '.join(said)}")
    if not said:
        return Conclusion(None, reason="the answer names no diagnosis")
    name, span = next(iter(said.items()))
    return Conclusion(name, (span.start, span.end))


def _settle(text: str, leader: Weighed, weighed: Sequence[Weighed]) -> Conclusion:
    """The leader, narrowed to the kind that is named right after it; nothing where a rival stands beside it."""
    beside = [w.mention for w in weighed if w.sentence == leader.sentence]
    at = beside.index(leader.mention)
    links = [_link(text, a, b) for a, b in itertools.pairwise(beside)]
    first, last = at, at
    while first > 0 and links[first - 1]:
        first -= 1
    while last < len(links) and links[last]:
        last += 1
    group, links = beside[first : last + 1], links[first:last]
    alternatives = [i for i, link in enumerate(links) if link in ("or", "and")]
    if not alternatives:
        chosen = group[at - first]
        for link, mention in zip(links[at - first :], group[at - first + 1 :], strict=True):
            if link == "narrowing" and chosen.name in lineage(mention.name):
                chosen = mention
        return Conclusion(chosen.name, (chosen.start, chosen.end))
    head = group[0]
    if links[0] == "narrowing" and all(kin(head.name, m.name) for m in group):  # "eczema, either atopic or contact"
        return Conclusion(head.name, (head.start, head.end))
    chosen = group[at - first]
    apart = [m.name for m in group if not kin(m.name, chosen.name)]
    if apart:
        return Conclusion(None, reason=f"several final answers: {', '.join(dict.fromkeys([chosen.name, *apart]))}")
    return Conclusion(chosen.name, (chosen.start, chosen.end))


def _contradicted(settled: Conclusion, leader: Weighed, weighed: Sequence[Weighed]) -> Conclusion | None:
    """No answer where another sentence concludes just as firmly with something else."""
    if settled.diagnosis is None:
        return None
    for other in weighed:
        near = leader.weight - other.weight < _NEAR and other.sentence != leader.sentence
        if near and not kin(other.mention.name, settled.diagnosis):
            return Conclusion(None, reason=f"several final answers: {settled.diagnosis}, {other.mention.name}")
    return None


def _link(text: str, one: Mention, other: Mention) -> str:
    """How the second mention hangs on the first: "or", "and", "comma", "narrowing", or "" where it does not."""
    gap = text[one.end : other.start]
    if _OR.fullmatch(gap):
        return "or"
    if kin(one.name, other.name) and _NARROWING.fullmatch(gap):
        return "narrowing"
    if one.name in SIGNS or other.name in SIGNS:
        return ""
    if _AND.fullmatch(gap):
        return "and"
    return "comma" if _COMMA.fullmatch(gap) else ""


def _why_none(reading: Reading, weighed: Sequence[Weighed]) -> str:
    if not reading.named:
        return "no diagnosis is named"
    return "every named diagnosis is rejected" if not weighed else "the text commits to no diagnosis"
