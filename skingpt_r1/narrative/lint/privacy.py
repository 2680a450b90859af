"""The rule on people: nothing in a text may tell who the patient or the doctor is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Text

_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATE: Final = (
    rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}"
    rf",?\s+\d{{4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})"
)
_NAME: Final = r"[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)?"
_KINDS: Final = {
    "a name": re.compile(
        rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau)\.?\s+(?!Nikolsky|Auspitz)[A-Z][\w'’-]+"
        rf"|\b(?i:patient(?:['’]s)? name|full name|surname|first name|name)\s*[:=]\s*{_NAME}"
        rf"|\b(?i:patient|man|woman|girl|boy)\s+(?i:named|called)\s+{_NAME}|\b(?:my|his|her) name is {_NAME}"
    ),
    "a date": re.compile(rf"\b{_DATE}\b"),
    "an e-mail address": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    "a telephone number": re.compile(
        r"(?<![\w.])(?:\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){1,5}\d{2,4}|\(\d{3}\)\s?\d{3}-\d{4}|\d{3}-\d{3}-\d{4}"
        r"|0\d{2,5}[ /-]\d{3,4}[ -]?\d{3,4})(?!\w|\.\d)"
    ),
    "a record number": re.compile(
        r"\b(?i:MRN|medical record|record|hospital|patient|chart|insurance|case file|NHS|social security|SSN"
        r"|passport|policy)"
        r"\s*(?i:number|no\.?|nr\.?|ID|#)?\s*[:#=]?\s*(?=[\w-]*\d[\w-]*\d)[A-Z]{0,3}[\d-][\w-]{4,}\b"
        r"|\b\d{3}-\d{2}-\d{4}\b"
    ),
    "an address": re.compile(
        r"\b\d{1,5}[a-z]?\s+(?:[A-Z][a-z]+\s){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Drive|Way|Square|Court|Place)\b"
    ),
}


@rule("identity", Severity.ERROR, "Patient name: Jane Roe, date of birth 04/11/1956.")
def identity(text: Text, given: Given) -> Iterator[Hit]:
    """Holds what can tell who somebody is: a name, full date, address, e-mail, telephone or record number.

    Eponyms ("Bowen disease"), ages, ranges and references are left alone.
    """
    for kind, pattern in _KINDS.items():
        for match in pattern.finditer(text.raw):
            yield Hit(match.start(), match.end(), f"{kind}: remove it")
