"""Rules on where the text has its knowledge from: a label, a file name or somebody's words instead of the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from skingpt_r1.knowledge.diagnoses import lineage, preferred, table
from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Text

_TOLD: Final = re.compile(
    r"\b(?:as|is|was|been|image|case|picture|lesion|photo\w*)\s+(?:\w+ly )?(?:label+ed|annotated|tagged|classed"
    r"|filed)\b"
    r"|\b(?:the|its|this|true|stated|given|provided|image|case|class|dataset)\s+(?:label|annotation|class name|tag)\b"
    r"(?! on the (?:dressing|ruler|skin|patient))"
    r"|\bground[- ]truth\b|\balready know(?:s|ing)? (?:that )?the (?:answer|diagnosis|label)\b|\b(?:annotators?"
    r"|labell?ers?) (?:call|name|label|say)\w*\b|\btarget (?:diagnosis|label|answer)\b|\bgold[- ]standard (?:label"
    r"|diagnosis)\b"
    r"|\b(?:given|provided|supplied|known|reference|stated|original|confirmed|correct|pre-?established|listed|true)"
    r"\s+(?:final )?(?:diagnosis|answer|label)\b"
    r"|\b(?:diagnosis|answer|condition)\s+(?:\w+ )?(?:was|is|has been)\s+(?:already |explicitly )?(?:given|provided"
    r"|stated"
    r"|supplied|known|suggested)\b(?! (?:for|to|as|by|from)\b)"
    r"|\b(?:was|were|been|is)\s+(?:already )?(?:suggested|named|given|mentioned|provided|stated|specified|listed)"
    r" (?:in|by|as) (?:the )?(?:prompt|question|user|query|title|task|label|input|diagnosis)\b"
    r"|\b(?:we|I) (?:were|was|am|are|have been) told that (?:this|it) is\b"
    r"|\bclass name\b|\b(?:was|were|been) (?:filed|classified) under\b"
    r"|\bdata\s?set\s+(?:gives|says|lists|names|calls|labels?)\b"
    r"|\b(?:folder|directory|category) (?:that|which|from which)? ?the (?:picture|image|photo\w*)\b"
    r"|\bwhile [\w ]{3,40} was suggested\b",
    re.IGNORECASE,
)
_FREE: Final = re.compile(
    r"\b(?:need\w*|requir\w*|biops\w*|histolog\w*|patholog\w*|no|not|without|never|cannot|can|would|should|could|may"
    r"|until|before|if|for an?|consult\w*|recommend\w*|to (?:reach|arrive|establish))\b",
    re.IGNORECASE,
)
_PAST: Final = re.compile(r"\b(?:history|previous(?:ly)?|earlier|once|family|prior|former|elsewhere)\b", re.IGNORECASE)
_CODED: Final = re.compile(r"[a-z]{2,5}|[A-Za-z]+(?:_[A-Za-z]+)+")

_FILE: Final = re.compile(
    r"\bfile(?:['’]s)?[- ]?(?:name|path|title)s?\b|\bname of the (?:image |picture )?file\b"
    r"|\bfile(?:\s+(?:is|was))?\s+(?:called|named|titled)\b"
    r"|[\w-]+\.(?:jpe?g|png|tiff?|bmp|gif|webp|heic|dcm)\b|\bISIC_\d{5,}\b"
    r"|\b(?:title|name|caption) (?:of|under|below|for) the (?:image|picture|photo(?:graph)?|figure)\b"
    r"|\b(?:image|picture|photo|figure)(?:['’]s)? (?:title|caption|name|url)\b"
    r"|\bhow the (?:image|picture|photo(?:graph)?|file) (?:was|is) (?:named|called|titled)\b",
    re.IGNORECASE,
)

_CITED: Final = re.compile(
    r"\b(?:provided|given|supplied|above|user['’]s|your|image|case|clinical|textual|written|verbal|original|detailed"
    r"|stated|patient['’]s)\s+(?:image |case |clinical |visual )?(?:descriptions?|vignette|account|scenario|text)\b"
    r"(?!\s*book)"
    r"|\b(?:descriptions?|text|vignette|information|details|account|scenario)\s+(?:that (?:was|is|were"
    r"|you) )?(?:given|provided"
    r"|supplied|above|presented|you (?:gave|provided|describe\w*))\b"
    r"|\b(?:the|this|your) (?:description|vignette|scenario|text|prompt|account)(?:\s+\w+ly)?\s+(?:mentions?|says?"
    r"|states?"
    r"|notes?|does|did|speaks?|suggests?|includes?|gives?|specif\w+|indicates?|aligns?|of (?:the|a|an|multiple)|lacks?"
    r"|emphasi\w+|highlights?|points?|fits?|match\w*|provides?|is|are|didn|doesn|you)\b"
    r"|\b(?:described|mentioned|stated|specified|detailed|provided|reported|listed|noted"
    r"|given) in the (?:\w+ ){0,2}(?:description"
    r"|prompt|text|vignette|case|scenario|question|information|account)\b"
    r"|\b(?:based on|according to|going by|from|per|in|match\w*|with|given) (?:the|this"
    r"|your) (?:\w+ ){0,2}description\b"
    r"|\b(?:(?:is|are|was|were)(?:n['’]t| not)|not) (?:explicitly |specifically |clearly |directly )?(?:described"
    r"|mentioned"
    r"|stated|specified)\b|\bno (?:mention|description) of\b|\bas described\b"
    r"|\b(?:the|these|those|is|are) (?:\w+ )?described (?:lesions?|features?|findings?|characteristics?|patterns?"
    r"|changes?"
    r"|morphology|location|presentation|distribution|appearance|as)\b"
    r"|\b(?:lesions?|features?|findings?|characteristics?|changes?|signs?|location|morphology)(?: \w+)? described\b"
    r"|\byou mention\w*\b|\b(?:provided|given|supplied) information\b|\byou (?:have |['’]ve )?describ\w+\b|\b(?:key "
    r"|clinical )?(?:features|details|lesions) (?:you )?(?:mentioned"
    r"|described)\b",
    re.IGNORECASE,
)
_LITERATURE: Final = re.compile(
    r"\b(?:first|literature|textbook|long ago|authors?|published|before|reviewers?|I describe|would need"
    r"|full description"
    r"|give a description|history|patient|he|she)\b",
    re.IGNORECASE,
)


@rule(
    "label-leak",
    Severity.ERROR,
    "<think>[observation] The lesion is labelled as melanoma. It has a ragged outline.",
    Given(label="mel"),
)
def label_leak(text: Text, given: Given) -> Iterator[Hit]:
    """The text knows the answer beforehand: it cites a label, or names the diagnosis among its observations.

    A description that was written with the label in view cannot be evidence for the label.
    """
    for sentence, match in text.matches(_TOLD):
        left, right = sentence.clause(match.start(), match.end())
        if not _FREE.search(sentence.text, left, min(right, match.start())) and not _FREE.search(
            sentence.text, match.end(), right
        ):
            yield Hit(
                sentence.start + match.start(), sentence.start + match.end(), "cites a label or a given diagnosis"
            )
    answers = {preferred(given.label or ""), text.narrative.diagnosis if text.structured else None} - {None}
    names = {name for answer in answers if answer in table() for name in lineage(answer)}
    for i, sentence in enumerate(text.sentences):
        if sentence.block != "observation" or _PAST.search(sentence.text):
            continue
        for m in text.mentions[i]:
            if m.diagnosis in names:
                yield Hit(sentence.start + m.start, sentence.start + m.end, "the observation names the diagnosis")
    if given.label and _CODED.fullmatch(given.label) and "_" in given.label:
        for sentence, match in text.matches(re.compile(rf"\b{re.escape(given.label)}\b")):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "the label in its raw spelling")


@rule("file-name-leak", Severity.ERROR, "The file name suggests a wart on the thumb.", Given(image="wart_12.jpg"))
def file_name_leak(text: Text, given: Given) -> Iterator[Hit]:
    """The text quotes or uses the file's name, folder or caption, which often hold the label."""
    patterns = [_FILE]
    if given.image:
        path = PurePosixPath(given.image.replace("\\", "/"))
        telling = [path.name, path.stem, *(p for p in path.parts[:-1] if len(p.split()) > 2)]
        telling = [t for t in dict.fromkeys(telling) if re.search(r"[\d_]", t) or len(t.split()) > 2]
        if telling:
            words = "|".join(re.escape(t) for t in sorted(telling, key=len, reverse=True))
            patterns.append(re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE))
    for pattern in patterns:
        for sentence, match in text.matches(pattern):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "cites the file, not the picture")


@rule("cites-description", Severity.ERROR, "Based on the description provided, the border is uneven.")
def cites_description(text: Text, given: Given) -> Iterator[Hit]:
    """The text reasons from somebody's description ("the text provided") and not from the picture."""
    for sentence, match in text.matches(_CITED):
        if not _LITERATURE.search(sentence.text):
            yield Hit(
                sentence.start + match.start(), sentence.start + match.end(), "cites a description, not the picture"
            )
