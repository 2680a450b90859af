"""Drafts a training narrative from evidence: what was measured, told and labelled, and nothing else.

The description is chosen without looking at the diagnosis (strength and chance only); the diagnosis enters
where the measured likelihood ratios say which claim speaks for what. A claim without a measured ratio speaks
for nothing, and where nothing measured favours the label the narrative says so by its low confidence.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.arguing import argued, arranged
from skingpt_r1.records import Claim, Narrative


class ScoredClaim(NamedTuple):
    """A claim and how far its evidence supports it, 0..1."""

    claim: Claim
    support: float


_TOLD_SHARE: Final = 0.85  # of the findings that the evidence carries, in one narrative
_COLOURS: Final = 3  # most colours of one narrative, the largest shares
_HISTORY: Final = 3  # most facts of the history in one narrative
_ABSENT_SHARE: Final = 0.15  # of narratives that name one finding which is not there
LEAST_SUPPORT: Final = 0.5
_SEVERAL: Final = ("colour", "structure")  # kinds of which one lesion may have more than one


def draft(
    case_claims: Sequence[ScoredClaim], diagnosis: str, candidates: Sequence[str], rng: random.Random
) -> Narrative:
    """One narrative of a case whose diagnosis is known. Another rng state tells the same case otherwise.

    candidates: preferred names that are really confused with it, likeliest first. Raises ValueError without a
    usable claim or a candidate.
    """
    claims = arranged(_chosen(case_claims, rng))
    rivals = [name for name in dict.fromkeys(candidates) if name != diagnosis]
    if not claims or not rivals:
        raise ValueError(f"{diagnosis}: a draft needs a claim that the vocabulary knows, and another candidate")
    return argued(claims, _differential(diagnosis, rivals, rng), rng)


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


def _differential(diagnosis: str, rivals: list[str], rng: random.Random) -> list[str]:
    """The diagnosis first: a differential is read as ranked, and the writer commits itself at its first name."""
    chosen = rivals[:1] if rng.random() < 0.7 else []
    others = [name for name in rivals if name not in chosen]
    while others and len(chosen) < min(3, len(rivals)) and (not chosen or rng.random() < 0.6):
        chosen.append(others.pop(min(rng.randrange(len(others)), rng.randrange(len(others)))))
    return [diagnosis, *chosen]
