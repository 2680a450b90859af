"""What picture and history say of a narrative, in the few words that the evaluator reads before it.

Numbers become words: a language model of this size compares words better than numbers, and the cut points are
where a reader would change his mind. `explain` shows the same lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.narrative.told import compare
from skingpt_r1.narrative.verify import said, status_of
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Claim, History, Modality, Narrative, Status

_LEVELS: Final = ((0.6, "likely"), (0.25, "possible"), (0.08, "doubtful"), (0.0, "unlikely"))
_NAMED: Final = 3  # most diagnoses that are told of a picture
NO_PICTURE: Final = "Picture: none."
_HEADS: Final = {
    (True, Status.SUPPORTED): "Seen",
    (True, Status.CONTRADICTED): "Not seen",
    (True, Status.NOT_CHECKABLE): "Open",
    (False, Status.SUPPORTED): "Told",
    (False, Status.CONTRADICTED): "Not told",
}


def support_of(claim: Claim, sight: Sight, history: History) -> float | None:
    """How far picture or history support a claim, 0..1, None where neither can tell."""
    if claim.concept in HISTORY_CONCEPTS:
        return compare(claim, history)[0]
    if claim.concept == "modality":
        if sight.dermoscopy is None:
            return None
        return sight.dermoscopy if (claim.value == Modality.DERMOSCOPY) == claim.polarity else 1 - sight.dermoscopy
    return sight.supports.get(claim.key)


def level(probability: float) -> str:
    """The word for a diagnosis' probability."""
    return next(word for least, word in _LEVELS if probability >= least)


def lines(narrative: Narrative, sight: Sight, naming: Mapping[str, float], history: History) -> tuple[str, ...]:
    """What is known, one sentence each. naming: diagnosis -> probability by the picture, empty without one."""
    told: dict[str, list[str]] = {}
    for claim in narrative.claims:
        status = status_of(support_of(claim, sight, history))
        head = _HEADS.get((claim.concept not in HISTORY_CONCEPTS, status))
        if head is not None:
            told.setdefault(head, []).append(said(claim))
    checks = tuple(f"{head}: {', '.join(told[head])}." for head in _HEADS.values() if head in told)
    seen = (NO_PICTURE,) if sight.embed is None else _picture(narrative.diagnosis, naming)
    return (*seen, *checks)


def _picture(diagnosis: str | None, naming: Mapping[str, float]) -> tuple[str, ...]:
    if not naming:
        return ()
    ranked = sorted(naming.items(), key=lambda pair: -pair[1])[:_NAMED]
    spoken = [f"{level(p)} {name}" for name, p in ranked if p >= _LEVELS[-2][0]] or [f"{level(0)} any"]
    named = diagnosis or "nothing"
    rank = level(naming[named]) if named in naming else "unknown"
    return (f"Picture: {', '.join(spoken)}.", f"Named: {named}, {rank}.")
