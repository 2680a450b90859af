"""Compares a claim about the history with what was told: numbers, words, yes and no, and body sites.

Sites are the hard part: "back" is right where "upper back" was told, "upper back" is more than was told where
"back" was, and datasets speak of regions ("trunk", "lower extremity") that contain both.
"""

from __future__ import annotations

from typing import Final

from skingpt_r1.records import Claim, History

_FIELDS: Final = {"skin type": "skin_type", "diameter": "diameter_mm"}
_TOLERANCE: Final = {"age": 1.0, "skin type": 0.5, "diameter": 0.5}  # years, types, millimetres
_WORDS: Final = {
    "itch": "itching",
    "grew": "growth",
    "hurt": "pain",
    "changed": "change",
    "bleed": "bleeding",
    "elevation": "a raised surface",
}
_UNITS: Final = {"age": " years", "diameter": " mm"}
_REGIONS: Final = {
    region: frozenset(sites.split(", "))
    for region, sites in {
        "trunk": "abdomen, back, breast, buttock, chest, flank, torso, trunk",
        "torso": "abdomen, back, breast, buttock, chest, flank, torso, trunk",
        "anterior torso": "abdomen, breast, chest",
        "posterior torso": "back, buttock",
        "arm": "axilla, elbow, finger, forearm, hand, palm, shoulder, thumb, wrist",
        "upper extremity": "arm, axilla, elbow, finger, forearm, hand, palm, shoulder, thumb, wrist",
        "leg": "ankle, calf, foot, heel, hip, knee, shin, sole, thigh, toe",
        "lower extremity": "ankle, calf, foot, heel, hip, knee, leg, shin, sole, thigh, toe",
        "head/neck": "cheek, chin, ear, eyelid, face, forehead, head, lip, neck, nose, scalp, temple",
        "face": "cheek, chin, eyelid, forehead, lip, nose, temple",
        "palms/soles": "palm, sole",
        "acral skin": "finger, foot, hand, heel, nail, palm, palms/soles, sole, thumb, toe",
        "hand": "finger, palm, thumb",
        "foot": "heel, sole, toe",
    }.items()
}
"""What a region holds; the last word of a site is looked up, so that "upper back" is found as "back"."""


def compare(claim: Claim, history: History) -> tuple[float, str]:
    """(support, sentence) of a history claim: 1 told so, 0 told otherwise or not told, 0.5 undecided."""
    told = getattr(history, _FIELDS.get(claim.concept, claim.concept))
    word = _WORDS.get(claim.concept, claim.concept)
    if told is None:
        return 0.0, f"nothing was told about {word}, so the writer cannot know it"
    if isinstance(told, bool):
        answer = "yes" if told else "no"
        return float(told == claim.polarity), f"the history says {answer} to {word}"
    if claim.concept == "site":
        return _site(claim.value, str(told))
    detail = f"the history says: {word} {told if isinstance(told, str) else f'{told:g}'}"
    if isinstance(told, str):
        agrees = claim.value == told.strip().lower()
    else:
        agrees = _agree(claim.value, float(told), _TOLERANCE[claim.concept])
    return float(agrees == claim.polarity), detail + _UNITS.get(claim.concept, "")


def _agree(claimed: str, told: float, tolerance: float) -> bool:
    try:
        return abs(float(claimed) - told) < tolerance
    except ValueError:
        return False


def _site(claimed: str, told: str) -> tuple[float, str]:
    told = " ".join(told.lower().split())
    detail = f"the history says: site {told}"
    if claimed == told or _within(told, claimed):
        return 1.0, detail
    if _within(claimed, told):
        return 0.5, f"{detail}, which is less exact than the claim"
    return 0.0, detail


def _within(part: str, whole: str) -> bool:
    """Whether `part` ("left upper back") lies in, or spells out, `whole` ("back", "trunk")."""
    words, members = part.split(), _REGIONS.get(whole, frozenset())
    return set(whole.split()) <= set(words) or part in members or bool(words and words[-1] in members)
