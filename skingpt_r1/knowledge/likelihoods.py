"""P(finding | diagnosis) and likelihood ratios, measured on expert tables and training rows.

`feature_likelihoods.json` holds counts only, table by table: a ratio never mixes tables, because two tables
disagree on what they call "present". It is made by `scripts/build_likelihoods.py` and is read once.
Ages and sites are compared by group (60 or older; head or neck, trunk, limb), everything else as claimed.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Final

Key = tuple[str, str, bool]
Counts = dict[str, dict[str, list[int]]]  # diagnosis -> "concept|value" -> [present, assessed]

OLD_AGE: Final = 60  # years
_AGE_FEATURE: Final = "60 or older"
_Z: Final = 1.96  # two-sided 95 %
_FEWEST: Final = 5  # assessed cases of a diagnosis, below which a table says nothing about it
SITE_GROUPS: Final = {
    site: group
    for group, sites in {
        "head or neck": "cheek chin ear eyelid face forehead head/neck lip neck nose scalp temple",
        "trunk": "abdomen,anterior torso,back,breast,buttock,chest,lateral torso,posterior torso,torso,trunk,"
        "upper back",
        "limb": "acral skin,ankle,arm,axilla,calf,elbow,finger,foot,forearm,hand,heel,hip,knee,leg,"
        "lower extremity,lower leg,nail,palm,palms/soles,shin,shoulder,sole,thigh,thumb,toe,upper arm,"
        "upper extremity,wrist",
    }.items()
    for site in (sites.split(",") if "," in sites else sites.split())
}


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """How much likelier a finding is with a diagnosis than with its rivals; above 1 it speaks for it.

    value, low, high: ratio of Laplace-smoothed shares and its 95 % interval (log method; rivals weigh
    equally).
    n: cases counted. source: the table.
    """

    value: float
    low: float
    high: float
    n: int
    source: str

    def __str__(self) -> str:
        """ "LR 4.1, 95 % CI 3.0 to 5.6, Derm7pt, n = 823"."""
        return f"LR {self.value:.2g}, 95 % CI {self.low:.2g} to {self.high:.2g}, {self.source}, n = {self.n:,}"


@dataclass(frozen=True, slots=True)
class Table:
    """The counts of one source."""

    source: str
    counts: Counts


@functools.cache
def tables() -> tuple[Table, ...]:
    """Every table that the package ships."""
    text = resources.files("skingpt_r1.knowledge").joinpath("feature_likelihoods.json").read_text(encoding="utf-8")
    return tuple(Table(table["source"], table["counts"]) for table in json.loads(text)["tables"])


def feature_of(key: Key) -> tuple[str, bool] | None:
    """The counted feature behind a claim and whether the claim affirms it; None where none is counted."""
    concept, value, polarity = key
    if concept == "age":
        return f"age|{_AGE_FEATURE}", (float(value) >= OLD_AGE) == polarity
    if concept == "site":
        return (f"site|{SITE_GROUPS[value]}", polarity) if value in SITE_GROUPS else None
    return f"{concept}|{value}", polarity


def probability(present: int, assessed: int) -> float:
    """The share with Laplace smoothing: 0.5 where nothing was counted, never 0 or 1."""
    return (present + 1) / (assessed + 2)


def likelihood_ratio(
    concept: str, value: str, polarity: bool, diagnosis: str, rivals: Collection[str]
) -> LikelihoodRatio | None:
    """The ratio from the table with the most cases; None where no table holds the diagnosis and a rival."""
    return _ratio((concept, value, polarity), diagnosis, tuple(sorted(set(rivals) - {diagnosis})))


@functools.lru_cache(maxsize=100_000)
def _ratio(key: Key, diagnosis: str, rivals: tuple[str, ...]) -> LikelihoodRatio | None:
    feature = feature_of(key)
    if feature is None:
        return None
    found = (ratio_in(table, *feature, diagnosis, rivals) for table in tables())
    return max(filter(None, found), key=lambda ratio: ratio.n, default=None)


def ratio_in(
    table: Table, feature: str, affirmed: bool, diagnosis: str, rivals: Collection[str]
) -> LikelihoodRatio | None:
    """The likelihood ratio within one table. Rivals that the table hardly knows are left aside."""
    own = _counted(table, diagnosis, feature, affirmed)
    others = [c for rival in rivals if (c := _counted(table, rival, feature, affirmed)) is not None]
    if own is None or not others:
        return None
    p = probability(*own)
    shares = [probability(*other) for other in others]
    q = sum(shares) / len(shares)
    spread = sum(share * (1 - share) / (n + 2) for share, (_, n) in zip(shares, others, strict=True)) / len(shares) ** 2
    error = math.sqrt((1 - p) / (p * (own[1] + 2)) + spread / q**2)
    log_ratio = math.log(p / q)
    n = own[1] + sum(assessed for _, assessed in others)
    return LikelihoodRatio(p / q, math.exp(log_ratio - _Z * error), math.exp(log_ratio + _Z * error), n, table.source)


def _counted(table: Table, diagnosis: str, feature: str, affirmed: bool) -> tuple[int, int] | None:
    present, assessed = table.counts.get(diagnosis, {}).get(feature, (0, 0))
    return (present if affirmed else assessed - present, assessed) if assessed >= _FEWEST else None


def count_features(rows: Iterable[tuple[str, set[Key], set[str]]]) -> Counts:
    """Counts from (diagnosis, claims that hold, concepts that were assessed) rows, one a lesion.

    A concept that was assessed counts for each of its values: present where claimed, absent where not.
    A concept that was not assessed counts for none.
    """
    kept = [(diagnosis, _features(claims), assessed) for diagnosis, claims, assessed in rows]
    seen: dict[str, set[str]] = {}
    for _, features, _ in kept:
        for feature in features:
            seen.setdefault(feature.partition("|")[0], set()).add(feature)
    counts: Counts = {}
    for diagnosis, features, assessed in kept:
        for concept in assessed:
            for feature in seen.get(concept, ()):
                pair = counts.setdefault(diagnosis, {}).setdefault(feature, [0, 0])
                pair[0] += features.get(feature, False)
                pair[1] += 1
    return {name: dict(sorted(features.items())) for name, features in sorted(counts.items())}


def _features(claims: set[Key]) -> dict[str, bool]:
    return dict(feature for key in claims if (feature := feature_of(key)) is not None)
