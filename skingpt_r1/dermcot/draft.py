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


_CLAIMS: Final = (5, 8)  # of one narrative, fewer only if the evidence has fewer
_ABSENT: Final = 1  # most findings of one narrative that are not there; a list of them describes nothing
_ABSENT_SHARE: Final = 0.3  # of narratives that may have one
_LEAST_SUPPORT: Final = 0.5
_RESTLESSNESS: Final = 0.35  # noise on the support that ranks claims; 0 would always tell the same ones
_MODALITY_SHARE: Final = 0.9
_SPEAKS: Final = math.log(1.15)  # least log ratio that is worth a word
_CONVINCES: Final = math.log(1.3)  # one claim at least, or the confidence is low
_HIGH: Final = math.log(5)  # of all claims together, for high confidence
_ONE_OF_A_KIND: Final = frozenset(
    (
        "size",
        "symmetry",
        "border",
        "edge",
        "variety",
        "modality",
        "age",
        "site",
        "sex",
        "diameter",
        "skin type",
    )
)


def draft(
    case_claims: Sequence[ScoredClaim], diagnosis: str, candidates: Sequence[str], rng: random.Random
) -> Narrative:
    """One narrative of a case whose diagnosis is known. Another rng state tells the same case otherwise.

    candidates: preferred names that are really confused with it, likeliest first. Raises ValueError without a
    usable claim or a candidate.
    """
    claims = _arranged(_chosen(case_claims, rng), rng)
    rivals = [name for name in dict.fromkeys(candidates) if name != diagnosis]
    if not claims or not rivals:
        raise ValueError(f"{diagnosis}: a draft needs a claim that the vocabulary knows, and another candidate")
    differential = _differential(diagnosis, rivals, rng)
    hypotheses = tuple(_argued(name, differential, claims, rng) for name in differential)
    rival = _strongest(claims, [name for name in differential if name != diagnosis])
    evidence = _evidence(claims, diagnosis, [rival])
    strengths = _evidence(claims, diagnosis, differential)
    confidence = _confidence(list(strengths.values()), list(_raw(claims, diagnosis, differential)))
    return Narrative(
        claims=tuple(claims),
        category=category_of(diagnosis),
        category_claims=_category_claims(claims, diagnosis, differential, rng),
        hypotheses=hypotheses,
        deciding=_top(evidence, 1, rng.randint(1, 2)),
        rival=rival,
        doubts=_top(evidence, -1, 1),
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
    """A random handful, strong ones preferred, none that another one excludes. Knows no diagnosis."""
    usable = [s for s in case_claims if s.support >= _LEAST_SUPPORT and vocabulary.is_known(s.claim.key)]
    ranked = sorted(usable, key=lambda s: s.support + rng.uniform(0, _RESTLESSNESS), reverse=True)
    wanted = rng.randint(*_CLAIMS)
    most_absent = _ABSENT if rng.random() < _ABSENT_SHARE or not any(s.claim.polarity for s in usable) else 0
    if rng.random() < _MODALITY_SHARE:
        ranked.sort(key=lambda s: s.claim.concept != "modality")
    taken: dict[vocabulary.Key, Claim] = {}
    for claim, _ in ranked:
        rules_out = claim.concept in _ONE_OF_A_KIND and any(c.concept == claim.concept for c in taken.values())
        absent = not claim.polarity and sum(not c.polarity for c in taken.values()) >= most_absent
        if len(taken) < wanted and not rules_out and not absent and vocabulary.opposite(claim.key) not in taken:
            taken.setdefault(claim.key, Claim(*claim.key))
    return list(taken.values())


def _arranged(claims: list[Claim], rng: random.Random) -> list[Claim]:
    """Picture, then what is seen, then history; sometimes history first; within each in any order."""
    parts: dict[str, list[Claim]] = {"picture": [], "seen": [], "history": []}
    for claim in claims:
        is_picture = claim.concept in ("modality", "size", "site")
        is_history = claim.concept in vocabulary.HISTORY_CONCEPTS
        parts["picture" if is_picture else "history" if is_history else "seen"].append(claim)
    for part in parts.values():
        rng.shuffle(part)
    parts["picture"].sort(key=lambda c: c.concept != "modality")
    order = ("picture", "seen", "history") if rng.random() < 0.8 else ("picture", "history", "seen")
    return [claim for name in order for claim in parts[name]]


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
