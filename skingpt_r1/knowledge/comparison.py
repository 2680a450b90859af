"""What is counted about diagnoses, laid out for a reader: what speaks for one and against another, strongest first.

Strength is the ratio's distance from 1; a finding is telling only where its interval leaves 1 out, and the others come
last. Each finding comes from the table with the most cases, as in `likelihoods.likelihood_ratio`; rivals that a table
hardly knows are left aside. What experts marked beyond the claims of a narrative is laid out apart, from every table.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from skingpt_r1.knowledge import expert
from skingpt_r1.knowledge.diagnoses import did_you_mean, get, preferred
from skingpt_r1.knowledge.likelihoods import LikelihoodRatio, ratio_in, tables
from skingpt_r1.records import SkinGPTError

SMOOTHING: Final = (
    "Shares are Laplace-smoothed ((present + 1) / (assessed + 2)); a diagnosis with fewer than five assessed cases in "
    "a table is left out of it."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A counted finding and how much likelier it is with the diagnosis than with its rivals."""

    concept: str
    value: str
    ratio: LikelihoodRatio

    @property
    def telling(self) -> bool:
        """Whether the 95 % interval leaves 1 out."""
        return self.ratio.low > 1 or self.ratio.high < 1

    def __str__(self) -> str:
        """ "colour: blue-grey"."""
        return f"{self.concept}: {self.value}"

    def to_json(self) -> dict[str, str | float | int | bool]:
        """Plain fields."""
        ratio = self.ratio
        return {
            "concept": self.concept, "value": self.value, "lr": round(ratio.value, 4), "low": round(ratio.low, 4),
            "high": round(ratio.high, 4), "n": ratio.n, "source": ratio.source, "telling": self.telling,
        }  # fmt: skip


def in_digits(x: float) -> str:
    """Two significant digits, without an exponent: "0.0015", "4.1", "370"."""
    return f"{float(f'{x:.2g}'):,g}"


def named(text: str) -> str:
    """The preferred name of what a user typed. Raises SkinGPTError naming the nearest."""
    if (name := preferred(text)) is None:
        raise SkinGPTError(f"{text!r} is no diagnosis of the knowledge table. {did_you_mean(text)}")
    return name


def findings(diagnosis: str, rivals: Collection[str] | None = None) -> list[Finding]:
    """Every counted finding of a diagnosis against the rivals (all others that a table knows), strongest first."""
    get(diagnosis)
    best: dict[str, LikelihoodRatio] = {}
    for table in tables():
        others = (set(table.counts) if rivals is None else set(rivals)) - {diagnosis}
        for feature in table.counts.get(diagnosis, {}):
            ratio = ratio_in(table, feature, True, diagnosis, sorted(others))
            if ratio is not None and (feature not in best or ratio.n > best[feature].n):
                best[feature] = ratio
    return _strongest_first(best.items())


def compare(one: str, other: str) -> list[Finding]:
    """The findings that both share a table for; a ratio above 1 speaks for the first, below 1 for the second.

    Empty where only expert tables hold both. Raises SkinGPTError where no table does.
    """
    if one == other:
        raise SkinGPTError(f"{one!r} and {other!r} are the same diagnosis. Name two.")
    found = findings(one, [other])
    if not found and not compare_experts(one, other):
        raise SkinGPTError(
            f"No table counts findings of both {one} and {other}. "
            "`skingpt knowledge show NAME` tells which tables count a diagnosis."
        )
    return found


def compare_experts(one: str, other: str) -> list[Finding]:
    """What experts marked, from each table that holds both; empty where none does."""
    return _strongest_first(expert.ratios(one, other))


def _strongest_first(ratios: Iterable[tuple[str, LikelihoodRatio]]) -> list[Finding]:
    found = [Finding(*_parts(feature), ratio) for feature, ratio in ratios]
    return sorted(
        found, key=lambda f: (not f.telling, -abs(math.log(f.ratio.value)), f.concept, f.value, f.ratio.source)
    )


def _parts(feature: str) -> tuple[str, str]:
    concept, _, value = feature.partition("|")
    return concept, value
