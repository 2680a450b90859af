"""Checks every claim of a narrative against something that did not write it; changes nothing of what it says.

One witness settles a claim: the history for what was told, a measurement for what a mask and pixels show, an
expert-trained head for structures. The evidence map never settles a claim (looking at the right place is no
proof of having seen right); it is shown, and lowers the confidence where the writer looked elsewhere.
"Supported" means that the witness agrees, not that the claim is true. What bites: a history field that nobody
filled in contradicts every claim about it, denials included, because the writer can only have invented it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.images.findings import explain, support
from skingpt_r1.images.measure import LesionMeasurement
from skingpt_r1.knowledge.likelihoods import LikelihoodRatio, likelihood_ratio
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.told import compare
from skingpt_r1.records import Claim, Evidence, History, Modality, Narrative, Status, with_checks

SUPPORTED_FROM: Final = 0.6
CONTRADICTED_TO: Final = 0.4
"""Between the two a witness leans too little to be quoted: the claim is "not checkable", borderline. 0.4 and
0.6 are where a measured number lies a quarter of its own spread from the cut point (normal error)."""

CONTRADICTED_FACTOR: Final = 0.8  # on the confidence, for each contradicted decisive claim
LOOKED_ELSEWHERE_FACTOR: Final = 0.9  # on the confidence, where the evidence map avoids the lesion
_MOST_COUNTED: Final = 3  # contradicted claims that lower the confidence, so that it never falls below half
_TELLING_AREA: Final = 0.8  # share of the picture above which a map inside the lesion says nothing

INDEPENDENT: Final[dict[str, str]] = {
    "measurement": "Pixels are counted inside an outline drawn by another network, which was trained on "
    "experts' outlines and reads no text.",
    "concept": "A separate head on frozen image features, trained on expert rows and not on any narrative, "
    "gives this answer.",
    "region": "The outline comes from another network than the one whose evidence map is compared with it.",
    "history": "This is what the user typed; the writer cannot change it.",
    "knowledge": "Cases were counted in published expert tables before this picture was seen.",
}


@dataclass(frozen=True, slots=True)
class ConceptReading:
    """What the head says of one structure. probability: 0..1. threshold: where it says yes, inside 0..1.

    precision: share of its yes that experts shared on validation rows, None where it was not measured; such a
    reading checks nothing.
    """

    probability: float
    threshold: float
    precision: float | None


@dataclass(frozen=True, slots=True)
class RegionReading:
    """inside: share of the evidence map in the lesion's outline; area: the lesion's share of the picture."""

    inside: float
    area: float


@dataclass(frozen=True)
class Witnesses:
    """All that may speak about one photo, each None or empty where there is none.

    concept_probabilities: by value of the concept "structure". modality_probability: of dermoscopy, by a
    head, 0..1. modality: how the picture was taken, if the user said so; it outweighs the head.
    """

    measurement: LesionMeasurement | None = None
    history: History = field(default_factory=History)
    concept_probabilities: Mapping[str, ConceptReading] = field(default_factory=dict)
    modality_probability: float | None = None
    modality: Modality | None = None
    region: RegionReading | None = None

    @property
    def dermoscopy(self) -> float | None:
        """Chance that the picture is dermoscopic, None where nobody can tell."""
        if self.modality is not None:
            return float(self.modality is Modality.DERMOSCOPY)
        return self.modality_probability


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether counted cases agree that the claim at `position` speaks for (or against) a hypothesis.

    ratio: against the other hypotheses of the differential, None where no table counts it. status: supported
    or contradicted where the 95 % interval leaves out 1, else not checkable.
    """

    diagnosis: str
    position: int
    speaks_for: bool
    status: Status
    ratio: LikelihoodRatio | None


def verify(narrative: Narrative, witnesses: Witnesses) -> Narrative:
    """The same narrative with status, support and evidence on every claim."""
    return with_checks(narrative, tuple(_checked(claim, witnesses) for claim in narrative.claims))


def status_of(support: float | None) -> Status:
    """The status that a support stands for."""
    if support is None or CONTRADICTED_TO < support < SUPPORTED_FROM:
        return Status.NOT_CHECKABLE
    return Status.SUPPORTED if support >= SUPPORTED_FROM else Status.CONTRADICTED


def judge_differential(narrative: Narrative) -> tuple[Judgement, ...]:
    """One judgement for every claim that a hypothesis uses, in the narrative's order."""
    names = [h.diagnosis for h in narrative.hypotheses]
    return tuple(
        _judged(name, position, narrative.claims[position], side, names)
        for name, hypothesis in zip(names, narrative.hypotheses, strict=True)
        for side, positions in ((True, hypothesis.speaks_for), (False, hypothesis.speaks_against))
        for position in positions
    )


def decisive(narrative: Narrative) -> tuple[int, ...]:
    """Positions of the claims on which the diagnosis rests: the deciding ones, then what speaks for it."""
    own = [h.speaks_for for h in narrative.hypotheses if h.diagnosis == narrative.diagnosis]
    return tuple(dict.fromkeys((*narrative.deciding, *(p for positions in own for p in positions))))


def lowered(confidence: float, narrative: Narrative) -> tuple[float, tuple[str, ...]]:
    """The diagnosis' probability after the checks, and a sentence for each reason; never higher than before.

    Each contradicted decisive claim, three at most, takes a fifth; an evidence map that avoids the lesion
    takes a tenth. Both factors are set by judgement, not fitted; calibration comes after them. A synthesis that
    contradicts its own differential is only told: the writer avoids it wherever it finds another sentence.
    """
    reasons: list[str] = []
    for position in decisive(narrative):
        claim = narrative.claims[position]
        if claim.status is Status.CONTRADICTED and len(reasons) < _MOST_COUNTED:
            confidence *= CONTRADICTED_FACTOR
            detail = claim.evidence[0].detail if claim.evidence else "contradicted"
            reasons.append(
                f'The diagnosis rests on "{said(claim)}", which the check contradicts ({detail}); '
                "the confidence is lowered."
            )
    regions = [e.value for c in narrative.claims for e in c.evidence if e.kind == "region"]
    if any(value is not None and value < 1 for value in regions):
        confidence *= LOOKED_ELSEWHERE_FACTOR
        reasons.append(
            "The model looked elsewhere: its evidence map lies in the lesion no more than chance puts it "
            "there; the confidence is lowered."
        )
    return confidence, (*reasons, *_contradictions(narrative))


def turned_round(narrative: Narrative) -> tuple[int, ...]:
    """Positions of the claims that decide for the diagnosis though its own differential counts them against it, or
    the other way round. Without a diagnosis yet, of the first hypothesis."""
    name = narrative.diagnosis or (narrative.hypotheses[0].diagnosis if narrative.hypotheses else None)
    own = [h for h in narrative.hypotheses if h.diagnosis == name]
    speaks_for = {p for h in own for p in h.speaks_for}
    against = {p for h in own for p in h.speaks_against}
    return (*(p for p in narrative.deciding if p in against), *(p for p in narrative.doubts if p in speaks_for))


def _contradictions(narrative: Narrative) -> list[str]:
    """A sentence for each claim that the synthesis turns round."""
    return [
        f'The reasoning contradicts itself: "{said(narrative.claims[position])}" speaks for {narrative.diagnosis} in '
        "one place, and against it in another."
        for position in turned_round(narrative)
    ]


def said(claim: Claim) -> str:
    """The claim in its plainest words, without article; its parts as they are where the grammar has none."""
    if vocabulary.is_known(claim.key):
        return vocabulary.bare(vocabulary.phrases(claim.key)[0])
    return f"{'' if claim.polarity else 'no '}{claim.concept}: {claim.value}"


def _checked(claim: Claim, witnesses: Witnesses) -> Claim:
    if claim.concept in vocabulary.HISTORY_CONCEPTS:
        number, evidence = _told(claim, witnesses)
    elif claim.concept == "modality":
        number, evidence = _modality(claim, witnesses)
    elif claim.concept == "structure":
        number, evidence = _structure(claim, witnesses)
    elif claim.concept in (*vocabulary.SHAPE, *vocabulary.INSIDE):
        number, evidence = _measured(claim, witnesses.measurement)
    else:
        number, evidence = None, _evidence("knowledge", f"nothing here checks claims about {claim.concept}")
    seen = claim.concept in (*vocabulary.SHAPE, *vocabulary.INSIDE)
    region = _region(witnesses.region) if seen else ()
    return dataclasses.replace(claim, status=status_of(number), support=number, evidence=(evidence, *region))


def _told(claim: Claim, witnesses: Witnesses) -> tuple[float | None, Evidence]:
    found = witnesses.measurement
    unasked = witnesses.history.diameter_mm is None
    if claim.concept == "diameter" and unasked and found is not None and found.diameter_mm is not None:
        width = found.diameter_mm.value
        off = abs(float(claim.value) - width) / max(width, 0.1)  # support 0.6 at 20 % off, 0.4 at 30 %
        return min(0.98, max(0.02, 1 - 2 * off)), _evidence(
            "measurement", f"the lesion measures {width:.1f} mm across", width
        )
    number, detail = compare(claim, witnesses.history)
    return number, _evidence("history", detail, number)


def _modality(claim: Claim, witnesses: Witnesses) -> tuple[float | None, Evidence]:
    chance = witnesses.dermoscopy
    if chance is None:
        return None, _evidence("concept", "nothing here can tell how the picture was taken")
    number = chance if (claim.value == Modality.DERMOSCOPY) == claim.polarity else 1 - chance
    if witnesses.modality is not None:
        return number, _evidence("history", f"the user says: {witnesses.modality} picture", chance)
    return number, _evidence("concept", f"dermoscopy at {chance:.0%} by the picture-type head", chance)


def _structure(claim: Claim, witnesses: Witnesses) -> tuple[float | None, Evidence]:
    """Support runs from 0 over 0.5 at the head's threshold to 1, and never beyond its precision."""
    reading = witnesses.concept_probabilities.get(claim.value)
    if reading is None or reading.precision is None:
        return None, _evidence("concept", "no head with a measured precision looks for this structure")
    if (chance := witnesses.dermoscopy) is not None and chance < 0.5:
        return None, _evidence("concept", "the head knows dermoscopic pictures only, and this seems none")
    probability, limit = reading.probability, min(0.99, max(0.01, reading.threshold))
    scaled = probability / limit if probability < limit else 1 + (probability - limit) / (1 - limit)
    present = min(max(scaled / 2, 1 - reading.precision), max(reading.precision, 0.5))
    detail = (
        f"the structure head gives {probability:.0%} and says yes from {limit:.0%}; "
        f"on validation rows {reading.precision:.0%} of its yes were right"
    )
    number = present if claim.polarity else 1 - present
    return number, _evidence("concept", detail + _borderline(number), probability)


def _measured(claim: Claim, measurement: LesionMeasurement | None) -> tuple[float | None, Evidence]:
    if measurement is None:
        return None, _evidence("measurement", "no lesion could be outlined in this photo")
    number = support(measurement, *claim.key)
    told = explain(measurement, claim.concept, claim.value)
    if number is None or told is None:
        known = claim.key in vocabulary.WRITINGS
        cut = f"{measurement.cut:.0%} of the outline is the picture's edge, so its shape is unknown"
        return None, _evidence("measurement", cut if known else f"{claim.value} is not measured")
    return number, _evidence("measurement", told[0] + _borderline(number), told[1])


def _borderline(number: float) -> str:
    return "; too close to call" if status_of(number) is Status.NOT_CHECKABLE else ""


def _region(region: RegionReading | None) -> tuple[Evidence, ...]:
    """The value is how much more of the map lies in the lesion than if it were spread evenly."""
    if region is None or not 0 < region.area <= _TELLING_AREA:
        return ()
    detail = (
        f"{region.inside:.0%} of the evidence map lies inside the outline, which takes {region.area:.0%} of the picture"
    )
    return (_evidence("region", detail, region.inside / region.area),)


def _evidence(kind: str, detail: str, value: float | None = None) -> Evidence:
    return Evidence(kind, detail, value, INDEPENDENT[kind])


def _judged(name: str, position: int, claim: Claim, speaks_for: bool, names: list[str]) -> Judgement:
    ratio = likelihood_ratio(*claim.key, name, names) if vocabulary.is_known(claim.key) else None
    status = Status.NOT_CHECKABLE
    if ratio is not None and not ratio.low <= 1 <= ratio.high:
        agrees = (ratio.value > 1) == speaks_for
        status = Status.SUPPORTED if agrees else Status.CONTRADICTED
    return Judgement(name, position, speaks_for, status, ratio)
