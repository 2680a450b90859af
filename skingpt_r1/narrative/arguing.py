"""Argues about claims that are settled: what speaks for which diagnosis, which decides, what leaves doubt, how urgent.

A claim speaks where its measured likelihood ratio does, and for nothing without one; where nothing measured favours the
diagnosis the narrative says so by its low confidence. The drafts of a corpus and the damaged texts of an evaluator are
argued here alike, so that no way of arguing tells one from the other.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from typing import Final

from skingpt_r1.knowledge.diagnoses import category_of, urgency_of
from skingpt_r1.knowledge.likelihoods import likelihood_ratio
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import Claim, Hypothesis, Narrative

_SPEAKS: Final = math.log(1.15)  # least log ratio that is worth a word
_CONVINCES: Final = math.log(1.3)  # one claim at least, or the confidence is low
_HIGH: Final = math.log(5)  # of all claims together, for high confidence
_ABSENT: Final = "absent"  # stands for every finding that is not there
_READING_ORDER: Final = (
    "modality", "size", "site", "symmetry", "border", "edge", "structure", "colour", "variety", _ABSENT,
    "age", "sex", *vocabulary.SYMPTOMS, "diameter", "skin type",
)  # fmt: skip


def argued(claims: Sequence[Claim], differential: list[str], rng: random.Random) -> Narrative:
    """The narrative that concludes with the first of the differential; claims in the order in which they are told."""
    diagnosis = differential[0]
    hypotheses = tuple(_hypothesis(name, differential, claims, rng) for name in differential)
    rival = _strongest(claims, [name for name in differential if name != diagnosis])
    evidence = weighing(claims, diagnosis, [rival])
    strengths = weighing(claims, diagnosis, differential)
    category_claims = _category_claims(claims, diagnosis, differential, rng)
    deciding = _top(_without(evidence, hypotheses[0].speaks_against), 1, rng.randint(1, 2))
    confidence = _confidence(list(strengths.values()), list(_raw(claims, diagnosis, differential)))
    if confidence == "high" and not deciding:  # "nothing here decides", and sure of it: nobody argues so
        confidence = "moderate"
    return Narrative(
        claims=tuple(claims),
        category=category_of(diagnosis),
        category_claims=category_claims,
        hypotheses=hypotheses,
        deciding=deciding,
        rival=rival,
        doubts=_top(_without(evidence, hypotheses[0].speaks_for), -1, 1),
        diagnosis=diagnosis,
        confidence=confidence,
        urgency=urgency_of(
            diagnosis,
            {(c.concept, c.value) for c in claims if c.polarity},
            [name for name in differential if name != diagnosis],
            confident=confidence != "low",
        ),
    )


def arranged(claims: Sequence[Claim]) -> list[Claim]:
    """In reading order, the same for every case, so that each place of a narrative asks the picture one question.

    What is absent comes after what is there: "no black and uniform colour" would deny both.
    """

    def place(claim: Claim) -> int:
        seen = claim.polarity or claim.concept in vocabulary.HISTORY_CONCEPTS
        return _READING_ORDER.index(claim.concept if seen else _ABSENT)

    return sorted(claims, key=place)


def _raw(claims: Sequence[Claim], diagnosis: str, rivals: Collection[str]) -> list[float]:
    """The log likelihood ratio of every claim that has a measured one."""
    ratios = (likelihood_ratio(*claim.key, diagnosis, rivals) for claim in claims)
    return [math.log(ratio.value) for ratio in ratios if ratio is not None]


def weighing(claims: Sequence[Claim], diagnosis: str, rivals: Collection[str]) -> dict[int, float]:
    """Per claim position the log likelihood ratio, where it is measured, large enough and beyond chance."""
    found = {}
    for position, claim in enumerate(claims):
        ratio = likelihood_ratio(*claim.key, diagnosis, rivals)
        if ratio and (ratio.low > 1 or ratio.high < 1) and abs(math.log(ratio.value)) >= _SPEAKS:
            found[position] = math.log(ratio.value)
    return found


def _top(evidence: dict[int, float], sign: int, n: int) -> tuple[int, ...]:
    """The n positions that speak most for (sign 1) or against (sign -1), strongest first."""
    speaking = [position for position, value in evidence.items() if value * sign > 0]
    return tuple(sorted(speaking, key=lambda position: -abs(evidence[position]))[:n])


def _without(evidence: dict[int, float], positions: Collection[int]) -> dict[int, float]:
    """What the differential says of a claim, the synthesis must not turn round: its ratio is against one rival only."""
    return {position: value for position, value in evidence.items() if position not in positions}


def _hypothesis(name: str, differential: list[str], claims: Sequence[Claim], rng: random.Random) -> Hypothesis:
    evidence = weighing(claims, name, [other for other in differential if other != name])
    return Hypothesis(name, _top(evidence, 1, rng.choice((1, 1, 2))), _top(evidence, -1, 1))


def _strongest(claims: Sequence[Claim], rivals: list[str]) -> str:
    """The rival that the claims favour most over the other rivals; the first where they say nothing."""
    return max(rivals, key=lambda name: sum(_raw(claims, name, rivals)))


def _category_claims(
    claims: Sequence[Claim], diagnosis: str, differential: list[str], rng: random.Random
) -> tuple[int, ...]:
    outside = [name for name in differential if category_of(name) != category_of(diagnosis)]
    return _top(weighing(claims, diagnosis, outside), 1, rng.choice((1, 1, 2)))


def _confidence(speaking: list[float], measured: list[float]) -> str:
    if not any(value > _CONVINCES for value in speaking) or sum(measured) < 0:
        return "low"
    return "high" if sum(measured) >= _HIGH else "moderate"
