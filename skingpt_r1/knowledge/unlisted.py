"""The diagnosis that a text concludes with in words that the table does not hold: taken as written."""

from __future__ import annotations

import re
from typing import Final

from skingpt_r1.knowledge import statements
from skingpt_r1.knowledge.statements import Span

_CUE: Final = re.compile(
    r"(?:consistent with|diagnosis (?:here )?(?:is|of|would be|appears to be)|(?:is|are|as|be|appears to be|"
    r"likely) (?:\*\*)?(?:most )?likely|"
    r"indicative of|suggestive of|characteristic of|typical of|(?:you|patient) (?:\w+ ){0,2}(?:have|has)|case of|"
    r"(?:this|it|condition|lesion|presentation|these lesions) (?:is|are|represents?|appears? to be)|matches|"
    r"concludes? that .{0,40}\bis|"
    r"(?:strongly )?(?:suggests?|supports?|indicates?|points? to(?:wards?)?|points? strongly to(?:wards?)?))\s+"
    r"(?:the diagnosis of |an? diagnosis of |having )?(?:an?\s|the\s)?\**(?P<name>[A-Za-z][\w’'/ -]{3,60}?)\**"
    r"(?=[.,;:()*\n]|\s(?:with|due|as|which|that|given|based|because|on|in|affecting|rather|of the|caused|"
    r"secondary|and)\b|$)",
    re.I,
)
_NOT_A_NAME: Final = re.compile(
    r"\b(?:condition|process|diagnos\w+|etiology|cause|category|feature\w*|presentation|finding\w*|description|"
    r"image|disorder|"
    r"disease category|inflammation|infection|lesions?|lack|absence|presence|combination|following|likely|"
    r"response|nature|"
    r"involvement|changes?|problem|issue|evaluation|confirmation|treatment|possibilit\w+|malignancy|this|that|"
    r"these|your|skin|"
    r"you|it|supported|important|advisable|essential|crucial|necessary|recommended|not|no|explanation|history|"
    r"symptoms?|"
    r"benign|malignant|chronic|acute|chronicity|damage|pattern|one|more|less|evidence|reaction|further|several|"
    r"some|mild|"
    r"redness|scaling|itch\w*|pruritus|irritation|area|areas|time|type|variant|form|factors?|origin|exposure|"
    r"scratching)$|"
    r"^(?:not|no|any|what|how|due|most|more|less|very|highly|likely|that|this|these|those|its?|your|an?|the|"
    r"supported|"
    r"consistent|important|advisable|essential|crucial|necessary|seen|often|also|based|and|or|both|clear|in|on|by)\b",
    re.I,
)


def unlisted(text: str, start: int) -> Span | None:
    """The first phrase of text[start:] that a sentence concludes with and that reads like a name."""
    for sentence in statements.sentences(text):
        if sentence.start < start:
            continue
        for match in _CUE.finditer(text, sentence.start, sentence.end):
            place = Span(*match.span("name"))
            clause = statements.clause_around(text, sentence, place)
            if not _NOT_A_NAME.search(match["name"].strip()) and not statements.rejects(text, clause, place):
                return place
    return None
