"""Rules on advice: calm where a red flag stands, doses that no photograph can prescribe, and none at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from skingpt_r1.knowledge.diagnoses import BY_URGENCY, table
from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Sentence, Text

_CARE: Final = (
    r"(?:doctors?|dermatolog\w+|visits?|check-?\s?ups?|checks?|follow-?\s?ups?|biops\w+|referrals?|examinations?"
    r"|appointments?|controls?|physicians?|specialists?)"
)
_CALM: Final = re.compile(
    rf"\bno\s+(?:\w+\s+)?(?:need|reason|cause)\s+(?:to|for)\s+(?:\w+\s+){{0,4}}?(?:{_CARE}|worr\w+|concern|alarm|see"
    rf"|hurry)\b"
    r"|\b(?:nothing|no need|not?|\w+n['’]t|never)\s+(?:to\s+|be\s+|much to )*(?:worr(?:y|ied|isome)|alarm\w*|afraid)\b"
    r"|\b(?:can|may) (?:safely |well )?be (?:ignored|left alone|dismissed)\b"
    r"|\bno (?:cause|reason) (?:for|to) (?:\w+ )?(?:concern|alarm|worry)\b"
    rf"|\bno\s+(?:further\s+|medical\s+)?{_CARE}\s+(?:is|are)\s+(?:needed|necessary|required|called for)\b"
    rf"|\b{_CARE}\s+(?:is|are|would be)\s+(?:unnecessary|superfluous|not (?:needed|necessary|required|indicated))\b"
    rf"|\b(?:not|\w+n['’]t|never)\s+(?:need|have|bother)\s+(?:to\s+)?(?:see|consult|visit|show|go|with|worry)\b"
    rf"|\b(?:skip|bother|forget)\s+(?:the |a |about )?{_CARE}\b"
    r"|\b(?:ignore|leave|dismiss|disregard|forget about)\s+(?:it|this|the (?:lesion|spot|mole))\b(?:\s+alone|\s+be)?"
    r"|\b(?:wait|sit back)\s+and\s+relax\b",
    re.IGNORECASE,
)
_SOFT: Final = re.compile(
    r"\b(?:completely|entirely|perfectly|absolutely|totally|quite|certainly|definitely|it is|this is)"
    r"\s+(?:harmless|safe|innocuous|benign and)\b|\brest assured\b|\bnothing\s+(?:serious|dangerous|malignant)\b"
    r"|\bno danger\b",
    re.IGNORECASE,
)
_REVERSED: Final = re.compile(
    r"\b(?:not|never|nobody|wrong|mistake|cannot|\w+n['’]t|unwise|dangerous to|if|unless|probably|until|rather than)\b",
    re.IGNORECASE,
)
_SIGN: Final = re.compile(
    r"\b(?:bleed(?:s|ing)?|bled|grew|grown|growing|growth(?= (?:reported|within|in|over))|recent growth"
    r"|rapid(?:ly)? gr\w+|recent change|has changed|changing|chang(?:es|ed) (?:in|of|its)|ulcer(?:s|ated|ation)?"
    r"|non-?healing|not heal\w*|irregular border|ragged outline|several colou?rs|varied colou?rs|asymmetr\w+"
    r"|blue-?white veil|immunosuppress\w*)\b",
    re.IGNORECASE,
)
_CANCER: Final = re.compile(r"\b(?:melanomas?|carcinomas?|malignan\w+|skin cancers?)\b", re.IGNORECASE)
_IF: Final = re.compile(r"\b(?:if|whether|unless|may|might|would|could|should|when|often|usually)\b", re.IGNORECASE)
_LESS: Final = re.compile(r"\b(?:unlikely|less|unlike|typically|usually|rul\w+ out|rather than)\b", re.IGNORECASE)
_NOT_EXCLUDED: Final = re.compile(r"\s+(?:can ?not|can['’]t) be (?:\w+ )?(?:excluded|ruled out)", re.IGNORECASE)
_NUMBER: Final = r"(?:\d+(?:[.,]\d+)?(?:\s?(?:-|–|to)\s?\d+(?:[.,]\d+)?)?|one|two|three|four|half an?)"
_DRUG: Final = (
    r"\w*(?:cort\w+|sone|olone|cycline|cillin|floxacin|mycin|micin|ovir|vir|azole|nafine|mectin|tretinoin|retin\w*"
    r"|trexate|rolimus|profen|cetamol|uracil|quimod|betasol|fen|mab|nib|zine|dine|amine|statin|prim|oxide|acid)"
)
_DOSE: Final = re.compile(
    rf"\b{_NUMBER}\s?(?:mg|milligrams?|micrograms?|mcg|µg|μg|g|grams?|IU|units?|ml|millilit\w+|mL)\b"
    rf"(?:\s?(?:/|per|a)\s?(?:kg|kilo\w*|day|dose|week|d))?"
    rf"|\b{_DRUG}\b(?:\s+(?:cream|ointment|gel|lotion|solution|shampoo|at))?\s+{_NUMBER}\s?(?:%|percent)"
    rf"|\b{_NUMBER}\s?(?:%|percent)\s+(?:\w+ )?(?:{_DRUG}|cream|ointment|gel|lotion|solution|shampoo)\b"
    rf"|\b{_NUMBER}\s+(?:tablets?|capsules?|pills?|drops|puffs)\b"
    rf"|\b(?:appl\w+|take|use|rub\w*|inject\w*|{_DRUG})\b[^.;]{{0,60}}?\b(?:once|twice|{_NUMBER} times"
    rf"|every \w+ hours?)\b(?:\s+(?:a|per|each))?\s*(?:day|daily|week|weekly|hours)?"
    rf"|\b(?:freez\w+|liquid nitrogen)[^.;]{{0,30}}\b{_NUMBER}\s?(?:seconds|s)\b",
    re.IGNORECASE,
)
_NOT_A_DOSE: Final = re.compile(
    r"\b(?:history|taking|took|takes|had taken|was given|were given|received|was treated|blood|serum|level|picture"
    r"|image|in practice"
    r"|sunscreen|SPF)\b",
    re.IGNORECASE,
)
_ADVICE: Final = re.compile(
    r"\b(?:recommend\w*|advis\w*|should|must|consult\w*|see|seek\w*|refer\w*|needs?|needed|requir\w*|warrant\w*"
    r"|confirm\w*"
    r"|important|essential|crucial|necessary|suggested?|consider\w*|would|could|may|can|next|soon|urgent\w*|show"
    r"|have|be|visit"
    r"|ensure|helps?|further|indicated|beneficial|useful|please|watch|keep|follow\w*|schedule|book|arrange"
    r"|perform\w*)\b"
    r"[^.!?]{0,160}?\b(?:dermatolog\w+|doctors?|physicians?|specialists?|(?:health)?care|clinicians?|professional\w*|GP"
    r"|biops\w+|histolog\w*|histopatholog\w*|dermatoscop\w*|dermoscop\w*|follow[- ]?ups?|monitor\w*|evaluat\w+"
    r"|examin\w+"
    r"|tests?|testing|cultures?|KOH|scrap\w+|patch test\w*|swabs?|check\w*|excis\w*|appointment|referral|review|visit"
    r"|treat\w*|manag\w*|therap\w*|workup|work-up|investigat\w*|see a|grows|changes)\b",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(
    r"\b(?:follow-?up|referral|biopsy|consultation|excision|appointment|next step\w*"
    r"|(?:see|consult) an? (?:dermatologist|doctor))\b"
    r"[^.;]{0,60}\b(?:is|are|would|should|recommended|advised|warranted|soon|within|needed|indicated|required)\b"
    r"|\b(?:treatment|management|therapy)\b[^.;]{0,60}\b(?:include|involve|consist|would|should|may|is|are)\w*\b"
    r"|\b(?:dermatologists?|doctors?|physicians?|specialists?|clinicians?) (?:should|must|needs? to|has to|have to)\b",
    re.IGNORECASE,
)


@rule("unsafe-reassurance", Severity.ERROR, "The mole bleeds and has grown, but there is nothing to worry about.")
def unsafe_reassurance(text: Text, given: Given) -> Iterator[Hit]:
    """Reassures, or sends nobody to a doctor, although the text itself names a red flag or a cancer."""
    told = given.history
    signs = any(_stands(s, m) and not _IF.search(s.text, *s.clause(*m.span())) for s, m in text.matches(_SIGN))
    signs = signs or bool(told and (told.bleed or told.grew or told.changed))
    flagged = signs or any(_stands(s, m) and not _LESS.search(s.text) for s, m in text.matches(_CANCER))
    for pattern, due in ((_CALM, flagged), (_SOFT, signs)):
        for sentence, match in text.matches(pattern) if due else ():
            if not (sentence.of_disease or _turned_round(sentence, match)):
                yield Hit(
                    sentence.start + match.start(), sentence.start + match.end(), "calms although a red flag stands"
                )
    n = text.narrative
    row = table().get(n.diagnosis or "")
    if (
        row
        and row.malignant == "malignant"
        and n.urgency
        and BY_URGENCY.index(n.urgency) < BY_URGENCY.index(row.urgency)
    ):
        answer = next(s for s in reversed(text.sentences) if s.block == "answer")
        start = answer.text.rfind("|") + 1
        message = f"{n.diagnosis} is usually {row.urgency.value}"
        yield Hit(answer.start + start, answer.end, message)


def _stands(sentence: Sentence, match: re.Match[str]) -> bool:
    start, end = match.span()
    open_ = _NOT_EXCLUDED.match(sentence.text, end)
    denied = sentence.denied(start, end) and not open_
    return not (sentence.of_disease or denied or sentence.of_other(start))


def _turned_round(sentence: Sentence, match: re.Match[str]) -> bool:
    left, _ = sentence.clause(match.start(), match.end())
    return bool(_REVERSED.search(sentence.text, left, match.start()))


@rule("treatment-dose", Severity.ERROR, "Take doxycycline 100 mg twice daily.")
def treatment_dose(text: Text, given: Given) -> Iterator[Hit]:
    """Prescribes a dose or how often to take or apply a drug. A picture is no ground for that.

    What was taken before, and measurements in millimetres or percent of the picture, are left alone.
    """
    for sentence, match in text.matches(_DOSE):
        if not _NOT_A_DOSE.search(sentence.text) and not sentence.text.endswith("?"):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "a dose, from a picture")


@rule("missing-next-step", Severity.WARNING, "<think>Brown.</think><answer>wart | high</answer>")
def missing_next_step(text: Text, given: Given) -> Iterator[Hit]:
    """The text does not say what to do next: whom to see, what to test, what to watch."""
    if text.structured:
        missing = text.narrative.urgency is None
    else:
        spoken = [s.text for s in text.sentences if not s.of_disease]
        missing = text.narrative.urgency is None and not any(_ADVICE.search(s) or _NEXT.search(s) for s in spoken)
    if missing and text.sentences:
        end = text.sentences[-1].end
        yield Hit(end, end, "no next step")
