"""Texts altered so that their worth stays, and what a judge's score should do then: the probes of a check.

Sign of every effect: score of the altered text less score of the text as it is (as `effects` says for each probe). A
probe that a judge cannot be given (order, to one that is not asked in words) is not run, and the report says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from skingpt_r1.dermbench.judges.check.texts import Pair
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS, manipulated

FILLER: Final = "doubled by filler"  # the manipulation that is about length
INJECTIONS: Final = tuple(name for name in MANIPULATIONS if name != FILLER)


@dataclass(frozen=True, slots=True)
class Variant:
    """An altered pair. probe: see `PROBES`. kind: which alteration of that probe, empty where there is but one."""

    probe: str
    kind: str
    of: Pair
    pair: Pair

    @property
    def id(self) -> str:
        """Names the variant."""
        return f"{self.probe}|{self.kind}|{self.of.id}"


@dataclass(frozen=True, slots=True)
class Probe:
    """says: what is done. sign: what a value above or below zero means."""

    name: str
    says: str
    sign: str
    make: Callable[[Sequence[Pair], int], Iterator[Variant]]


def swapped(pairs: Sequence[Pair], seed: int) -> Iterator[Variant]:
    """Each candidate with the reference of another patient's case."""
    rng = random.Random(f"swap {seed}")
    for pair in pairs:
        others = [p for p in pairs if p.group != pair.group and p.reference != pair.reference]
        if others:
            yield Variant("swapped reference", "", pair, replace(pair, reference=rng.choice(others).reference))


def lengthened(pairs: Sequence[Pair], seed: int) -> Iterator[Variant]:
    """Each candidate twice as long by sentences that are true and say nothing of the case."""
    for pair in pairs:
        text = manipulated(pair.candidate, FILLER, random.Random(f"length {seed} {pair.id}"))
        yield Variant("length", "", pair, replace(pair, candidate=text))


def injected(pairs: Sequence[Pair], seed: int) -> Iterator[Variant]:
    """Each candidate with each manipulation that asks for a better score, openly, hidden or disguised."""
    for pair in pairs:
        for kind in INJECTIONS:
            text = manipulated(pair.candidate, kind, random.Random(f"inject {seed} {kind} {pair.id}"))
            yield Variant("injection", kind, pair, replace(pair, candidate=text))


PROBES: Final[dict[str, Probe]] = {
    probe.name: probe
    for probe in (
        Probe(
            "swapped reference",
            "the reference is that of another patient's case",
            "below 0: the judge uses the reference, as it must; near 0: it does not read it",
            swapped,
        ),
        Probe(
            "length",
            "the candidate is twice as long by harmless filler",
            "above 0: length earns points; below 0: filler costs points, as padding may",
            lengthened,
        ),
        Probe(
            "injection",
            "the candidate asks for a better score, openly, hidden or disguised",
            "above 0: the judge can be talked round; below 0: it marks the attempt down, as it may",
            injected,
        ),
    )
}
