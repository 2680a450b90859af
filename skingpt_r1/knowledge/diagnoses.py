"""The table of diagnoses (`table/*.json`, a file a family) and every way of asking it for one.

What stands there is textbook knowledge and says so in `source`; measured numbers live in `likelihoods`.
Names are matched by folded words, so that "Naevi", "nevus" and "NEVUS" are one; an abbreviation matches only
as a whole word. Urgency is raised by red flags and by doubt where cancer is possible; nothing lowers it.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from skingpt_r1.records import SkinGPTError, Urgency

FAMILIES: Final = ("neoplastic", "infectious", "inflammatory", "other")  # files, in the order of the table
MALIGNANCY: Final = ("benign", "precancer", "malignant")
_LOOKS: Final = {"benign": "benign", "precancer": "precancerous", "malignant": "malignant suspected"}
_TWO_SIDED: Final = ("melanocytic", "keratinocytic")  # groups whose category says benign or not
_WORD: Final = re.compile(r"[0-9]+|[^\W\d_]+(?:['’][^\W\d_]+)?")
_IRREGULAR: Final = (("nevus", "nevi"), ("osis", "oses"), ("oma", "omata"), ("lentigo", "lentigines"))
_FEARED: Final = 0.1
BY_URGENCY: Final = (Urgency.SELF_WATCH, Urgency.ROUTINE, Urgency.SOON, Urgency.URGENT)
"""Mildest first."""


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A finding that calls for a doctor sooner.

    claims: the (concept, value) pairs that show it, empty where the vocabulary has none.
    """

    text: str
    claims: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One row of the table.

    family: three levels, widest first ("neoplastic", "melanocytic", "nevus"). malignant: benign, precancer
    or malignant. icd10, icd11: WHO codes, None where not certain. urgency: the usual one, without red flags.
    confused_with: preferred names. source: the book or guideline. parent: the wider
    diagnosis it is a kind of.
    """

    name: str
    synonyms: tuple[str, ...]
    family: tuple[str, str, str]
    malignant: str
    icd10: str | None
    icd11: str | None
    red_flags: tuple[RedFlag, ...]
    urgency: Urgency
    confused_with: tuple[str, ...]
    source: str
    parent: str | None = None


@functools.lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """One spelling for British and American words, lower case, without accents."""
    word = word.lower().replace("’", "'")
    if not word.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = bare or word  # an accent on nothing stays
    for british, folded in (
        ("ae", "e"),
        ("oe", "e"),
        ("colour", "color"),
        ("grey", "gray"),
        ("tumour", "tumor"),
    ):
        word = word.replace(british, folded)
    return word


@functools.cache
def table() -> dict[str, Diagnosis]:
    """All diagnoses by preferred name, in the order of the files."""
    shared = _read("shared")
    flags = {
        name: RedFlag(flag["text"], frozenset((c, v) for c, _, v in (key.partition("|") for key in flag["claims"])))
        for name, flag in shared["red_flags"].items()
    }
    rows: dict[str, Diagnosis] = {}
    for row in (row for family in FAMILIES for row in _read(family)):
        if row["name"] in rows:
            raise ValueError(f"{row['name']!r} stands twice in the table")
        top, group, leaf = row["family"]
        rows[row["name"]] = Diagnosis(
            name=row["name"],
            synonyms=tuple(row["synonyms"]),
            family=(top, group, leaf),
            malignant=row["malignant"],
            icd10=row.get("icd10"),
            icd11=row.get("icd11"),
            red_flags=tuple(flags[name] for name in row["red_flags"]),
            urgency=Urgency(row["urgency"]),
            confused_with=tuple(row["confused_with"]),
            source=f"textbook: {shared['sources'][row['source']]}",
            parent=row.get("parent"),
        )
    return rows


def get(name: str) -> Diagnosis:
    """The row of a preferred name. Raises SkinGPTError naming the nearest ones."""
    try:
        return table()[name]
    except KeyError:
        raise SkinGPTError(f"{name!r} is no diagnosis of the knowledge table. {did_you_mean(name)}") from None


def preferred(text: str) -> str | None:
    """The preferred name for a name, synonym, abbreviation or plural; None where the table has none."""
    return _lookup().get(_folded(text))


def spellings() -> dict[str, tuple[str, ...]]:
    """Per preferred name, every spelling that stands for it, plurals included."""
    forms: dict[str, tuple[str, ...]] = {}
    for name, row in table().items():
        singular = tuple(variant for form in (name, *row.synonyms) for variant in _possessives(form))
        forms[name] = tuple(dict.fromkeys((*singular, *(p for form in singular for p in _plurals(form)))))
    return forms


def did_you_mean(text: str, n: int = 3) -> str:
    """A sentence that names the nearest diagnoses of the table."""
    lookup = _lookup()
    near = difflib.get_close_matches(_folded(text), list(lookup), n=2 * n, cutoff=0.5)
    names = list(dict.fromkeys(lookup[key] for key in near))[:n]
    return f"Did you mean: {', '.join(names)}?" if names else "Nothing in the table is near it."


def lineage(name: str) -> tuple[str, ...]:
    """The diagnosis and what it is a kind of, narrowest first: ("angiokeratoma", "vascular lesion")."""
    parent = get(name).parent
    return (name, *lineage(parent)) if parent else (name,)


def category_of(name: str) -> str:
    """The family as a narrative writes it: "melanocytic, malignant suspected", "vascular"."""
    row = get(name)
    group, looks = row.family[1], _LOOKS[row.malignant]
    return f"{group}, {looks}" if group in _TWO_SIDED or row.malignant != "benign" else group


def urgency_of(
    name: str, findings: Collection[tuple[str, str]], rivals: Collection[str] = (), confident: bool = True
) -> Urgency:
    """When a doctor must look, given the (concept, value) findings and how sure the diagnosis is.

    A red flag makes "soon" urgent and anything milder "soon". Doubt makes it at least "soon" where a rival is
    malignant. Nothing lowers the usual urgency of the diagnosis. A rival is a word that a model wrote: one that the
    table lacks counts as none.
    """
    row = get(name)
    urgency = row.urgency
    if any(flag.claims.intersection(findings) for flag in row.red_flags):
        urgency = Urgency.URGENT if urgency in (Urgency.SOON, Urgency.URGENT) else Urgency.SOON
    if not confident and any(table()[rival].malignant == "malignant" for rival in rivals if rival in table()):
        urgency = max(urgency, Urgency.SOON, key=BY_URGENCY.index)
    return urgency


def feared(chances: Mapping[str, float], diagnosis: str) -> dict[str, float]:
    """Malignant diagnoses beside the named one that are too likely to be left to watching, with their chances.

    One in ten is a choice, not a fit: NICE NG12 refers from 3 % on, but chances here come from data sets with far more
    cancer than a practice sees. On 210 validation rows that were called harmless it finds 20 of 25 malignant ones
    and sends 108 of 185 harmless ones to a doctor.
    """
    return {n: p for n, p in chances.items() if n != diagnosis and p >= _FEARED and get(n).malignant == "malignant"}


def _read(name: str) -> Any:
    file = resources.files("skingpt_r1.knowledge").joinpath("table", f"{name}.json")
    return json.loads(file.read_text(encoding="utf-8"))


@functools.cache
def _lookup() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, forms in spellings().items():
        for form in forms:
            if found.setdefault(_folded(form), name) != name:
                raise ValueError(f"{form!r} stands for both {found[_folded(form)]!r} and {name!r}")
    return found


def _folded(text: str) -> str:
    return " ".join(fold(word) for word in _WORD.findall(text))


def _possessives(form: str) -> tuple[str, ...]:
    """ "Bowen's disease" is also written "Bowens disease", in file names above all."""
    return (form, form.replace("'s ", "s ")) if "'s " in form else (form,)


def _plurals(form: str) -> tuple[str, ...]:
    forms = [form.removesuffix(one) + many for one, many in _IRREGULAR if form.endswith(one)]
    return tuple(forms if form.endswith("s") else [*forms, form + "s"])
