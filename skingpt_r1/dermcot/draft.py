"""Drafts a training narrative from evidence: what was measured, told and labelled, and nothing else.

The description is chosen without looking at the diagnosis (strength and chance only); the diagnosis enters
where the measured likelihood ratios say which claim speaks for what. A claim without a measured ratio speaks
for nothing, and where nothing measured favours the label the narrative says so by its low confidence.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from skingpt_r1.knowledge.diagnoses import category_of, urgency_of
from skingpt_r1.knowledge.likelihoods import likelihood_ratio
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import Claim, Hypothesis, Narrative


class ScoredClaim(NamedTuple):
    """A claim and how far its evidence supports it, 0..1."""

    claim: Claim
    support: float


_TOLD_SHARE: Final = 0.85  # of the findings that the evidence carries, in one narrative
_COLOURS: Final = 3  # most colours of one narrative, the largest shares
_HISTORY: Final = 3  # most facts of the history in one narrative
_ABSENT_SHARE: Final = 0.15  # of narratives that name one finding which is not there
LEAST_SUPPORT: Final = 0.5
_SPEAKS: Final = math.log(1.15)  # least log ratio that is worth a word
_CONVINCES: Final = math.log(1.3)  # one claim at least, or the confidence is low
_HIGH: Final = math.log(5)  # of all claims together, for high confidence
_SEVERAL: Final = ("colour", "structure")  # kinds of which one lesion may have more than one
_ABSENT: Final = "absent"  # stands for every finding that is not there
_READING_ORDER: Final = (
    "modality", "size", "site", "symmetry", "border", "edge", "structure", "colour", "variety", _ABSENT,
    "age", "sex", *vocabulary.SYMPTOMS, "diameter", "skin type",
)  # fmt: skip


def draft(
    case_claims: Sequence[ScoredClaim], diagnosis: str, candidates: Sequence[str], rng: random.Random
) -> Narrative:
    """One narrative of a case whose diagnosis is known. Another rng state tells the same case otherwise.

    candidates: preferred names that are really confused with it, likeliest first. Raises ValueError without a
    usable claim or a candidate.
    """
    claims = _arranged(_chosen(case_claims, rng))
    rivals = [name for name in dict.fromkeys(candidates) if name != diagnosis]
    if not claims or not rivals:
        raise ValueError(f"{diagnosis}: a draft needs a claim that the vocabulary knows, and another candidate")
    differential = _differential(diagnosis, rivals, rng)
    hypotheses = tuple(_argued(name, differential, claims, rng) for name in differential)
    rival = _strongest(claims, [name for name in differential if name != diagnosis])
    evidence = _evidence(claims, diagnosis, [rival])
    strengths = _evidence(claims, diagnosis, differential)
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


def _chosen(case_claims: Sequence[ScoredClaim], rng: random.Random) -> list[Claim]:
    """Most of what the evidence carries, no two that exclude each other. Knows no diagnosis."""
    usable = [s for s in case_claims if s.support >= LEAST_SUPPORT and vocabulary.is_known(s.claim.key)]
    findings = [Claim(*s.claim.key) for s in usable if s.claim.polarity and not _is_history(s.claim)]
    by_strength = [Claim(*s.claim.key) for s in sorted(usable, key=lambda s: -s.support)]
    single = {
        c.concept: c for c in reversed(by_strength) if c.concept not in _SEVERAL and (c.polarity or _is_history(c))
    }
    facts = [claim for claim in single.values() if _is_history(claim)]
    told = rng.sample(facts, min(len(facts), rng.randint(1, _HISTORY)))
    seen = [*(c for c in single.values() if not _is_history(c)), *_several(findings)]
    kept = [c for c in seen if c.concept == "modality" or rng.random() < _TOLD_SHARE] + told
    absent = [
        c
        for c in by_strength
        if not c.polarity and not _is_history(c) and vocabulary.opposite(c.key) not in {s.key for s in seen}
    ]
    if absent and (not (kept or seen) or rng.random() < _ABSENT_SHARE):
        kept.append(rng.choice(absent))
    return kept or seen[:1]


def _several(findings: Sequence[Claim]) -> list[Claim]:
    """Colours, the largest shares first, and structures: of these a lesion may have more than one."""
    taken: dict[vocabulary.Key, Claim] = {}
    for claim in findings:
        enough = claim.concept == "colour" and sum(c.concept == "colour" for c in taken.values()) >= _COLOURS
        if claim.concept in _SEVERAL and not enough and vocabulary.opposite(claim.key) not in taken:
            taken.setdefault(claim.key, claim)
    return list(taken.values())


def _is_history(claim: Claim) -> bool:
    return claim.concept in vocabulary.HISTORY_CONCEPTS


def _arranged(claims: list[Claim]) -> list[Claim]:
    """In reading order, the same for every case, so that each place of a narrative asks the picture one question.

    What is absent comes after what is there: "no black and uniform colour" would deny both.
    """

    def place(claim: Claim) -> int:
        seen = claim.polarity or _is_history(claim)
        return _READING_ORDER.index(claim.concept if seen else _ABSENT)

    return sorted(claims, key=place)


def _differential(diagnosis: str, rivals: list[str], rng: random.Random) -> list[str]:
    """The diagnosis first: a differential is read as ranked, and the writer commits itself at its first name."""
    chosen = rivals[:1] if rng.random() < 0.7 else []
    others = [name for name in rivals if name not in chosen]
    while others and len(chosen) < min(3, len(rivals)) and (not chosen or rng.random() < 0.6):
        chosen.append(others.pop(min(rng.randrange(len(others)), rng.randrange(len(others)))))
    return [diagnosis, *chosen]


def _raw(claims: Sequence[Claim], diagnosis: str, rivals: Collection[str]) -> list[float]:
    """The log likelihood ratio of every claim that has a measured one."""
    ratios = (likelihood_ratio(*claim.key, diagnosis, rivals) for claim in claims)
    return [math.log(ratio.value) for ratio in ratios if ratio is not None]


def _evidence(claims: Sequence[Claim], diagnosis: str, rivals: Collection[str]) -> dict[int, float]:
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


def _argued(name: str, differential: list[str], claims: Sequence[Claim], rng: random.Random) -> Hypothesis:
    evidence = _evidence(claims, name, [other for other in differential if other != name])
    return Hypothesis(name, _top(evidence, 1, rng.choice((1, 1, 2))), _top(evidence, -1, 1))


def _strongest(claims: Sequence[Claim], rivals: list[str]) -> str:
    """The rival that the claims favour most over the other rivals; the first where they say nothing."""
    return max(rivals, key=lambda name: sum(_raw(claims, name, rivals)))


def _category_claims(
    claims: Sequence[Claim], diagnosis: str, differential: list[str], rng: random.Random
) -> tuple[int, ...]:
    outside = [name for name in differential if category_of(name) != category_of(diagnosis)]
    return _top(_evidence(claims, diagnosis, outside), 1, rng.choice((1, 1, 2)))


def _confidence(speaking: list[float], measured: list[float]) -> str:
    if not any(value > _CONVINCES for value in speaking) or sum(measured) < 0:
        return "low"
    return "high" if sum(measured) >= _HIGH else "moderate"
