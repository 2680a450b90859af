"""Rules on what a picture can show: nobody feels, smells or cuts a photograph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Sentence, Text
from skingpt_r1.records import Modality

_THING: Final = (
    r"(?:lesions?|nodules?|plaques?|papules?|lumps?|masse?s?|bumps?|patch(?:es)?|areas?|swellings?|skin|surface|rash"
    r"|spots?"
    r"|growths?|tumou?rs?|cysts?|base|edges?|borders?|it|they|blisters?|nodes?|tissue|bullae)"
)
_TOUCH: Final = r"(?:firm|indurated|hard|rubbery|tender|fluctuant|compressible|doughy|mobile|immobile|gritty|spongy)"
_FELT: Final = re.compile(
    rf"\b{_THING}\s+(?:\w+\s+){{0,2}}?(?:is|are|feels?|was|were|appears?|seems?)\s+(?:\w+,?\s+){{0,4}}?"
    rf"(?:{_TOUCH}|soft|warm|hot|cool)(?!\s+(?:to (?:see|tell|say|judge)|brown|red|pink|tones?|colou?rs?))\b"
    rf"|\b{_TOUCH},?\s+(?:and\s+)?(?:\w+,?\s+){{0,3}}?{_THING}\b"
    r"|\bfeels?\s+(?:\w+\s+)?(?:hard|soft|gritty|rough|firm|warm|hot|smooth|rubbery|like)\b"
    r"|\b(?:on|with|upon) (?:light |gentle |firm )?(?:palpation|touch|pressure|pinching)\b|\bto (?:the )?touch\b"
    r"|\bpalpa(?:ble"
    r"|tion|ted)\b"
    r"|\b(?:when|if|once) (?:it is )?(?:pressed|squeezed|pinched|touched|palpated|stroked|rubbed)\b"
    r"|\b(?:cannot|can|could) be moved\b|\b(?:velvety|greasy|sandy|gritty) (?:feel|to the touch)\b|\bfeels\b"
    r"|\bpressing (?:on )?(?:it|them|the)\b|\b(?:non-?)?blanch(?:es|ing|able)\b|\bdimples? (?:when|on|if|under|upon)\b"
    r"|\b(?:freely )?mov(?:able|es) (?:over|under|against)\b|\b(?:fixed|adherent) to (?:the )?(?:underlying|deep\w*)\b"
    r"|\binduration\b|\bNikolsky['’]?s? (?:sign )?(?:is )?positive\b|\bDarier['’]?s? sign is\b|\btenderness\b"
    r"|\bskin temperature\b|\b(?:local|increased|palpable) warmth\b|\bwarmth (?:of|over)\b|\bwarm (?:to|skin|area"
    r"|plaque|patch|lesion)\b",
    re.IGNORECASE,
)
_SMELLED: Final = re.compile(
    r"\b(?:mal)?odou?r(?:ous|less)?\b|\bsmell(?:s|y|ing)?\b|\bstench\b|\bfoul\b", re.IGNORECASE
)
_CELLS: Final = re.compile(
    r"\b(?:histologically|microscopically)\b,?[^.;]{0,12}\b(?:the|there|it|one|a)\b|\b(?:histolog\w*"
    r"|histopatholog\w*|biops(?:y|ies)|microscop\w+|pathology|immunofluorescence|KOH(?: \w+)?|cultures?"
    r"|dermatopathology|Tzanck(?: smear)?)\b(?!\s+(?:would|could|should|may|might|can|is|are|to|of|will))[^.;]{0,30}?"
    r"\b(?:shows?|showed|shown|reveal(?:s|ed)|demonstrat(?:es|ed)|confirms?|confirmed|proves?|proved|grew|found"
    r"|there (?:is|are)"
    r"|positive)\b"
    r"|\b(?:see|sees|seen|show(?:s|ing)?|reveals?|there (?:is|are)|observe|presence of|features?|displays?|exhibits?"
    r"|notes?)\b"
    r"[^.;:]{0,40}?\b(?:acanthosis|parakeratosis|spongiosis|atypical (?:melanocytes|keratinocytes|cells)|mitos[ei]s"
    r"|(?:lymphocytic|inflammatory|perivascular|dermal|neutrophilic|eosinophilic) infiltrat\w+|rete ridges"
    r"|keratin pearls"
    r"|Munro|basal layer|lymphocytes|pagetoid|Breslow|Clark level|acantholysis|nests of)\b",
    re.IGNORECASE,
)
_SYMPTOM: Final = re.compile(
    r"\b(?:itch(?:y|ing|iness)?|prurit(?:us|ic)|pain(?:ful)?|burning|stinging|tender|sore(?!s\b)|numb(?:ness)?)\b",
    re.IGNORECASE,
)
_SUFFERS: Final = re.compile(
    rf"\b{_THING}\s+(?:is|are)\s+(?:[\w]+,?\s+(?:and\s+)?){{0,2}}?(?:painful|itchy|sore|burning|itching)\b",
    re.IGNORECASE,
)
_SEEING: Final = re.compile(
    r"\b(?:see|seen|observe[ds]?|shows?|shown|showing|depicts?|visible|reveals?|displays?|exhibits?|picture"
    r"|image|photo(?:graph)?|notice)\b",
    re.IGNORECASE,
)
_THING_AFTER: Final = re.compile(rf"^,?\s+(?:and\s+)?(?:\w+,?\s+){{0,3}}?{_THING}\b", re.IGNORECASE)
_REPORTED: Final = re.compile(
    r"\b(?:history|reports?|reported|complains?|tells?|told|says?|patient|asked?|notes? itching|denie[sd]|symptoms?"
    r"|describe[sd]?"
    r"|intensely|explains?)\b",
    re.IGNORECASE,
)
_INFERRED: Final = re.compile(
    r"\b(?:suggest\w*|impl(?:y|ies|ied|ying)|indicat\w*|hint\w*|likely|probabl[ey]|appear\w*|seem\w*|perhaps|presum\w*"
    r"|consistent|risk|cause[sd]?|lead\w*|due to|because|explain\w*|potential\w*|associated|correlat\w*|represent\w*"
    r"|point\w*|reflect\w*|favou?rs?|looks?|looking|signif\w+|assess\w*|suspicio\w*|evaluat\w*|confirmation|help\w*"
    r"|avoid\w*|important|advis\w*|for (?:culture|biopsy|histology)|further)\b",
    re.IGNORECASE,
)

_SEEN_BY_EYE: Final = ("white lines or white structureless area", "grey patterns")  # words that scale earns too
_USUAL: Final = re.compile(
    r"\b(?:usually|typically|often|commonly|generally|classically|characteri[sz]ed|inconsistent)\b", re.IGNORECASE
)

_STRUCTURE: Final = re.compile(
    r"\b(?:(?:\w+ )?pigment(?:ed)? net(?:work)?s?|pseudo-?network|reticular (?:network|lines)|milia-like cysts?"
    r"|comedo-?like openings?"
    r"|arbori[sz]ing (?:vessels|telangiectasi\w+)|blue-?\s?white (?:veil|structures?)|blu(?:e|ish)-?(?:grey|gray"
    r"|whit(?:e|ish)) veil"
    r"|pseudopods?|(?:radial|peripheral) stre(?:ak|am)\w*|(?:brown|black|peripheral|blue|grey|gray"
    r"|pigment)? ?(?:dots and )?globules?"
    r"|(?:dotted|glomerular|hairpin|polymorphous|comma|coiled|corkscrew) vessels|leaf-?like (?:areas|structures)"
    r"|spoke-?wheel\w*|ovoid nests|blue-?gr[ea]y (?:ovoid nests|globules|dots|peppering)|peppering"
    r"|regression structures?"
    r"|red(?:-blue)? lacun(?:ae|es?|as)|strawberry pattern|rosettes?|cerebriform pattern|fingerprint-?like"
    r"|moth-?eaten borders?"
    r"|chrysalis|crystalline structures?|shiny white (?:lines|streaks)|delicate network|network around"
    r"|homogen(?:e)?ous blue"
    r"|parallel (?:ridge|furrow) pattern|starburst pattern|annular-granular)\b"
    r"|\b(?:under|on) (?:the )?dermoscopy\b|\b(?:on|under|by|with|through) (?:the )?(?:dermoscop[yei]\w*"
    r"|dermatoscop\w+)[^.;]{0,30}?\b(?:shows?|reveals?"
    r"|there|seen)\b",
    re.IGNORECASE,
)


@rule("unseeable-finding", Severity.ERROR, "The nodule is firm to the touch and the image shows an itchy rim.")
def unseeable_finding(text: Text, given: Given) -> Iterator[Hit]:
    """States a finding that no picture shows: felt, smelled, measured as warmth, seen in a microscope, or itching.

    What the history told, what is usual for a disease, and what an examination would show are left alone.
    """
    told = given.history
    for pattern, message in (
        (_FELT, "nobody can feel a picture"),
        (_SMELLED, "nobody can smell a picture"),
        (_CELLS, "no microscope was given"),
        (_SUFFERS, "a symptom is told, not seen"),
    ):
        for sentence, match in text.matches(pattern):
            if _of_this_picture(sentence, match):
                yield Hit(sentence.start + match.start(), sentence.start + match.end(), message)
    for sentence, match in text.matches(_SYMPTOM):
        as_seen = _SEEING.search(sentence.text) and _THING_AFTER.match(sentence.text[match.end() :])
        known = told is not None and (told.itch or told.hurt)
        if as_seen and not known and _of_this_picture(sentence, match):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "a symptom is told, not seen")


def _of_this_picture(sentence: Sentence, match: re.Match[str]) -> bool:
    left, right = sentence.clause(match.start(), match.end())
    if sentence.block == "differential" and sentence.head:
        return False
    return (
        sentence.asserts(match.start(), match.end())
        and not _USUAL.search(sentence.text)
        and not _REPORTED.search(sentence.text, left, right)
        and not _INFERRED.search(sentence.text, left, right)
    )


@rule(
    "dermoscopy-on-clinical",
    Severity.ERROR,
    "A pigment network covers the spot.",
    Given(modality=Modality.CLINICAL),
)
def dermoscopy_on_clinical(text: Text, given: Given) -> Iterator[Hit]:
    """States dermoscopic structures of a clinical photograph, which shows none.

    Silent where the picture is dermoscopic or nobody, not even the text, says how it was taken.
    """
    said = {c.value for c in text.narrative.claims if c.concept == "modality" and c.polarity}
    modality = given.modality or (Modality.CLINICAL if said == {"clinical"} else None)
    if modality is not Modality.CLINICAL:
        return
    for sentence, match in text.matches(_STRUCTURE):
        left, right = sentence.clause(match.start(), match.end())
        if sentence.asserts(match.start(), match.end()) and not re.search(
            r"\bdermatologist|\bdoctor|\bdermatoscope\b", sentence.text[left:right]
        ):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "no photograph shows this")
    for i, sentence in enumerate(text.sentences):
        if sentence.block in ("category", "differential", "synthesis", "answer"):
            continue
        for m in text.mentions[i]:
            telling = m.key and m.key[0] == "structure" and m.key[1] not in _SEEN_BY_EYE
            if telling and m.key and m.key[2] and sentence.asserts(m.start, m.end):
                yield Hit(sentence.start + m.start, sentence.start + m.end, "no photograph shows this")
