"""Words for texts by others, whose findings go far beyond our vocabulary: what is put for what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_PAIRS: Final = (
    ("symmetric", "asymmetric"), ("symmetrical", "asymmetrical"), ("symmetry", "asymmetry"),
    ("regular", "irregular"), ("well-demarcated", "ill-defined"), ("well-defined", "ill-defined"),
    ("sharply demarcated", "poorly demarcated"), ("raised", "flat"), ("elevated", "depressed"),
    ("rough", "smooth"), ("dry", "moist"), ("scaly", "smooth"), ("thick", "thin"), ("unilateral", "bilateral"),
    ("localized", "widespread"), ("scattered", "grouped"), ("clustered", "scattered"), ("superficial", "deep"),
    ("uniform", "varied"), ("firm", "soft"), ("diffuse", "circumscribed"), ("intact", "eroded"),
    ("thickened", "thinned"), ("swollen", "sunken"), ("inflamed", "pale"), ("shiny", "dull"),
)  # fmt: skip
OPPOSITES: Final = {b: a for a, b in _PAIRS} | dict(_PAIRS)

LESIONS: Final = (
    "papule", "papules", "plaque", "plaques", "pustules", "vesicles", "blisters", "bullae", "nodule", "nodules",
    "patch", "patches", "macule", "macules", "scaling", "scale", "scales", "crusting", "crusts", "bumps", "erosions",
    "ulceration", "swelling", "fissures",
)  # fmt: skip

COLOURS: Final = {
    "red": "yellow", "reddish": "yellowish", "redness": "yellow discolouration", "erythema": "blue discolouration",
    "erythematous": "bluish", "pink": "brown", "pinkish": "brownish", "brown": "red", "brownish": "reddish",
    "white": "black", "whitish": "blackish", "yellow": "red", "yellowish": "reddish", "black": "white",
    "blackish": "whitish", "dark": "pale", "purple": "yellow", "violaceous": "yellowish", "tan": "red",
    "silvery": "yellowish", "skin-colored": "dark red", "flesh-colored": "dark red", "translucent": "brown",
    "hyperpigmented": "depigmented", "pale": "dark", "greasy": "dry", "bluish": "reddish", "gray": "pink",
    "grey": "pink",
}  # fmt: skip

COUNTS: Final = {
    "single": "multiple", "solitary": "multiple", "isolated": "multiple", "multiple": "two", "numerous": "two",
    "several": "two", "many": "two", "few": "numerous", "two": "numerous", "cluster": "pair"
}  # fmt: skip

SIZES: Final = {
    "small": "large",
    "large": "small",
    "tiny": "large",
    "fine": "coarse",
    "big": "tiny",
    "larger": "smaller",
}

_SITES: Final = (
    "face", "cheek", "forehead", "nose", "eyelid", "lip", "ear", "scalp", "neck", "chest", "back", "abdomen", "trunk",
    "arm", "forearm", "elbow", "hand", "finger", "palm", "thigh", "leg", "knee", "shin", "ankle", "foot", "toe", "sole",
    "groin", "buttock", "shoulder",
)  # fmt: skip
PLACES: Final = (*_SITES, *(f"{s}s" for s in _SITES if s not in ("foot", "abdomen", "face")), "feet", "cheeks", "trunk")

VAGUE: Final = {
    **{word: "abnormal" for word in (*OPPOSITES, *COLOURS, *SIZES) if word not in ("redness", "erythema", "one")},
    **dict.fromkeys(("redness", "erythema", "symmetry", "asymmetry"), "change"),
    **dict.fromkeys(("papule", "plaque", "nodule", "patch", "macule"), "change"),
    **dict.fromkeys(
        ("papules", "plaques", "nodules", "patches", "macules", "pustules", "vesicles", "blisters", "bumps", "scales",
         "crusts", "erosions", "fissures"),
        "changes",
    ),
    **dict.fromkeys(("scaling", "crusting", "ulceration", "swelling", "scale"), "alteration"),
}  # fmt: skip


def present(text: str, words: Iterable[str]) -> list[str]:
    """Those of the words that the text has, in its order."""
    low = text.lower()
    found = {w: m.start() for w in words if (m := re.search(rf"(?<![\w-]){re.escape(w)}(?![\w-])", low))}
    return sorted(found, key=lambda w: found[w])


def chosen(words: Iterable[str], by: Mapping[str, str]) -> dict[str, str]:
    """What is put for each of the words."""
    return {word: by[word] for word in words}
