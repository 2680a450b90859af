"""What can be counted of a narrative: numbers by name, for the first look at it.

The same evidence as `evidence` and `facts` tell in words, sense by sense; a name that does not occur counts as 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from skingpt_r1.dermeval.degrade.earned import earned
from skingpt_r1.dermeval.evidence import support_of
from skingpt_r1.dermeval.facts import far_from, ratios_of, rivals_of
from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.knowledge.conclusion import conclude
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.lint import Given, lint
from skingpt_r1.narrative.scan import Mention, scan
from skingpt_r1.narrative.verify import status_of
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import History, Narrative, Status

_TIME: Final = re.compile(r"\b(day|week|month|year)s?\b(?![ -]old)", re.IGNORECASE)
_LEAST_SENTENCE: Final = 20  # characters, below which saying a thing twice is no repetition


def told_counts(text: str, narrative: Narrative) -> dict[str, float]:
    """By the words alone: length, order, repetition, what is claimed, whether it ends as it argued."""
    mentions = scan(text)
    findings = [m.start / len(text) for m in mentions if m.key is not None]
    named = [m for m in mentions if m.diagnosis is not None]
    sentences = [s for part in text.splitlines() for s in part.split(". ") if len(s) >= _LEAST_SENTENCE]
    counts: Counter[str] = Counter(f"claims {_kind(c.concept)}" for c in narrative.claims)
    counts.update(f"time {unit.lower()}" for unit in _TIME.findall(text))
    return {
        **counts,
        "words": len(text.split()) / 100,
        "sentences again": len(sentences) - len(set(sentences)),
        "problems": len(narrative.problems),
        "blocks": float("[observation]" in text),
        "first finding": min(findings, default=1.0),
        "last finding": max(findings, default=0.0),
        "claims": len(narrative.claims),
        **_naming_counts(text, named, narrative.diagnosis),
    }


def _naming_counts(text: str, named: list[Mention], diagnosis: str | None) -> dict[str, float]:
    if not named:
        return {"names nothing": 1.0}
    spoken = Counter(m.diagnosis for m in named)
    last = named[-1].start
    before = conclude(text[: max(text.rfind("\n", 0, last), text.rfind(". ", 0, last)) + 1]).diagnosis
    return {
        "first name": named[0].start / len(text),
        "last name": last / len(text),
        "names": len(spoken),
        "concludes nothing": float(diagnosis is None),
        "share of the conclusion": spoken[diagnosis] / len(named),
        "ends with another": float(named[-1].diagnosis != diagnosis),
        "argued another": float(before is not None and before != diagnosis),
    }


def checked_counts(narrative: Narrative, sight: Sight, history: History) -> dict[str, float]:
    """How many claims picture and history contradict, by what they are about, and how far they are doubted in all."""
    counts: Counter[str] = Counter()
    doubt, least = 0.0, 1.0
    for claim in narrative.claims:
        support = support_of(claim, sight, history)
        status = status_of(support)
        if status is Status.CONTRADICTED:
            counts.update((f"against {_kind(claim.concept)}", "against"))
        if status is Status.NOT_CHECKABLE:
            counts["open"] += 1
        if support is not None:
            least = min(least, support)
            doubt += (1 - support) * (claim.concept not in HISTORY_CONCEPTS)
    return {**counts, "doubt": doubt, "least support": least, "picture": float(sight.embed is not None)}


def _kind(concept: str) -> str:
    """The concept, symptoms together."""
    return "symptom" if concept in HISTORY_CONCEPTS and concept not in ("age", "sex", "site") else concept


def picture_counts(diagnosis: str | None, naming: Mapping[str, float]) -> dict[str, float]:
    """How far the picture speaks for the diagnosis; nothing without a picture."""
    if not naming:
        return {}
    rows = table()
    grave = sum(p for name, p in naming.items() if name in rows and rows[name].malignant != "benign")
    harmless = diagnosis in rows and rows[diagnosis].malignant == "benign"
    share, most = naming.get(diagnosis or "", 0.0), max(naming.values())
    return {
        "named": share,
        "likeliest": most,
        "behind the likeliest": most - share,
        "unknown to the picture": float(diagnosis not in naming),
        "grave": grave,
        "grave missed": grave * harmless,
    }


def known_counts(narrative: Narrative) -> dict[str, float]:
    """What knowledge says of the diagnosis, its rivals and its reasons, and what the rubric takes off at sight."""
    counts = {f"earned {name}": float(points) for name, points in earned(narrative).items()}
    row = table().get(narrative.diagnosis or "")
    if row is None:
        return counts
    rivals = rivals_of(narrative, row)
    ratios = ratios_of(narrative, row, rivals)
    own = next((h for h in narrative.hypotheses if h.diagnosis == row.name), None)
    return {
        **counts,
        "rivals": len(rivals),
        "far rivals": len(far_from(row, rivals)),
        "no rival": float(not rivals),
        "grave rival": float(any(r.malignant == "malignant" for r in rivals)),
        "harmless": float(row.malignant == "benign"),
        "speaks for": sum(r > 0 for r in ratios.values()),
        "speaks against": sum(r < 0 for r in ratios.values()),
        "log ratio": sum(ratios.values()),
        "not weighed": float(own is None),
        "decides": len(narrative.deciding),
        "decides by what is against": sum(ratios.get(p, 0) < 0 for p in narrative.deciding)
        + len(set(narrative.deciding) & set(own.speaks_against if own else ())),
        f"{row.urgency} told {narrative.urgency or 'otherwise'}": 1.0,
    }


def rule_counts(text: str, history: History) -> dict[str, float]:
    """Which rules of lint the text breaks."""
    broken = Counter(finding.rule for finding in lint(text, Given(history=history)))
    return {**{f"rule {name}": 1.0 for name in broken}, "rules": len(broken)}
