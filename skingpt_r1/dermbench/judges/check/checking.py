"""`skingpt bench judge-check`: every effect of every judge on one set of texts, and how far the judges agree."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skingpt_r1.dermbench.judges.asking import Order
from skingpt_r1.dermbench.judges.check.agreeing import Agreement, agreement, heard_scores, human_scores
from skingpt_r1.dermbench.judges.check.effects import (
    Effect,
    order_effects,
    own_family_effect,
    probe_effects,
    repeat_effects,
)
from skingpt_r1.dermbench.judges.check.families import OURS, family_of
from skingpt_r1.dermbench.judges.check.probes import PROBES
from skingpt_r1.dermbench.judges.check.running import Heard, hear, of_pairs
from skingpt_r1.dermbench.judges.check.texts import Pair
from skingpt_r1.dermbench.judges.naming import NamedJudge
from skingpt_r1.dermeval.raters import ScoreTable
from skingpt_r1.records import SkinGPTError

log = logging.getLogger(__name__)
PEOPLE = "people"


@dataclass(frozen=True)
class CheckConfig:
    """One check."""

    repeats: int = field(default=3, metadata={"help": "times that each text is scored as it is"})
    seed: int = field(default=0, metadata={"help": "of the altered texts"})


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """scored: texts with a score as they are. unscored: reasons, counted over all readings. cached: readings."""

    judge: str
    family: str | None
    scored: int
    readings: int
    cached: int
    unscored: Mapping[str, int]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """n: texts. cases: patients or lesions, which are drawn together."""

    n: int
    cases: int
    judges: tuple[JudgeReport, ...]
    agreement: tuple[Agreement, ...]

    def to_json(self) -> str:
        """The whole, null where nothing is known."""
        told: dict[str, Any] = asdict(self)
        return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def check(
    judges: Sequence[NamedJudge],
    pairs: Sequence[Pair],
    logs: Path,
    config: CheckConfig | None = None,
    people: ScoreTable | None = None,
) -> Report:
    """Every judge reads every text as it is and altered. logs: folder for the evaluations.

    Raises SkinGPTError where there is nothing to read, or a judge cannot be used.
    """
    config = config or CheckConfig()
    if not pairs:
        raise SkinGPTError("no text has a reference; judges are checked on candidates with their references.")
    if len({judge.name for judge in judges}) < len(judges):
        raise SkinGPTError("--judge: the same judge twice; `--repeats` asks one several times.")
    variants = [v for probe in PROBES.values() for v in probe.make(pairs, config.seed)]
    base, altered, reversed_ = dict[str, Heard](), dict[str, Heard](), dict[str, Heard | None]()
    for judge in judges:
        log.info("%s: %d texts, %d times; %d altered ones", judge.name, len(pairs), config.repeats, len(variants))
        base[judge.name] = hear(judge.scorer(), of_pairs(pairs), logs, "judge-check-as-they-are", config.repeats)
        altered[judge.name] = hear(judge.scorer(), {v.id: v.pair for v in variants}, logs, "judge-check-altered")
        turned = judge.scorer(Order.REVERSED) if judge.prompted else None
        reversed_[judge.name] = hear(turned, of_pairs(pairs), logs, "judge-check-reversed") if turned else None
    reports = []
    for judge in judges:
        name, family = judge.name, _family(judge)
        heard = [h for h in (base[name], altered[name], reversed_[name]) if h is not None]
        effects = (
            *repeat_effects(base[name], pairs),
            *probe_effects(base[name], altered[name], variants),
            *order_effects(base[name], reversed_[name], pairs),
            own_family_effect(name, family, base, pairs),
        )
        reports.append(_report(judge.name, family, heard, effects))
    scores = {name: heard_scores(heard) for name, heard in base.items()}
    if people is not None:
        scores[PEOPLE] = human_scores(people, pairs)
    agreed = [agreement(one, other, scores, pairs) for one, other in itertools.combinations(scores, 2)]
    return Report(len(pairs), len({pair.group for pair in pairs}), tuple(reports), tuple(agreed))


def _family(judge: NamedJudge) -> str | None:
    return family_of(judge.argument) if judge.prompted else OURS


def _report(judge: str, family: str | None, heard: Sequence[Heard], effects: tuple[Effect, ...]) -> JudgeReport:
    unscored: dict[str, int] = {}
    for of in heard:
        for reason, n in of.unscored.items():
            unscored[reason] = unscored.get(reason, 0) + n
    readings = sum(len(of) for h in heard for of in h.verdicts.values())
    scored = sum(heard[0].scores(key) is not None for key in heard[0].verdicts)
    return JudgeReport(judge, family, scored, readings, sum(h.cached for h in heard), unscored, effects)
