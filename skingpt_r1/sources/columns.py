"""Words that tables use for "not recorded", for splits and for sexes, read into our fields.

A value that we cannot read is never guessed: the caller gets a CaseError that says which one.
"""

from __future__ import annotations

from collections.abc import Mapping

from skingpt_r1.records import CaseError, History, read_history

MISSING = frozenset({"", "unk", "unknown", "nan", "na", "n/a", "none", "null", "-", "?"})

_SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLIT_OF = {word: name for name, words in _SPLITS.items() for word in words}
_SEX_OF = {"f": "female", "w": "female", "woman": "female", "female": "female"}
_SEX_OF |= {"m": "male", "man": "male", "male": "male"}


def recorded(value: str | None) -> str | None:
    """The value without spaces round it, None where the table says that it does not know."""
    text = (value or "").strip()
    return None if text.lower() in MISSING else text


def split_name(value: str | None) -> str | None:
    """ "train", "val" or "test" for its usual spellings, None for an empty cell. Raises CaseError."""
    if (text := recorded(value)) is None:
        return None
    if text.lower() not in _SPLIT_OF:
        raise CaseError(f"split {text!r}: use train, val or test.")
    return _SPLIT_OF[text.lower()]


def is_split(word: str) -> bool:
    """Whether a folder of this name holds a split, not a label."""
    return word.lower() in _SPLIT_OF


def history_from(cells: Mapping[str, str | None]) -> History:
    """History from field -> cell; unknown values stay None, unreadable ones raise CaseError."""
    pairs: list[str] = []
    for name, cell in cells.items():
        if (text := recorded(cell)) is None:
            continue
        if name == "sex":
            if text.lower() not in _SEX_OF:
                raise CaseError(f"sex {text!r}: use female or male, or leave it empty.")
            text = _SEX_OF[text.lower()]
        if name == "diameter_mm" and text.replace(".", "").strip("0") == "":
            continue  # a lesion of 0 mm was not measured
        pairs.append(f"{name}={text}")
    return read_history(pairs)
