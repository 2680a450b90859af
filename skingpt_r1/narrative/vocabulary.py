"""What a narrative can claim, and the plain English for each claim.

Every claim key (concept, value, polarity) has three or more short noun phrases: writing picks one, reading
knows them all and some more (`READINGS`, never written). Each phrase belongs to one key only, so that
longest-match scanning gives the key back without loss. Phrases may start with "a " or "an ": the article is
written in running text and dropped in lists. Age, site, diameter and skin type take open values.
"""

from __future__ import annotations

import re
from typing import Final

from skingpt_r1.records import Claim, History

Key = tuple[str, str, bool]

SHAPE: Final = ("size", "symmetry", "border", "edge")
INSIDE: Final = ("colour", "variety", "structure")
SYMPTOMS: Final = ("itch", "grew", "hurt", "changed", "bleed", "elevation")
OPEN_CONCEPTS: Final = ("age", "site", "diameter", "skin type")
HISTORY_CONCEPTS: Final = ("age", "site", "sex", *SYMPTOMS, "diameter", "skin type")
COLOURS: Final = ("light brown", "dark brown", "black", "blue-grey", "red", "pink", "white", "yellow")

_SAID: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("size", "small"): ("small size", "small extent", "small area"),
    ("size", "medium"): ("medium size", "medium extent", "medium area"),
    ("size", "large"): ("large size", "large extent", "large area"),
    ("symmetry", "symmetric"): ("a symmetric shape", "a balanced shape", "symmetry"),
    ("symmetry", "asymmetric"): ("an asymmetric shape", "a lopsided shape", "asymmetry"),
    ("border", "regular"): ("a regular border", "an even outline", "a smooth outline"),
    ("border", "irregular"): ("an irregular border", "an uneven outline", "a ragged outline"),
    ("edge", "sharp"): ("a sharp edge", "a well-defined edge", "a crisp edge"),
    ("edge", "blurred"): ("a blurred edge", "an ill-defined edge", "a fading edge"),
    ("variety", "uniform"): ("uniform colour", "even colour", "one or two colours"),
    ("variety", "varied"): ("varied colours", "several colours", "mixed colours"),
    ("modality", "dermoscopy"): ("dermoscopic image", "dermoscopic view", "dermoscopic picture"),
    ("modality", "clinical"): ("clinical photograph", "clinical view", "clinical picture"),
    ("structure", "thick reticular or branched lines"): (
        "thick reticular lines",
        "thick branched lines",
        "thick network lines",
    ),
    ("structure", "eccentric structureless area"): (
        "an eccentric structureless area",
        "an off-centre structureless area",
        "an eccentric blotch",
    ),
    ("structure", "grey patterns"): ("grey patterns", "grey structures", "grey dots or lines"),
    ("structure", "polymorphous vessels"): (
        "polymorphous vessels",
        "mixed vessels",
        "vessels of many shapes",
    ),
    ("structure", "peripheral black dots or globules"): (
        "peripheral black dots",
        "peripheral black globules",
        "black dots at the rim",
    ),
    ("structure", "white lines or white structureless area"): (
        "white lines",
        "a white structureless area",
        "white streaks",
    ),
    ("structure", "partial pseudopods or radial lines"): (
        "partial radial lines",
        "partial pseudopods",
        "radial lines on one side",
    ),
    ("structure", "circumferential pseudopods or radial lines"): (
        "circumferential radial lines",
        "circumferential pseudopods",
        "radial lines all round",
    ),
    ("structure", "one pattern and one colour"): (
        "one pattern and colour",
        "a single pattern and colour",
        "one pattern in one colour",
    ),
    ("structure", "symmetrical patterns and colours"): (
        "symmetric patterns and colours",
        "balanced patterns and colours",
        "evenly placed patterns",
    ),
    ("structure", "asymmetric patterns and colours"): (
        "asymmetric patterns and colours",
        "lopsided patterns and colours",
        "unevenly placed patterns",
    ),
    ("structure", "monomorphic vessels"): ("monomorphic vessels", "uniform vessels", "vessels of one shape"),
    ("sex", "female"): ("female sex", "a female patient", "a woman"),
    ("sex", "male"): ("male sex", "a male patient", "a man"),
    ("itch", "yes"): ("itching", "itching reported", "reported itch"),
    ("grew", "yes"): ("recent growth", "growth reported", "reported growth"),
    ("hurt", "yes"): ("pain", "pain reported", "reported tenderness"),
    ("changed", "yes"): ("recent change", "change reported", "reported change"),
    ("bleed", "yes"): ("bleeding", "bleeding reported", "recent bleeding"),
    ("elevation", "yes"): ("a raised surface", "elevation", "elevation reported"),
}
for _colour in COLOURS:
    _SAID["colour", _colour] = tuple(f"{_colour} {noun}" for noun in ("areas", "colour", "tones"))

_DENIED: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("itch", "yes"): ("no itching", "no itch", "itching denied"),
    ("grew", "yes"): ("no growth", "no recent growth", "growth denied"),
    ("hurt", "yes"): ("no pain", "no tenderness", "pain denied"),
    ("changed", "yes"): ("no change", "no recent change", "change denied"),
    ("bleed", "yes"): ("no bleeding", "no recent bleeding", "bleeding denied"),
    ("elevation", "yes"): ("a flat surface", "no elevation", "no raised surface"),
    ("structure", "one pattern and one colour"): (
        "more than one pattern or colour",
        "no single pattern and colour",
        "several patterns",
    ),
}
for _key, _phrases in list(_SAID.items()):
    if _key[0] == "colour":
        _DENIED[_key] = tuple(f"no {word}" for word in (_key[1], *_phrases))
    elif _key[0] == "structure" and _key not in _DENIED:
        _DENIED[_key] = tuple(f"no {re.sub('^an? ', '', p)}" for p in _phrases)

WRITINGS: Final[dict[Key, tuple[str, ...]]] = {
    **{(c, v, True): phrases for (c, v), phrases in _SAID.items()},
    **{(c, v, False): phrases for (c, v), phrases in _DENIED.items()},
}

OPEN_WRITINGS: Final[dict[str, tuple[str, ...]]] = {
    "age": ("age {}", "age of {}", "{} years of age"),
    "site": ("location on the {}", "site on the {}", "position on the {}"),
    "diameter": ("diameter of {} mm", "{} mm across", "{} mm wide"),
    "skin type": ("skin type {}", "Fitzpatrick type {}", "phototype {}"),
}

SITES: Final = (
    "abdomen",
    "acral skin",
    "ankle",
    "anterior torso",
    "arm",
    "axilla",
    "back",
    "breast",
    "buttock",
    "calf",
    "cheek",
    "chest",
    "chin",
    "ear",
    "elbow",
    "eyelid",
    "face",
    "finger",
    "foot",
    "forearm",
    "forehead",
    "genital area",
    "groin",
    "hand",
    "head/neck",
    "heel",
    "hip",
    "knee",
    "lateral torso",
    "leg",
    "lip",
    "lower extremity",
    "lower leg",
    "nail",
    "neck",
    "nose",
    "oral/genital",
    "palm",
    "palms/soles",
    "posterior torso",
    "scalp",
    "shin",
    "shoulder",
    "sole",
    "temple",
    "thigh",
    "thumb",
    "toe",
    "torso",
    "trunk",
    "upper arm",
    "upper back",
    "upper extremity",
    "wrist",
)

# Read, never written: what other people's texts and language models say for the same thing.
READINGS: Final[dict[Key, tuple[str, ...]]] = {
    ("size", "small", True): ("small lesion", "small in size"),
    ("size", "medium", True): ("medium lesion", "medium-sized lesion", "medium in size"),
    ("size", "large", True): ("large lesion", "large in size"),
    ("symmetry", "symmetric", True): (
        "symmetric",
        "symmetrical",
        "symmetrical shape",
        "symmetry",
        "round shape",
    ),
    ("symmetry", "asymmetric", True): ("asymmetric", "asymmetrical", "asymmetrical shape", "asymmetry"),
    ("border", "regular", True): ("regular borders", "smooth border", "smooth borders", "regular outline"),
    ("border", "irregular", True): (
        "irregular borders",
        "irregular outline",
        "notched border",
        "ragged border",
        "uneven border",
        "uneven borders",
    ),
    ("edge", "sharp", True): (
        "sharp edges",
        "sharp border",
        "sharp borders",
        "well demarcated",
        "well defined",
        "well circumscribed",
        "well-defined border",
        "well-defined borders",
        "sharply demarcated",
    ),
    ("edge", "blurred", True): (
        "blurred edges",
        "blurred border",
        "blurry border",
        "ill defined",
        "poorly defined",
        "ill-defined border",
        "ill-defined borders",
        "indistinct border",
        "indistinct borders",
    ),
    ("variety", "uniform", True): ("uniform pigmentation", "even pigmentation", "uniformly coloured"),
    ("variety", "varied", True): ("multiple colours", "variegated", "color variation", "uneven pigmentation"),
    ("modality", "dermoscopy", True): ("dermoscopy", "dermatoscopic image", "dermoscopy image"),
    ("modality", "clinical", True): ("clinical photo", "clinical image", "smartphone photograph"),
    ("colour", "light brown", True): ("light brown", "tan", "light brown patch"),
    ("colour", "dark brown", True): ("dark brown",),
    ("colour", "black", True): ("black", "blackish"),
    ("colour", "blue-grey", True): (
        "blue grey",
        "bluish grey",
        "grey blue",
        "blue-grey veil",
        "blue",
        "bluish",
    ),
    ("colour", "red", True): ("red", "redness", "reddish", "reddened", "erythema", "erythematous"),
    ("colour", "pink", True): ("pink", "pinkish"),
    ("colour", "white", True): ("white", "whitish"),
    ("colour", "yellow", True): ("yellow", "yellowish"),
    ("sex", "female", True): ("female",),
    ("sex", "male", True): ("male",),
    ("itch", "yes", True): ("itch", "itchy", "itches", "pruritus", "pruritic"),
    ("hurt", "yes", True): ("painful", "tender", "tenderness", "hurts"),
    ("grew", "yes", True): ("has grown", "growing", "grew"),
    ("changed", "yes", True): ("has changed", "changed recently"),
    ("bleed", "yes", True): ("bleeds", "has bled"),
    ("elevation", "yes", True): ("raised", "elevated"),
    ("elevation", "yes", False): ("flat to the touch",),
}
OPEN_READINGS: Final[dict[str, tuple[str, ...]]] = {
    "age": ("{} years old", "{} year old", "aged {}"),
    "site": ("on the {}", "of the {}", "over the {}", "on your {}", "on his {}", "on her {}"),
    "diameter": ("{} mm in diameter", "{} mm diameter", "{} millimetres across", "diameter {} mm"),
    "skin type": (),
}
# Words that look like a colour and are none.
NO_CLAIM: Final = (
    "red flag",
    "red flags",
    "white light",
    "black skin",
    "white skin",
    "black patients",
    "white patients",
    "black box",
    "blue light",
    "symmetric distribution",
    "symmetrical distribution",
)
_ROMAN: Final = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}
for _roman, _number in _ROMAN.items():
    READINGS["skin type", _number, True] = (
        f"skin type {_roman}",
        f"Fitzpatrick type {_roman}",
        f"phototype {_roman}",
    )

_OPPOSITES: Final = {
    frozenset(pair)
    for pair in (
        ("symmetric", "asymmetric"),
        ("regular", "irregular"),
        ("sharp", "blurred"),
        ("uniform", "varied"),
        ("female", "male"),
        ("dermoscopy", "clinical"),
    )
}
_NUMBER: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")
_OPEN_SITE: Final = re.compile(r"[a-z]+([ /-][a-z]+){0,5}")


def is_known(key: Key) -> bool:
    """Whether the grammar can write this claim."""
    concept, value, polarity = key
    if concept not in OPEN_CONCEPTS:
        return key in WRITINGS
    pattern = _OPEN_SITE if concept == "site" else _NUMBER
    return polarity and pattern.fullmatch(value) is not None


def phrases(key: Key) -> tuple[str, ...]:
    """Every way of writing the claim, the plainest first. KeyError where the vocabulary lacks it."""
    concept, value, _ = key
    if not is_known(key):
        raise KeyError(key)
    if concept not in OPEN_CONCEPTS:
        return WRITINGS[key]
    said = value if concept != "site" or value in SITES else f'"{value}"'
    return tuple(form.format(said) for form in OPEN_WRITINGS[concept])


def bare(phrase: str) -> str:
    """The phrase without its article, for lists."""
    return re.sub("^an? ", "", phrase)


def opposite(key: Key) -> Key | None:
    """The claim that denies this one, None where the vocabulary has no word for the denial."""
    concept, value, polarity = key
    if (denied := (concept, value, not polarity)) in WRITINGS:
        return denied
    for pair in _OPPOSITES:
        if value in pair:
            return (concept, next(iter(pair - {value})), polarity)
    return None


def history_claims(history: History) -> tuple[Claim, ...]:
    """What the recorded history lets a narrative say, in the order of the record's fields."""
    claims = []
    for name, value in history.known().items():
        concept = {"skin_type": "skin type", "diameter_mm": "diameter"}.get(name, name)
        if isinstance(value, bool):
            claims.append(Claim(concept, "yes", value))
        else:
            claims.append(Claim(concept, value if isinstance(value, str) else f"{value:g}"))
    return tuple(c for c in claims if is_known(c.key))
