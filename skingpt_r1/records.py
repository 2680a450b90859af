"""The three nouns: a Case becomes a Narrative, a Narrative earns an Assessment.

Everything that is written to disk is a stream of these (JSON Lines, one schema version), and every
room of the package turns one into the next. This module imports nothing of ours, so that any room
can import it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1


class SkinGPTError(Exception):
    """Anything that a user can mend; its text says what, where, and what to do."""


class CaseError(SkinGPTError):
    """A picture, a table or a row that cannot become a Case."""


class Modality(StrEnum):
    """How the picture was taken; it decides which findings a picture can show."""

    DERMOSCOPY = "dermoscopy"
    CLINICAL = "clinical"


class Status(StrEnum):
    """What something other than the text says of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_CHECKABLE = "not checkable"


class Urgency(StrEnum):
    """When a doctor must look, most urgent first."""

    URGENT = "urgent"  # within two weeks
    SOON = "soon"  # within weeks
    ROUTINE = "routine"  # at the next opportunity
    SELF_WATCH = "self-watch"  # a doctor if it changes


@dataclass(frozen=True, slots=True)
class History:
    """What the patient tells, not what the picture shows. None means "not recorded".

    age: years, 0..120. sex: "female" or "male". site: body site in plain words ("forearm").
    skin_type: Fitzpatrick skin type, 1..6. itch .. elevation: symptoms of the last weeks as
    recorded in PAD-UFES-20. diameter_mm: largest diameter, millimetres.
    """

    age: float | None = None
    sex: str | None = None
    site: str | None = None
    skin_type: int | None = None
    itch: bool | None = None
    grew: bool | None = None
    hurt: bool | None = None
    changed: bool | None = None
    bleed: bool | None = None
    elevation: bool | None = None
    diameter_mm: float | None = None

    def known(self) -> dict[str, Any]:
        """The recorded fields only, in declaration order."""
        return {f.name: v for f in dataclasses.fields(self) if (v := getattr(self, f.name)) is not None}


@dataclass(frozen=True, slots=True)
class Case:
    """One picture of one lesion, and what is known about it.

    image, mask: file paths. dataset: name of the source ("ham10000"). label: the source's own
    spelling; diagnosis: the preferred name in the knowledge table, None if unknown. group: patient
    or lesion, whatever must stay on one side of a split. split: "train", "val", "test" or None.
    concepts: expert-annotated findings, None where no expert looked.
    """

    id: str
    image: str
    modality: Modality
    dataset: str
    history: History = field(default_factory=History)
    label: str | None = None
    diagnosis: str | None = None
    group: str | None = None
    split: str | None = None
    mask: str | None = None
    concepts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a claim was checked against.

    kind: "measurement", "concept", "region", "history" or "knowledge". detail: one sentence a
    reader understands. value: the number behind it. independent: why this is not the writer
    asked twice.
    """

    kind: str
    detail: str
    value: float | None = None
    independent: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable statement: a concept has (polarity True) or lacks a value.

    support: 0 (contradicted) .. 1 (supported), None while nothing has checked it. The id is the
    position in the narrative; hypotheses refer to claims by it.
    """

    concept: str
    value: str
    polarity: bool = True
    status: Status = Status.NOT_CHECKABLE
    support: float | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def key(self) -> tuple[str, str, bool]:
        """What is claimed, without what was found out about it."""
        return (self.concept, self.value, self.polarity)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One candidate of the differential; `speaks_for` and `speaks_against` are claim positions."""

    diagnosis: str
    speaks_for: tuple[int, ...] = ()
    speaks_against: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrative:
    """Step-by-step reasoning over one picture.

    category: disease family. synthesis: (deciding claim positions, the rival that was rejected,
    the claim positions that leave doubt). diagnosis: preferred name, or as written where it is
    unknown, None where the text commits to none. confidence: "high", "moderate" or "low" as
    written; the calibrated number belongs to the report. problems: what a parser could not read.
    """

    claims: tuple[Claim, ...] = ()
    category: str | None = None
    category_claims: tuple[int, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    deciding: tuple[int, ...] = ()
    rival: str | None = None
    doubts: tuple[int, ...] = ()
    diagnosis: str | None = None
    confidence: str | None = None
    urgency: Urgency | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """A critique and six scores, 0 (unusable) .. 5 (clinically aligned), in the papers' order."""

    critique: str
    accuracy: float
    safety: float
    medical_groundedness: float
    clinical_coverage: float
    reasoning_coherence: float
    description_precision: float


def to_json(record: Any) -> str:
    """One JSON line of a record, schema version included; keys in declaration order."""
    return json.dumps({"schema": SCHEMA_VERSION, **dataclasses.asdict(record)}, ensure_ascii=False)


_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LIMITS = {"age": (0, 120), "skin_type": (1, 6), "diameter_mm": (0, 1000)}


def read_history(pairs: list[str]) -> History:
    """History from ["age=63", "bleed=yes"]. Raises CaseError on an unknown key or value."""
    kinds = {f.name: str(f.type) for f in dataclasses.fields(History)}
    values: dict[str, Any] = {}
    for pair in pairs:
        key, _, raw = (part.strip() for part in pair.partition("="))
        if key not in kinds or not raw:
            raise CaseError(f"--history {pair!r}: use key=value with a key of: {', '.join(kinds)}.")
        values[key] = _history_value(key, raw, kinds[key])
    return History(**values)


def _history_value(key: str, raw: str, kind: str) -> Any:
    if kind.startswith("bool"):
        if raw.lower() not in _YES_NO:
            raise CaseError(f"--history {key}={raw}: use yes or no.")
        return _YES_NO[raw.lower()]
    if kind.startswith("str"):
        return raw.lower()
    low, high = _LIMITS[key]
    try:
        number = float(raw)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise CaseError(f"--history {key}={raw}: use a number from {low} to {high}.")
    return int(number) if kind.startswith("int") else number


def with_checks(narrative: Narrative, claims: tuple[Claim, ...]) -> Narrative:
    """The same narrative with its claims' statuses filled in; refuses to change what was claimed."""
    if [c.key for c in claims] != [c.key for c in narrative.claims]:
        raise ValueError("verification may not edit a claim")
    return dataclasses.replace(narrative, claims=claims)
