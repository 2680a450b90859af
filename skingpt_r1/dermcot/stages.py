"""The stages that turn a case into an entry of the corpus; each is a function, and what each made is kept.

describe blind -> reason, knowing the label -> word -> lint -> score. A case that a stage refuses becomes an entry with
the reason and no text, so that nothing is lost silently.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skingpt_r1.dermcot.describing import Describer, Description
from skingpt_r1.dermcot.draft import LEAST_SUPPORT, ScoredClaim, draft
from skingpt_r1.dermcot.evidence import tellable
from skingpt_r1.dermcot.scoring import Score, Scorer, Told
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.lint import Finding, Given, Severity, lint
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import render
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import SCHEMA_VERSION, Case, CaseError, Claim, History, Narrative
from skingpt_r1.sources.clustering import key

Confusion = Mapping[str, Mapping[str, float]]  # diagnosis -> share of its validation pictures called so
_RIVALS = 6  # candidates that a rationale may choose from
_KNOWN = 0.02  # weight of a rival that only the table names, beside a share of validation pictures


@dataclass(frozen=True, slots=True)
class Entry:
    """One case with what every stage made of it.

    described: the claims and their support, before the label was known. history: what the narrative was told of it, and
    its prompt gives; empty where it was withheld. text: None where a stage refused the case.
    kept: whether it belongs to the corpus; why: the reason if not. said: a describing model's words, verbatim, and
    dropped: what of them was not taken, with the reason; both empty where nobody but measurements spoke.
    """

    case: Case
    described: tuple[ScoredClaim, ...] = ()
    candidates: tuple[str, ...] = ()
    history: History = field(default_factory=History)
    text: str | None = None
    findings: tuple[Finding, ...] = ()
    score: Score | None = None
    kept: bool = False
    why: str = ""
    said: str = ""
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the stages work with."""

    describe: Describer
    scorer: Scorer
    confusion: Confusion


@dataclass(frozen=True)
class BuildConfig:
    """What the text of a corpus depends on, beside the cases and the tools."""

    describer: str = field(default="measured", metadata={"help": "who describes"})
    scorer: str = field(default="lint", metadata={"help": "who scores"})
    least_score: float = field(default=4.0, metadata={"help": "0..5, entries below it are rejected"})
    history_share: float = field(
        default=0.5,
        metadata={
            "help": "share of the narratives that are told their case's history; the others show the picture alone"
        },
    )
    seed: int = field(default=0, metadata={"help": "seed of what is told and of the wording"})


def entry_of(case: Case, tools: Tools, config: BuildConfig) -> Entry:
    """All stages. What is wrong with the case is told in `why`; what ails the run is raised."""
    if case.diagnosis is None or case.diagnosis not in table():
        return Entry(case, why=f"the label {case.label!r} is no diagnosis of the knowledge table")
    try:
        told = tools.describe(blind(case))
    except CaseError as error:
        return Entry(case, why=f"not described: {error}")
    description = told if isinstance(told, Description) else Description(tuple(told))
    described = description.claims
    said: dict[str, Any] = {"said": description.said, "dropped": description.dropped}
    if description.fault:
        return Entry(case, described, why=f"not described: {description.fault}", **said)
    rng = random.Random(f"{config.seed} {key(case)}")
    candidates = rivals(case.diagnosis, tools.confusion, rng)
    history = tellable(case.history) if rng.random() < config.history_share else History()
    usable = described if history.known() else [s for s in described if s.claim.concept not in HISTORY_CONCEPTS]
    try:
        narrative = draft(usable, case.diagnosis, candidates, rng)
    except ValueError as error:
        return Entry(case, described, candidates, history, why=f"not reasoned: {error}", **said)
    text = worded(narrative, rng.randrange(10**6))
    findings = tuple(lint(text, given(case, described)))
    broken = {finding.rule: finding.severity for finding in findings}
    (score,) = tools.scorer.score([Told(dataclasses.replace(case, history=history), text, broken)])
    if isinstance(score, CaseError):
        return Entry(case, described, candidates, history, text, findings, why=unscored(score), **said)
    why = unfit(broken, score, config.least_score)
    return Entry(case, described, candidates, history, text, findings, score, not why, why, **said)


def blind(case: Case) -> Case:
    """The case without everything that tells or follows from its label.

    Expert concept rows exist for some diagnoses only, so that merely having them would tell.
    """
    return dataclasses.replace(case, label=None, diagnosis=None, concepts=None)


def rivals(diagnosis: str, confusion: Confusion, rng: random.Random) -> tuple[str, ...]:
    """Diagnoses that are really confused with this one: by the classifier on validation, then by the knowledge table.

    Chance has a say in the order, so that one diagnosis does not always meet the same rival.
    """
    mistaken = {name: share for name, share in confusion.get(diagnosis, {}).items() if name != diagnosis}
    known = [name for name in table()[diagnosis].confused_with if name in table()]
    weight = dict.fromkeys(known, _KNOWN) | {name: share + _KNOWN for name, share in mistaken.items()}
    family = table()[diagnosis].family[:2]
    if not weight:  # nobody says: its nearest relatives
        weight = {name: 0.01 for name, row in table().items() if name != diagnosis and row.family[:2] == family}
    order = sorted(weight, key=lambda name: -weight[name] * rng.uniform(0.3, 1.0))
    return tuple(order[:_RIVALS])


def worded(narrative: Narrative, style: int) -> str:
    """The narrative in words, checked by reading it back. Raises ValueError where it does not come back."""
    text = render(narrative, style)
    if parse(text) != narrative:
        raise ValueError(f"style {style} does not read back as it was meant: {text!r}")
    return text


def given(case: Case, described: Sequence[ScoredClaim]) -> Given:
    """What the lint may know of the case."""
    return Given(
        label=case.label,
        image=case.image,
        history=case.history,
        modality=case.modality,
        measured=tuple(Claim(*scored.claim.key) for scored in described if scored.support >= LEAST_SUPPORT),
    )


def unscored(error: CaseError) -> str:
    """Why an entry that nobody could score is left out."""
    return f"not scored: {error}"


def unfit(broken: Mapping[str, Severity], score: Score, least: float) -> str:
    """Why an entry is left out of the corpus, empty if it is not. broken: rules of the lint."""
    if wrong := sorted(rule for rule, severity in broken.items() if severity is Severity.ERROR):
        return f"lint: {', '.join(wrong)}"
    return "" if score.value >= least else f"{score.scorer} score below {least:g}: {score.value:g}"


def as_line(entry: Entry) -> str:
    """One JSON line."""
    told = dataclasses.asdict(entry) | {
        "described": [[*scored.claim.key, round(scored.support, 4)] for scored in entry.described],
    }
    if not entry.said:
        del told["said"], told["dropped"]
    return json.dumps({"schema": SCHEMA_VERSION, **told}, ensure_ascii=False) + "\n"


def key_of(line: dict[str, Any]) -> str:
    """ "dataset/id" of a parsed line."""
    return f"{line['case']['dataset']}/{line['case']['id']}"
