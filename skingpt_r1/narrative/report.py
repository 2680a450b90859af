"""Everything that is said about one photo, and its JSON form; terminal and HTML show the same record.

The first ten keys of the JSON are a contract with other people's scripts: names and order stay. `confidence`
is the calibrated number after the checks, while the narrative keeps the word that the model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from skingpt_r1.images.measure import LesionMeasurement
from skingpt_r1.images.quality import QualityIssue
from skingpt_r1.knowledge.likelihoods import OLD_AGE, LikelihoodRatio, feature_of
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.verify import Judgement, decisive, said
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Claim, Evidence, History, Narrative, Status, Urgency

SIGNS: Final[dict[Status, str]] = {
    Status.SUPPORTED: "+",
    Status.CONTRADICTED: "-",
    Status.NOT_CHECKABLE: "?",
}
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Report:
    """One photo's diagnosis with all that stands behind it.

    image: the path as given, untrusted. text: the narrative as the model wrote it, untrusted. diagnosis:
    preferred name, None where the text commits to none. label: the same in a label set's spelling.
    confidence: calibrated and after `verify.lowered`, 0..1. differential: (diagnosis, probability 0..1),
    the diagnosis, then the others, likeliest first. reason: why it abstained. advice: one plain sentence or two.
    notes: what is feared, why the confidence was lowered, and what else was repaired. seconds: by step. model: name,
    version, hashes. outside: why the picture is no business of the model's, None where it may be judged; `reason` says
    it too. among: diagnoses that hold the right one with the probability `coverage`, likeliest first; empty and 0 where
    nothing was fitted for the label set.
    """

    image: str
    text: str
    narrative: Narrative
    diagnosis: str | None
    label: str | None
    confidence: float
    differential: tuple[tuple[str, float], ...]
    abstained: bool
    reason: str | None
    urgency: Urgency
    advice: str
    quality: tuple[QualityIssue, ...] = ()
    measurement: LesionMeasurement | None = None
    judgements: tuple[Judgement, ...] = ()
    history: History = field(default_factory=History)
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    model: Mapping[str, str] = field(default_factory=dict)
    outside: str | None = None
    among: tuple[str, ...] = ()
    coverage: float = 0.0

    @property
    def summary(self) -> tuple[str, ...]:
        """The result in plain language, a sentence each."""
        if self.outside is not None:
            return (plain.OUTSIDE,)
        told = plain.summary(self.diagnosis, self.confidence, self.differential, self.narrative.claims, self.abstained)
        return (*told, plain.among(self.among, self.coverage, self.diagnosis)) if self.among else told

    @property
    def red_flags(self) -> tuple[str, ...]:
        """Warning signs that the narrative tells and no check contradicts; none where the picture was refused."""
        return plain.red_flags(self.diagnosis, self.narrative.claims) if self.outside is None else ()


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim as a report shows it. decides: whether the diagnosis rests on it."""

    position: int
    claim: Claim
    text: str
    decides: bool
    evidence: Evidence | None

    @property
    def sign(self) -> str:
        """+ supported, - contradicted, ? not checkable; for readers who see no colours."""
        return SIGNS[self.claim.status]


def claim_rows(report: Report) -> tuple[tuple[str, tuple[ClaimRow, ...]], ...]:
    """(heading, rows): first what is seen in the photo, then what was told; empty groups are left out."""
    rows = _rows(report)
    told = tuple(r for r in rows if r.claim.concept in HISTORY_CONCEPTS)
    seen = tuple(r for r in rows if r not in told)
    groups = (("Seen in the photo", seen), ("Told in the history", told))
    return tuple((title, group) for title, group in groups if group)


def _rows(report: Report) -> tuple[ClaimRow, ...]:
    deciding = decisive(report.narrative)
    return tuple(
        ClaimRow(i, c, capital(said(c)), i in deciding, c.evidence[0] if c.evidence else None)
        for i, c in enumerate(report.narrative.claims)
    )


def ranked(report: Report) -> tuple[tuple[str, float | None, tuple[Judgement, ...]], ...]:
    """(diagnosis, probability or None, judgements): the differential, then hypotheses without a number."""
    rows: dict[str, float | None] = dict(report.differential)
    for hypothesis in report.narrative.hypotheses:
        rows.setdefault(hypothesis.diagnosis, None)
    by_name = {name: tuple(j for j in report.judgements if j.diagnosis == name) for name in rows}
    return tuple((name, p, by_name[name]) for name, p in rows.items())


def region_evidence(report: Report) -> Evidence | None:
    """Where the model looked, None without an evidence map."""
    return next((e for c in report.narrative.claims for e in c.evidence if e.kind == "region"), None)


def counted_as(claim: Claim) -> str | None:
    """The group in which tables count an age or a site ("60 or older", "trunk"); None for other claims."""
    if claim.concept not in ("age", "site") or (feature := feature_of(claim.key)) is None:
        return None
    return feature[0].partition("|")[2] if feature[1] else f"younger than {OLD_AGE}"


def ratio_text(ratio: LikelihoodRatio | None) -> str:
    """ "LR 4.1 (95% CI 3.0 to 5.6, Derm7pt, n = 1,011)"; the full name of the table is left to footnotes."""
    if ratio is None:
        return "not counted in any table"
    interval = f"{ratio.low:.2g} to {ratio.high:.2g}"
    return f"LR {ratio.value:.2g} (95% CI {interval}, {short(ratio.source)}, n = {ratio.n:,})"


def short(source: str) -> str:
    """A table's name without its particulars."""
    return re.split(r" \(|,", source, maxsplit=1)[0]


def capital(text: str) -> str:
    """The text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def one_line(text: str) -> str:
    """Untrusted text made safe for a terminal or a page: control and direction characters are spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def as_json(report: Report) -> dict[str, Any]:
    """A JSON-ready dictionary: the contract's keys in order, then the extras."""
    return {
        "image": report.image,
        "text": report.text,
        "diagnosis": report.diagnosis,
        "label": report.label,
        "confidence": round(report.confidence, _DIGITS),
        "differential": [{"diagnosis": name, "probability": round(p, _DIGITS)} for name, p in report.differential],
        "claims": [_claim(row) for row in _rows(report)],
        "abstained": report.abstained,
        "reason": report.reason,
        "urgency": report.urgency.value,
        "advice": report.advice,
        "summary": list(report.summary),
        "notes": list(report.notes),
        "outside": report.outside,
        "among": {"coverage": report.coverage, "diagnoses": list(report.among)} if report.among else None,
        "judgements": [_judgement(j, report.narrative.claims) for j in report.judgements],
        "quality": [
            {
                "name": q.name,
                "value": round(q.value, _DIGITS),
                "limit": q.limit,
                "advice": q.advice,
                "blocking": q.blocking,
            }
            for q in report.quality
        ],
        "measurement": report.measurement.numbers() if report.measurement else None,
        "history": report.history.known(),
        "disclaimer": plain.DISCLAIMER,
        "model": dict(report.model),
        "seconds": {step: round(value, 3) for step, value in report.seconds.items()},
    }


def _claim(row: ClaimRow) -> dict[str, Any]:
    claim = row.claim
    return {
        "text": row.text,
        "concept": claim.concept,
        "value": claim.value,
        "polarity": claim.polarity,
        "status": claim.status.value,
        "support": None if claim.support is None else round(claim.support, _DIGITS),
        "decisive": row.decides,
        "evidence": [
            {
                "kind": e.kind,
                "detail": e.detail,
                "value": None if e.value is None else round(e.value, _DIGITS),
                "independent": e.independent,
            }
            for e in claim.evidence
        ],
    }


def _judgement(judgement: Judgement, claims: tuple[Claim, ...]) -> dict[str, Any]:
    ratio = judgement.ratio
    return {
        "diagnosis": judgement.diagnosis,
        "claim": judgement.position,
        "text": capital(said(claims[judgement.position])),
        "speaks": "for" if judgement.speaks_for else "against",
        "status": judgement.status.value,
        "likelihood_ratio": ratio
        and {
            "value": round(ratio.value, _DIGITS),
            "low": round(ratio.low, _DIGITS),
            "high": round(ratio.high, _DIGITS),
            "n": ratio.n,
            "source": ratio.source,
        },
    }
