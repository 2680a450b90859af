"""Reads a narrative back from text: ours without loss, anybody's as far as it goes.

`parse` never raises and takes linear time; what it could not read stands in `problems`. Foreign text (no
headings, several <think> blocks, markdown, cut off) gives the claims its words make, the diagnoses it names,
and the diagnosis of its answer or of its last concluding sentence. Sentences about what is usual, or may be,
make no claim on the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from skingpt_r1.knowledge.conclusion import conclude
from skingpt_r1.knowledge.diagnoses import preferred
from skingpt_r1.narrative.render import CONFIDENCES
from skingpt_r1.narrative.scan import Mention, diagnoses_in, scan
from skingpt_r1.narrative.vocabulary import Key
from skingpt_r1.records import Claim, Hypothesis, Narrative, Urgency

BLOCKS: Final = ("observation", "category", "differential", "synthesis")
_MARK: Final = re.compile(
    r"\[(?P<block>observation|category|differential|synthesis)\]|<(?P<tag>/?think|/?answer)>"
    r"|^[ \t]{0,4}(?P<level>[#*]{1,4})[ \t]{0,3}(?P<heading>observation|category|differential|synthesis)"
    r"[a-z ]{0,20}[:*]{0,4}"
    r"|^[ \t]{0,4}(?P<other>#{1,4})[ \t]{1,3}(?=[^\n]{1,60}$)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$|[*<])|\n\s*\n|\n(?=[ \t]{0,8}[-*#0-9])")
_SIDE: Final = re.compile(r"\b(?:(for|pro|favou?r|supported)|(against|contra|opposed))\b", re.IGNORECASE)
_GENERAL: Final = re.compile(
    r"\b(typically|usually|commonly|often|generally|classically|would|could|might|if|unlike|tends?|can)\b",
    re.IGNORECASE,
)
_REJECTED: Final = re.compile(
    r"\b(?:over|than|before|not|unlike|from|like|such as|exclude[sd]?|ruling out|rules? out"
    r"|risk (?:of|for)|progress to)\s+(?:an?\s+|the\s+)?$",
    re.IGNORECASE,
)
_DOUBT: Final = re.compile(r"\b(doubts?|uncertain\w*)\b", re.IGNORECASE)
_URGENCIES: Final = (
    ("urgent", Urgency.URGENT),
    ("soon", Urgency.SOON),
    ("routine", Urgency.ROUTINE),
    ("watch", Urgency.SELF_WATCH),
    ("self-watch", Urgency.SELF_WATCH),
    ("self watch", Urgency.SELF_WATCH),
)
_MOST_HYPOTHESES: Final = 12
_MOST_PROBLEMS: Final = 20
_LONGEST_NAME: Final = 80


def parse(text: str) -> Narrative:
    """The narrative that the text tells; `problems` is empty exactly when all of it could be read."""
    return _Reader(text).read()


def sections(text: str) -> dict[str, str]:
    """The text by block: "observation" .. "synthesis", "answer"; "free" stands under no heading."""
    return _sections(text)[0]


def _sections(text: str) -> tuple[dict[str, str], list[str]]:
    parts: dict[str, list[str]] = {}
    problems, block, level, position, seen = [], "free", 0, 0, set()
    for mark in _MARK.finditer(text):
        if mark["other"] and len(mark["other"]) > level:
            continue  # a heading inside the block; one of the block's own level ends it
        parts.setdefault(block, []).append(text[position : mark.start()])
        tag = (mark["block"] or mark["heading"] or mark["tag"] or "").lower()
        if tag and tag in seen:
            problems.append(f"{tag} stands more than once")
        seen.add(tag)
        block = tag if tag in (*BLOCKS, "answer") else "free"
        level = len(mark["level"] or "")
        position = mark.end()
    parts.setdefault(block, []).append(text[position:])
    for tag, whole in (
        ("think", "<think>"),
        ("/think", "</think>"),
        ("answer", "<answer>"),
        ("/answer", "</answer>"),
    ):
        if tag not in seen:
            problems.append(f"no {whole}")
    problems += [f"no [{name}]" for name in BLOCKS if name not in parts]
    return {name: "\n".join(pieces).strip() for name, pieces in parts.items()}, problems


def _sentences(text: str) -> list[str]:
    return [s for part in _SENTENCE_END.split(text) if (s := part.strip())]


class _Reader:
    """One pass over one text. Claims get their positions in the order in which the text first makes them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks, self.problems = _sections(text)
        self.positions: dict[Key, int] = {}

    def read(self) -> Narrative:
        if "observation" in self.blocks:
            self._claims(scan(self.blocks["observation"]))
        else:
            for sentence in _sentences(self.blocks["free"]):
                if not _GENERAL.search(sentence):
                    self._claims(scan(sentence))
        if not self.positions:
            self.problems.append("no claim that the vocabulary knows")
        diagnosis, confidence, urgency = self._answer()
        category, category_claims = self._category()
        hypotheses = self._hypotheses()
        deciding, rival, doubts = self._synthesis(diagnosis)
        return Narrative(
            claims=tuple(Claim(*key) for key in self.positions),
            category=category,
            category_claims=category_claims,
            hypotheses=hypotheses,
            deciding=deciding,
            rival=rival,
            doubts=doubts,
            diagnosis=diagnosis,
            confidence=confidence,
            urgency=urgency,
            problems=tuple(dict.fromkeys(self.problems))[:_MOST_PROBLEMS],
        )

    def _claims(self, mentions: Iterable[Mention], observed: bool = True) -> tuple[int, ...]:
        """Positions of the claims mentioned; one that is new here is added, and told if never observed."""
        found: dict[int, None] = {}
        for mention in mentions:
            if mention.key is None:
                continue
            if mention.key not in self.positions and not observed:
                self.problems.append(f"{' '.join(map(str, mention.key))}: used, but not observed")
            found[self.positions.setdefault(mention.key, len(self.positions))] = None
        return tuple(found)

    def _category(self) -> tuple[str | None, tuple[int, ...]]:
        text = self.blocks.get("category", "")
        name = re.split(r":| given |\.|\n", text, maxsplit=1)[0].strip().lower()
        if not name and "category" in self.blocks:
            self.problems.append("[category] names no family")
        return (name[:_LONGEST_NAME] or None), self._claims(scan(text[len(name) :]), observed=False)

    def _hypotheses(self) -> tuple[Hypothesis, ...]:
        if "differential" not in self.blocks:
            named = dict.fromkeys(m.diagnosis for m in diagnoses_in(self.blocks["free"]) if m.diagnosis)
            return tuple(Hypothesis(name) for name in list(named)[:_MOST_HYPOTHESES])
        sides: dict[str, tuple[dict[int, None], dict[int, None]]] = {}
        current = None
        for sentence in _sentences(self.blocks["differential"].replace("\n", "\n\n")):
            mentions = scan(sentence)
            opening = next((m for m in mentions if m.diagnosis), None)
            if opening and not re.search(r"[^\W\d_]", sentence[: opening.start]):
                current = opening.diagnosis
            elif 0 < (colon := sentence.find(":")) <= _LONGEST_NAME:
                current = sentence[:colon].strip(" *-#")
                self.problems.append(f"unknown diagnosis in the differential: {current!r}")
            if current is None or (current not in sides and len(sides) >= _MOST_HYPOTHESES):
                continue
            self._assign(sentence, mentions, sides.setdefault(current, ({}, {})))
        if not sides:
            self.problems.append("[differential] names no diagnosis")
        return tuple(Hypothesis(name, tuple(pro), tuple(con)) for name, (pro, con) in sides.items())

    def _assign(self, sentence: str, mentions: list[Mention], sides: tuple[dict[int, None], dict[int, None]]) -> None:
        """Claims after "for" speak for, after "against" against, before either: for."""
        events: list[tuple[int, bool, Mention | None]] = [(m.start, False, m) for m in mentions]
        events += [(m.start(), m.group(2) is not None, None) for m in _SIDE.finditer(sentence)]
        side = inside = 0
        for start, against, mention in sorted(events, key=lambda event: event[0]):
            if start < inside:
                continue
            if mention is None:
                side = int(against)
                continue
            inside = mention.end
            for position in self._claims([mention], observed=False):
                sides[side][position] = None

    def _synthesis(self, diagnosis: str | None) -> tuple[tuple[int, ...], str | None, tuple[int, ...]]:
        deciding: dict[int, None] = {}
        doubts: dict[int, None] = {}
        rival = other = None
        for clause in re.split(r"[;\n]|\.(?=\s|$)", self.blocks.get("synthesis", "")):
            mentions = scan(clause)
            side = doubts if _DOUBT.search(clause) else deciding
            side.update(dict.fromkeys(self._claims(mentions, observed=False)))
            for mention in mentions:
                if mention.diagnosis in (None, diagnosis):
                    continue
                other = other or mention.diagnosis
                if _REJECTED.search(clause, max(0, mention.start - 30), mention.start):
                    rival = rival or mention.diagnosis
        return tuple(deciding), rival or other, tuple(doubts)

    def _answer(self) -> tuple[str | None, str | None, Urgency | None]:
        if "answer" not in self.blocks:
            return self._concluded(), None, None
        cells = [cell.strip() for cell in self.blocks["answer"].split("|")]
        diagnosis = self._named(cells[0])
        confidence = cells[1].lower() if len(cells) > 1 and cells[1].lower() in CONFIDENCES else None
        told = cells[2].lower() if len(cells) > 2 else ""
        urgency = next((u for word, u in _URGENCIES if told.startswith(word)), None)
        if confidence is None:
            self.problems.append("the answer gives no confidence")
        if urgency is None:
            self.problems.append("the answer gives no urgency")
        if len(cells) > 3:
            self.problems.append("the answer has more than three parts")
        return diagnosis, confidence, urgency

    def _named(self, text: str) -> str | None:
        if (name := preferred(text)) is not None:
            return name
        named = dict.fromkeys(m.diagnosis for m in diagnoses_in(text) if m.diagnosis)
        if len(named) == 1:
            self.problems.append("the answer wraps its diagnosis in other words")
            return next(iter(named))
        if named:
            self.problems.append(f"several diagnoses in the answer: {', '.join(named)}"[:200])
            return None
        as_written = " ".join(text.split())[:_LONGEST_NAME]
        self.problems.append(f"unknown diagnosis: {as_written!r}" if as_written else "the answer is empty")
        return as_written or None

    def _concluded(self) -> str | None:
        """The diagnosis that a text without an answer ends with; only one that the table knows."""
        concluded = conclude(self.blocks.get("synthesis", self.text))
        if concluded.diagnosis is not None and preferred(concluded.diagnosis) is not None:
            return concluded.diagnosis
        self.problems.append(f"no known diagnosis is concluded: {concluded.reason or concluded.diagnosis}"[:200])
        return None
