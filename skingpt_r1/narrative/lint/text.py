"""A text as the rules read it: sentences with their place, and whether a phrase in one is asserted of the picture.

"The lesion is firm" is asserted; "cannot be palpated", "would be firm", "dermatofibromas are typically firm" and
"- Dermatofibroma: a firm nodule" are not. The judgement is by clause: a hedge before ", but" does not cover what
follows it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.scan import Mention, scan
from skingpt_r1.records import Narrative

_BLOCK: Final = re.compile(
    r"\[(?P<heading>observation|category|differential|synthesis)\]|<(?P<tag>/?(?:think|answer))>", re.IGNORECASE
)
_END: Final = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bvs)(?<!\bNo)(?<!\d)[.!?][*\"')\]]{0,3}(?=\s|$|<)"
    r"|(?<=\d)\.(?=\s+[A-Z<*]|\s*$)|\n+|\s(?=[-•*]\s+\*{0,2}[\"(]?[A-Z])"
    r"|(?i:</?(?:think|answer)>|\[(?:observation|category|differential|synthesis)\])",
)
_CLAUSE: Final = re.compile(
    r";|\s[—–-]\s|—|,?\s\b(?:but|however|whereas|yet|although|though|so)\b|,\s(?=(?:this|these|here|the|it|its|and"
    r"|which|while|with|I)\b)|:\s"
)
_GENERAL: Final = re.compile(
    r"\b(?:typical(?:ly)?|usual(?:ly)?|commonly|common|often|generally|classic(?:ally)?|frequently|sometimes|rarely"
    r"|characteristically|tends?|can|may|might|could|would|should|if|whether|unless|had it|were it"
    r"|e\.g|such as|known for|expected|hallmark|unlike|possib(?:le|ly)|known to|in case|needed|required|need|needs"
    r"|necessary|recommend\w*|consider\w*|check for|look(?:ed|ing)? for|unknown|unclear|open)\b",
    re.IGNORECASE,
)
_NEGATION: Final = re.compile(
    r"\b(?:no|not|none|cannot|without|nor|neither|never|lack(?:s|ing)?|absen(?:t|ce)|missing|impossible|unable|nobody"
    r"|nothing|fails?|denie[sd]|\w+n['’]t|exclud\w+|rul(?:e|es|ed|ing) out|less)\b",
    re.IGNORECASE,
)
_DENIED_AFTER: Final = re.compile(
    r"^[^.;,:()]{0,40}?\b(?:(?:is|are|was|were|has|have|can|could|do|does|did)\s*(?:not|n['’]t)\b|cannot|absent"
    r"|unlikely"
    r"|isn['’]t|aren['’]t|wasn['’]t|lacking|missing|not (?:seen|visible|described|mentioned|present|known|reported))",
    re.IGNORECASE,
)
_DISEASE: Final = re.compile(
    r"\b(?:\w{3,}(?:itis|oses|osis|iasis|oma|omas|pemphigoid|pemphigus|fungoides)|tinea|lichen|eczema\w*|psoria\w+"
    r"|herpes|zoster|lupus|syndrome|disease|infections?|impetigo|scabies|urticaria|wart|warts|acne|rosacea|nevus|nevi"
    r"|naevus|cyst|tumou?rs?|granuloma|pityriasis|vitiligo|melasma|alopecia|porphyria|reaction|eruption|allergic|HS"
    r"|BCC|SCC|cancers?|diagnos[ie]s|condition|disorders?|bites?|milia|purpura|\w+plasia|keloids?"
    r"|erythema (?:nodosum|multiforme"
    r"|annulare|migrans))\b|\([A-Z]{2,5}\)",
    re.IGNORECASE,
)
_NO_DISEASE: Final = re.compile(
    r"\b(?:acanthosis|hyperkeratosis|parakeratosis|spongiosis|edematosis|fibrosis|diagnosis)\b", re.I
)
_HEAD: Final = re.compile(r"\s{0,8}(?:[-•*#\d.)]{1,4}\s{1,3})?(\*{0,2}[^:.;!?\n]{2,70}?\*{0,2})(?::|\s[–—]\s)")
_SUBJECT: Final = re.compile(
    r"^[\W\d]*(?:(?:while|although|unlike|like|classic|chronic|acute)\s+)?(?:[\w'’-]+[ /*-]+){0,2}?(?!(?:condition"
    r"|disease"
    r"|diagnosis|disorder|infection)\b)(?:" + _DISEASE.pattern + ")",
    re.IGNORECASE,
)
_GOES_ON: Final = re.compile(
    r"(?:it|they|its|their|lesions|usually|typically|can|may|often|common\w*)\b", re.IGNORECASE
)
_FAR: Final = 60  # characters between a negator and what it denies


@dataclass(frozen=True, slots=True)
class Sentence:
    """text == raw[start:end]. block: "observation" .. "synthesis", "think", "answer", or "free".

    under: it goes on about a disease whose entry stands before it.
    """

    text: str
    start: int
    end: int
    block: str
    under: bool = False

    @property
    def head(self) -> str:
        """What stands before the colon of "- **Psoriasis**: thick plaques", "" if nothing does."""
        found = _HEAD.match(self.text)
        return found.group(1).strip("* ") if found else ""

    @property
    def of_disease(self) -> bool:
        """Whether the sentence is an entry about a disease, and so says what it is like in general."""
        head = _NO_DISEASE.sub("", self.head)
        return self.under or (bool(head) and bool(_DISEASE.search(head)))

    @property
    def names_disease(self) -> bool:
        """Whether any disease, or a word that speaks of diseases, stands in it."""
        return bool(_DISEASE.search(_NO_DISEASE.sub("", self.text)))

    def clause(self, start: int, end: int) -> tuple[int, int]:
        """The clause around text[start:end] (positions in the sentence)."""
        left, right = 0, len(self.text)
        for mark in _CLAUSE.finditer(self.text):
            if mark.end() <= start:
                left = mark.end()
            elif mark.start() >= end:
                right = mark.start()
                break
        return left, right

    def general(self, start: int, end: int) -> bool:
        """Whether the clause speaks of what is usual, possible, wished or conditional."""
        left, right = self.clause(start, end)
        return self.text.endswith("?") or bool(_GENERAL.search(self.text, left, right))

    def denied(self, start: int, end: int) -> bool:
        """Whether a negating word governs text[start:end]."""
        left, right = self.clause(start, end)
        before = self.text[max(left, start - _FAR) : start]
        return bool(_NEGATION.search(before)) or bool(_DENIED_AFTER.match(self.text[end:right]))

    def of_other(self, start: int) -> bool:
        """Whether a disease is the subject: "Dermatofibromas are firm", "psoriasis shows scale"."""
        if (opening := _SUBJECT.match(self.text)) and opening.end() <= start:
            return True
        left, _ = self.clause(start, start)
        before = _NO_DISEASE.sub("", self.text[left:start])
        return bool(re.search(_DISEASE.pattern + r"[^,;:]{0,40}\b(?:is|are|has|have|shows?|presents?|feels?|dimples?"
                              r"|features?|causes?|produces?|appears?)\b[^,;:]*$", before, re.IGNORECASE))  # fmt: skip

    def asserts(self, start: int, end: int) -> bool:
        """Whether the sentence says text[start:end] of this picture, without hedge or denial."""
        return not (self.of_disease or self.general(start, end) or self.denied(start, end) or self.of_other(start))


class Text:
    """One text, split once; what is dear is worked out when a rule first asks for it."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.sentences = tuple(_sentences(raw))

    @functools.cached_property
    def narrative(self) -> Narrative:
        """The text as the parser reads it."""
        return parse(self.raw)

    @functools.cached_property
    def structured(self) -> bool:
        """Whether it has the headings of our narrative form."""
        return {"observation", "differential"} <= {s.block for s in self.sentences}

    @functools.cached_property
    def mentions(self) -> dict[int, tuple[Mention, ...]]:
        """Claims and diagnoses by number of the sentence, at positions of the sentence."""
        return {i: tuple(scan(s.text)) for i, s in enumerate(self.sentences)}

    def block(self, name: str) -> str:
        """All sentences of a block."""
        return "\n".join(s.text for s in self.sentences if s.block == name)

    def matches(self, pattern: re.Pattern[str]) -> Iterator[tuple[Sentence, re.Match[str]]]:
        """Every match inside a sentence."""
        for sentence in self.sentences:
            for match in pattern.finditer(sentence.text):
                yield sentence, match


def _sentences(raw: str) -> Iterator[Sentence]:
    block, position = "free", 0
    last: Sentence | None = None
    for mark in [*_END.finditer(raw), None]:
        # the stop belongs to its sentence, a tag to none
        piece_end = len(raw) if mark is None else mark.start() if _BLOCK.fullmatch(mark.group()) else mark.end()
        piece = raw[position:piece_end]
        if stripped := piece.strip():
            start = position + piece.index(stripped)
            under = last is not None and last.of_disease and _belongs(stripped, last, raw[last.end : start])
            last = Sentence(stripped, start, start + len(stripped), block, under)
            yield last
        if mark is None:
            return
        position = mark.end()
        if found := _BLOCK.fullmatch(mark.group()):
            block = (found["heading"] or found["tag"]).lower()
            block = "free" if block.startswith("/") else block


def _belongs(text: str, last: Sentence, between: str) -> bool:
    """Whether a sentence goes on with the entry on a disease that the last one opened."""
    if "<" in between or "[" in between or re.search(r"\n\s*\n", between):
        return False
    if text[0] in "-•*":
        return last.text.rstrip("* ").endswith(":") or (last.under and last.text[0] in "-•*")
    return bool(_GOES_ON.match(text))
