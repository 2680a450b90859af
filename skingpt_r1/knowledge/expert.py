"""What experts marked in pictures of a diagnosis: papule, scale, erosion and other words that narratives do not claim.

`expert_features.json` holds counts only, table by table, and is made by `scripts/build_expert_features.py`. Neither the
training drafts nor the verifier read it: they weigh claims by `likelihoods`, and this module must not change them.
The HAM10000 criteria stand in a table a diagnosis, because each was asked for within one diagnosis only: no table
holds both, so no ratio can be formed.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from importlib import resources
from typing import Final

from skingpt_r1.knowledge.likelihoods import Counts, LikelihoodRatio, Table, probability, ratio_in

FEW: Final = 5  # pictures; a share of fewer, or of all but fewer, is called small
_Z: Final = 1.96  # two-sided 95 %

SMOOTHING: Final = (
    f"Shares are Laplace-smoothed, (marked + 1) / (n + 2), with Wilson's 95 % interval; ~ means that fewer than {FEW} "
    f"pictures show the finding, or fewer than {FEW} do not."
)
RATIOS: Final = (
    "Ratios of Laplace-smoothed shares within one table, with 95 % interval (log method); none where fewer than "
    f"{FEW} pictures of the two diagnoses show the finding."
)


@dataclass(frozen=True, slots=True)
class ExpertTable:
    """The counts of one annotated set of pictures.

    source: what it is, and how it was merged. note: how to read its
    numbers. n: pictures or lesions counted.
    """

    name: str
    source: str
    licence: str
    note: str
    n: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Share:
    """P(finding | diagnosis) in one table: smoothed share, Wilson's interval, and the counts behind it."""

    concept: str
    value: str
    p: float
    low: float
    high: float
    present: int
    n: int
    source: str

    @property
    def small(self) -> bool:
        """Whether a handful of pictures decides it."""
        return min(self.present, self.n - self.present) < FEW

    def __str__(self) -> str:
        """ "surface: scale"."""
        return f"{self.concept}: {self.value}"

    def to_json(self) -> dict[str, str | float | int | bool]:
        """Plain fields."""
        return {
            "concept": self.concept, "value": self.value, "p": round(self.p, 4), "low": round(self.low, 4),
            "high": round(self.high, 4), "present": self.present, "n": self.n, "source": self.source,
            "small": self.small,
        }  # fmt: skip


@functools.cache
def tables() -> tuple[ExpertTable, ...]:
    """Every expert table that the package ships; findings that no picture of a diagnosis shows count zero."""
    text = resources.files("skingpt_r1.knowledge").joinpath("expert_features.json").read_text(encoding="utf-8")
    return tuple(
        ExpertTable(
            **{key: table[key] for key in ("name", "source", "licence", "note", "n")},
            counts={
                diagnosis: {feature: [row["present"].get(feature, 0), row["n"]] for feature in table["features"]}
                for diagnosis, row in table["diagnoses"].items()
            },
        )
        for table in json.loads(text)["tables"]
    )


def wilson(present: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; the smoothed share of `likelihoods.probability` lies within it."""
    middle = (present + _Z**2 / 2) / (n + _Z**2)
    reach = _Z * math.sqrt(present * (n - present) / n + _Z**2 / 4) / (n + _Z**2)
    return (middle - reach if present else 0.0), (middle + reach if present < n else 1.0)  # exact at the ends


def shares(diagnosis: str) -> list[Share]:
    """What any picture of a diagnosis shows, table by table, commonest first."""
    found = []
    for table in tables():
        for feature, (present, n) in table.counts.get(diagnosis, {}).items():
            if present:
                concept, _, value = feature.partition("|")
                p, interval = probability(present, n), wilson(present, n)
                found.append(Share(concept, value, p, *interval, present, n, table.name))
    order = [table.name for table in tables()]
    return sorted(found, key=lambda s: (order.index(s.source), -s.p, s.concept, s.value))


def ratios(one: str, other: str) -> list[tuple[str, LikelihoodRatio]]:
    """(feature, ratio) from every table that holds both diagnoses; a feature that hardly any picture shows has none."""
    found = []
    for table in tables():
        ours, theirs = table.counts.get(one, {}), table.counts.get(other, {})
        counted = Table(table.name, table.counts)
        for feature in ours.keys() & theirs.keys():
            if ours[feature][0] + theirs[feature][0] >= FEW:
                ratio = ratio_in(counted, feature, True, one, [other])
                found += [(feature, ratio)] if ratio is not None else []
    return found


def sources(names: set[str]) -> list[ExpertTable]:
    """The tables of these names, in the order of the file."""
    return [table for table in tables() if table.name in names]
