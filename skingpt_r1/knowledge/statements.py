"""What a sentence does with a diagnosis that it names: concludes with it, rejects it, or mentions it in passing.

Word patterns, not grammar: they were read off texts by others, and each is general English of a clinical
conclusion. A pattern that rejects reaches to the end of its clause, as in "rules out eczema, tinea and psoriasis".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SENTENCE_END: Final = re.compile(r"[.!?](?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!etc\.)(?<!spp\.)(?=[\s*)\"”]|$)|\n|</?\w+>")
_CLAUSE_END: Final = re.compile(
    r";|—|\s--?\s|,?\s\b(?:but|however|although|though|whereas|while|yet)\b|,\s(?=(?:the|this|these|which|it|"
    r"making|with"
    r"|I|there|and\s(?:the|this|is|it))\b)",
    re.I,
)
_BUT_FIRST: Final = re.compile(
    r"\W*(?:while|although|though|unlike|despite|whereas|other|alternative|differential|even if|if)\b", re.I
)

_LONGEST_SENTENCE: Final = 1000  # characters

REJECTED_BEFORE: Final = re.compile(
    r"\b(?:not|never|neither|nor|without|cannot|\w+n['’]t|rul(?:e|es|ed|ing)\s+out|exclud\w+|exclusion of|unlike|"
    r"argu\w+ (?:strongly )?against|against|rather than|instead of|as opposed to|(?:more|less)\b.{0,40}\bthan|over|"
    r"no (?:\w+ ){0,3}(?:of|for|for a)?|absence of|lack of|lack\w*|less\s+(?:likely|consistent|typical|"
    r"suggestive|probable|"
    r"indicative|characteristic|fitting)|unlikely|distinguish\w*|differentiat\w+|mimic\w*|mistaken for|confused with|"
    r"eliminat\w+|dismiss\w*|inconsistent with|rarer? (?:causes?|conditions?))(?=\W|$)",
    re.I,
)
REJECTED_AFTER: Final = re.compile(
    r"\b(?:less\s+(?:likely|probable|consistent|fitting|typical|suggestive|convincing|common)|unlikely|improbable|"
    r"(?:is|are|was|were|be|been)\s+(?:\w+\s+){0,2}(?:ruled out|excluded|considered|inconsistent|dismissed|"
    r"eliminated)|"
    r"does\s+not|do\s+not|did\s+not|is\s+not|are\s+not|isn['’]t|aren['’]t|doesn['’]t|don['’]t|lacks?\b|"
    r"would\s+(?:typically|usually|likely|more|present|show|have|be expected)|not\s+(?:fit|match|align)|(?:can|"
    r"could|might|may)\s+"
    r"(?:also\s+)?(?:be\s+considered|mimic|resemble))",
    re.I,
)
DESCRIBED_AFTER: Final = re.compile(
    r"^[\s*_)]*(?:\([^)]*\)[\s*_]*)?:?[\s*_]*(?:(?:can|could|may|might)\b|(?:usually|typically|often|generally|"
    r"commonly|normally|"
    r"classically)\s+\w+)",
    re.I,
)
IN_PASSING: Final = re.compile(
    r"\b(?:risk of|risk for|such as|like|e\.g\.?,?|transform\w*|progress\w* (?:to|into)|secondary|due to|caused by|"
    r"triggered by|result of|resulting from|complicat\w+|seen in|associated with|underlying|history of|superimposed|"
    r"coexist\w*|concurrent|concomitant|along with|accompanied by|treat\w* for|common(?:ly)? in|possible|potential|"
    r"possibly|perhaps|particularly in|consider\w*|differentials?|including|unless|if|monitor\w*|develop\w*|signs of|"
    r"suspicion (?:of|for)|features of|a component of|elements? of|overlap\w*|between|background of|setting of|"
    r"context of)"
    r"(?=\W|$)",
    re.I,
)
CONCLUDING: Final = re.compile(
    r"\b(?:in conclusion|in summary|to summari[sz]e|conclu\w+|diagnos(?:is|es|ed|tic)|therefore|thus|hence|overall|"
    r"final\w*|synthesi\w+|ultimately|based on|deduc\w+|all in all|taken together|putting it together)\b",
    re.I,
)
ASSERTING: Final = re.compile(
    r"\b(?:consistent with|most likely|likely|probably|appears?|seems?|suggest\w*|suspect\w*|point\w*|align\w*|"
    r"fit\w*|"
    r"match\w*|indicat\w+|characteristic|hallmark\w*|pathognomonic|classic|typical (?:of|for)|"
    r"you\b.{0,30}\bhave|has|represent\w*|"
    r"support\w*|favou?r\w*|confirm\w*|explain\w*|compatible|keeping with|case of|experiencing|suffering from|"
    r"exhibits?|"
    r"present\w*|shows?|am confident|is|are|as|correspond\w*|lean\w*|termed|identif\w+|reflect\w*|depict\w*|had|have|"
    r"called|known as|attribut\w+|evident|leads?)\b",
    re.I,
)
ADVISING: Final = re.compile(
    r"\b(?:recommend\w*|advis\w+|consult\w*|biops\w+|treatment|manage\w*|should|avoid\w*|follow-up|"
    r"monitor\w*)\b",
    re.I,
)
HEALTHY: Final = re.compile(
    r"\b(?:nothing (?:is )?(?:\w+ )?wrong|no (?:\w+ ){0,4}(?:skin )?(?:disease|disorder|abnormalit\w+|"
    r"patholog\w+|condition|lesions?)"
    r"\b.{0,40}\b(?:present|visible|evident|seen|identified|described|detected)|no (?:evidence|sign|signs|"
    r"indication) of (?:a |any )?"
    r"(?:\w+ ){0,3}(?:skin|dermatolog\w+|patholog\w*) (?:disease|disorder|condition|abnormalit\w+|issue|patholog\w+)|"
    r"(?:healthy|normal) skin\b|skin (?:is|appears|looks) (?:to be )?(?:\w+ )?(?:healthy|normal)|normal variant)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Span:
    """text[start:end], end excluded."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """The sentences, list items and tag-free stretches of a text, in its order; endless ones are cut to pieces.

    Without the cut, a text of one sentence and ten thousand names would take quadratic time.
    """
    return [
        Span(start, min(start + _LONGEST_SENTENCE, part.end))
        for part in _parts(text, Span(0, len(text)), _SENTENCE_END)
        for start in range(part.start, part.end, _LONGEST_SENTENCE)
    ]


def clauses(text: str, sentence: Span) -> list[Span]:
    """The clauses of a sentence: a rejection holds within one."""
    return _parts(text, sentence, _CLAUSE_END)


def clause_around(text: str, sentence: Span, place: Span) -> Span:
    """The clause of the sentence that holds the place."""
    return next((c for c in clauses(text, sentence) if c.start <= place.start < c.end), sentence)


def rejects(text: str, clause: Span, place: Span) -> bool:
    """Whether the clause denies, excludes or outweighs what stands at the place."""
    before, after = text[clause.start : place.start], text[place.end : clause.end]
    return bool(REJECTED_BEFORE.search(before) or REJECTED_AFTER.search(after[:90]))


def concedes(text: str, clause: Span) -> bool:
    """Whether the clause only grants something on the way to the point: "while eczema is possible"."""
    return bool(_BUT_FIRST.match(text, clause.start, clause.end))


def _parts(text: str, whole: Span, boundary: re.Pattern[str]) -> list[Span]:
    found: list[Span] = []
    start = whole.start
    for match in boundary.finditer(text, whole.start, whole.end):
        if text[start : match.start()].strip():
            found.append(Span(start, match.start()))
        start = match.start() if boundary is _CLAUSE_END else match.end()
    if text[start : whole.end].strip():
        found.append(Span(start, whole.end))
    return found
