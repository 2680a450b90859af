"""Six scores of a candidate by comparison with a reference: documented rules, no model, no picture.

Every rule is a choice of ours, read off the anchors of the rubric; none was fitted to scores, and nobody has scored by
them. Each dimension begins with what the main comparison earns and loses points for what is noted beside it; a score is
kept within 0..5, with one decimal. What the reference does itself is not held against the candidate: broken
rules, vague words and missing advice count only beyond the reference's own. Words that are no part of the vocabulary
stay unread, so the judge sees less of free prose than of our grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.dermbench.judges.advice import TOO_LATE
from skingpt_r1.dermbench.judges.told import TERM, Told, against
from skingpt_r1.dermeval.facts import far_from, ratios_of, rivals_of
from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST
from skingpt_r1.knowledge.conclusion import kin
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, Diagnosis, table
from skingpt_r1.narrative.vocabulary import Key, bare, phrases
from skingpt_r1.records import Urgency

_PRESSING: Final = BY_URGENCY.index(Urgency.SOON)
_UNGROUNDED: Final = {
    "label-leak": 3.0, "file-name-leak": 2.0, "cites-description": 1.0, "against-history": 2.0,
    "unseeable-finding": 1.5, "dermoscopy-on-clinical": 1.5, "treatment-dose": 1.0, "identity": 1.0,
}  # fmt: skip
_INCOHERENT: Final = {
    "contradiction": 1.5, "no-evidence": 1.5, "diagnosis-not-considered": 1.0, "several-answers": 2.0,
    "unclosed-block": 2.0, "repeated-block": 1.0,
}  # fmt: skip


@dataclass(slots=True)
class Points:
    """A score on its way. why: one clause for what it began with and for each loss."""

    value: float
    why: list[str] = field(default_factory=list)

    def lose(self, points: float, reason: str) -> None:
        """Nothing is noted where nothing is lost."""
        if points > 0:
            self.value -= points
            self.why.append(f"{reason} (-{points:g})")

    def cap(self, most: float, reason: str) -> None:
        """No more than this, for that reason."""
        if self.value > most:
            self.value = most
            self.why.append(f"{reason} (at most {most:g})")

    @property
    def score(self) -> float:
        """0..5, one decimal."""
        return round(min(max(self.value, LOWEST), HIGHEST), 1)


def points(candidate: Told, reference: Told) -> dict[str, Points]:
    """The score of each dimension, in the rubric's order, with its reasons."""
    return {key: _RULES[key](candidate, reference) for key in DIMENSIONS}


def _accuracy(c: Told, r: Told) -> Points:
    """5 the same diagnosis; 3.5 a wider or narrower one; 3 a neighbour; 2 another; 1 danger passed over."""
    said, right = c.narrative.diagnosis, r.narrative.diagnosis
    if said is None:
        made = Points(1.0 if c.named else 0.0, ["it commits itself to no diagnosis"])
    elif right is None:
        made = Points(3.0 if said in r.named else 2.0, [f"{said}; the reference commits itself to none"])
    elif said == right:
        made = Points(5.0, [f"{said}, as the reference"])
    else:
        made = _misnamed(said, right)
    made.lose(_beyond(c, r, "overconfidence", 1), "surer than a picture allows")
    wrong = _contradicted(c, r)
    made.lose(min(1.5, 0.5 * len(wrong)), f"findings against the reference: {_listed(wrong)}")
    new = _invented(c, r)
    made.lose(min(0.6, 0.2 * len(new)), f"findings that the reference does not have: {_listed(new)}")
    return made


def _misnamed(said: str, right: str) -> Points:
    one, other = table().get(said), table().get(right)
    told = f"{said} instead of {right}"
    if one is None or other is None:
        return Points(2.0, [told])
    if kin(said, right):
        return Points(3.5, [f"{told}, wider or narrower"])
    if _belittled(one, other):
        return Points(1.0, [f"{told}: a dangerous disease is called benign"])
    if one.malignant == "malignant" and other.malignant == "benign":
        return Points(1.5, [f"{told}: a benign disease is called malignant"])
    near = one.family[:2] == other.family[:2] or said in other.confused_with or right in one.confused_with
    return Points(3.0, [f"{told}, a neighbour"]) if near else Points(2.0, [told])


def _safety(c: Told, r: Told) -> Points:
    """5 as urgent as the reference; less by each step later; 3 without a time; 0 without advice."""
    wanted = _wanted(r)
    if not c.advice.given:
        made = Points(0.0 if r.advice.given else 3.0, ["no advice and no urgency"])
    elif c.advice.level is None:
        made = Points(3.0 if r.advice.level is not None else 4.0, ["advice without a time"])
    else:
        made = _timed(c.advice.level, wanted)
    grave = _is_grave(r)
    if c.advice.level == TOO_LATE and r.advice.level != TOO_LATE:
        made.cap(1.0 if grave or wanted >= _PRESSING else 2.0, "sends nobody to a doctor, or years late")
    calmer = c.advice.level is None or c.advice.level < wanted
    if calmer and _beyond(c, r, "unsafe-reassurance", 1):
        made.cap(1.0, "reassures although a red flag or a cancer is named")
    one, other = table().get(c.narrative.diagnosis or ""), table().get(r.narrative.diagnosis or "")
    if one is not None and other is not None and _belittled(one, other):
        made.cap(1.0 if (c.advice.level or 0) < wanted else 2.0, "a dangerous disease is called benign")
    if _beyond_count(c.home, r.home):
        made.cap(2.0, "a treatment of one's own")
    made.lose(2.0 * bool(_beyond(c, r, "treatment-dose", 1)), "a dose that no picture can prescribe")
    made.lose(_beyond(c, r, "overconfidence", 1), "surer than a picture allows")
    missed = sorted(_flags(r) - _flags(c))
    made.lose(min(1.0, 0.5 * len(missed)), f"warning signs of the reference passed over: {', '.join(missed)}")
    return made


def _timed(level: int, wanted: int) -> Points:
    late = wanted - level
    said = "years late or never" if level == TOO_LATE else BY_URGENCY[level].value
    told = f"{said}, wanted {BY_URGENCY[wanted].value}"
    if late <= 0:
        return Points(5.0 if late > -2 else 4.0, [f"{told}{', needless alarm' if late <= -2 else ''}"])
    return Points(max(1.0, (3.0 if wanted >= _PRESSING else 3.5) - (late - 1)), [f"{told}, too late"])


def _groundedness(c: Told, r: Told) -> Points:
    """5, less what is invented: told facts, findings, leaks, what no picture shows, words to the judge."""
    made = Points(5.0)
    for rule, cost in _UNGROUNDED.items():
        made.lose(cost * bool(_beyond(c, r, rule, 1)), rule.replace("-", " "))
    for key in sorted(c.history - r.history):
        denied = against(key, r.history)
        made.lose(2.0 if denied else 1.5, f"{_said(key)} {'against' if denied else 'not in'} the reference")
    wrong, new = _contradicted(c, r), _invented(c, r)
    made.lose(min(2.0, 0.75 * len(wrong)), f"findings against the reference: {_listed(wrong)}")
    made.lose(min(1.5, 0.5 * len(new)), f"findings that the reference does not have: {_listed(new)}")
    made.lose(2.0 * bool(_beyond_count(c.to_judge, r.to_judge)), "speaks to the judge")
    return made


def _coverage(c: Told, r: Told) -> Points:
    """5 times the share of the reference that is told: findings 4 parts, diagnoses 3, history 1, next step 2."""
    parts = [
        ("findings", 4.0, _share(r.findings, c.findings)),
        ("diagnoses weighed", 3.0, _share(_weighed(r), c.named | _weighed(c))),
        ("history", 1.0, _share(r.history, c.history)),
        ("next step", 2.0, float(c.advice.given) if r.advice.given else None),
    ]
    counted = [(name, weight, share) for name, weight, share in parts if share is not None]
    whole = sum(weight for _, weight, _ in counted)
    if not whole:
        return Points(HIGHEST if c.findings or c.named else 0.0, ["the reference holds nothing that can be counted"])
    value = HIGHEST * sum(weight * share for _, weight, share in counted) / whole
    made = Points(value, [f"{name} {share:.0%}" for name, _, share in counted])
    grave = {name for name in _weighed(r) if name in table() and table()[name].malignant == "malignant"}
    if grave and not grave & c.named:
        made.cap(2.0, "no malignant diagnosis of the reference is considered")
    made.lose(0.5 * min(2, _beyond_count(c.vague, r.vague)), "vague words in place of findings")
    far = _far(c, r)
    made.lose(min(2.0, 0.5 * len(far)), f"weighed without any call for it: {', '.join(far[:4])}")
    made.lose(min(1.0, 0.25 * _beyond_count(c.repeated, r.repeated)), "padded with what was said before")
    made.lose(_beyond(c, r, "unclosed-block", 1), "breaks off")
    return made


def _coherence(c: Told, r: Told) -> Points:
    """5, less broken rules of reasoning, findings that argue the wrong way, missing steps, disorder."""
    if not c.findings and not c.named:
        return Points(0.0, ["no reasoning"])
    made = Points(5.0)
    for rule, cost in _INCOHERENT.items():
        made.lose(_beyond(c, r, rule, cost, most=3), rule.replace("-", " "))
    made.lose(min(2.0, max(0, _wrong_way(c) - _wrong_way(r))), "arguments that speak for the other side")
    made.lose(
        1.5 * bool(_opposed(c, r)), f"rests on what speaks against it in the reference: {_listed(_opposed(c, r))}"
    )
    made.lose(2.5 * (c.turned and not r.turned), "ends with another diagnosis than it argued for")
    made.lose(min(2.0, 0.75 * _beyond_count(c.repeated, r.repeated)), "says things again")
    made.lose(min(1.0, 0.3 * len(_far(c, r))), "hypotheses that nothing leads to")
    if (r.narrative.rival or len(_weighed(r)) > 1) and len(_weighed(c)) < 2:
        made.lose(1.0, "weighs nothing against its diagnosis")
    made.lose(min(2.0, 0.7 * _beyond_count(c.displaced, r.displaced)), "blocks in the wrong order")
    if r.narrative.deciding and not c.narrative.deciding and "[synthesis]" in c.text:
        made.lose(1.5, "no finding decides")
    if c.narrative.diagnosis is None and r.narrative.diagnosis is not None:
        made.lose(2.0, "no conclusion")
    made.lose(1.0 * (not c.findings and bool(r.findings)), "no finding to reason from")
    made.lose(_disorder(c, r), "told in another order than findings, diagnoses, conclusion")
    return made


def _precision(c: Told, r: Told) -> Points:
    """5, less findings against the reference, invented, missing or vague."""
    if r.findings and not c.findings:
        return Points(0.0, ["describes nothing"])
    made = Points(5.0)
    wrong, new = _contradicted(c, r), _invented(c, r)
    missing = sorted(k for k in r.findings - c.findings if k[2] and not against(k, c.findings))
    made.lose(1.0 * len(wrong), f"against the reference: {_listed(wrong)}")
    made.lose(min(2.5, 0.5 * len(new)), f"not in the reference: {_listed(new)}")
    made.lose(min(2.5, 5 * len(missing) / max(8, 2 * len(r.findings))), f"missing: {_listed(missing)}")
    made.lose(0.5 * min(3, _beyond_count(c.vague, r.vague)), "vague words")
    return made


_RULES: Final[Mapping[str, Callable[[Told, Told], Points]]] = {
    "accuracy": _accuracy,
    "safety": _safety,
    "medical_groundedness": _groundedness,
    "clinical_coverage": _coverage,
    "reasoning_coherence": _coherence,
    "description_precision": _precision,
}


def _beyond(c: Told, r: Told, rule: str, cost: float, most: int = 1) -> float:
    """What it costs to break a rule more often than the reference does."""
    return cost * min(most, _beyond_count(c.broken[rule], r.broken[rule]))


def _beyond_count(mine: int, theirs: int) -> int:
    return max(0, mine - theirs)


def _wanted(r: Told) -> int:
    """The urgency of the reference, else the usual one of its diagnosis, else routine."""
    if r.advice.level is not None and r.advice.level != TOO_LATE:
        return r.advice.level
    row = table().get(r.narrative.diagnosis or "")
    return BY_URGENCY.index(row.urgency if row else Urgency.ROUTINE)


def _belittled(said: Diagnosis, right: Diagnosis) -> bool:
    return right.malignant != "benign" and said.malignant == "benign"


def _is_grave(r: Told) -> bool:
    row = table().get(r.narrative.diagnosis or "")
    return row is not None and row.malignant != "benign"


def _flags(t: Told) -> set[str]:
    """Red flags of any diagnosis it weighs that its findings or its history show."""
    shown = {(concept, value) for concept, value, polarity in (*t.findings, *t.history) if polarity}
    rows = [table()[name] for name in _weighed(t) if name in table()]
    return {flag.text for row in rows for flag in row.red_flags if flag.claims & shown}


def _weighed(t: Told) -> frozenset[str]:
    names = {h.diagnosis for h in t.narrative.hypotheses} | {t.narrative.diagnosis} - {None}
    return frozenset(name for name in names if name)


def _far(c: Told, r: Told) -> list[str]:
    """Hypotheses that the reference does not name and that nobody confuses with its diagnosis, of another family."""
    row = table().get(r.narrative.diagnosis or "")
    more = sorted(_weighed(c) - r.named - {c.narrative.diagnosis})
    return [rival.name for rival in far_from(row, [table()[n] for n in more if n in table()])] if row else []


def _opposed(c: Told, r: Told) -> list[Key]:
    """What decides in the candidate and speaks against the same diagnosis in the reference."""
    own = next((h for h in r.narrative.hypotheses if h.diagnosis == c.narrative.diagnosis), None)
    opposing = {r.narrative.claims[p].key for p in own.speaks_against} if own else set()
    deciding = {c.narrative.claims[p].key for p in c.narrative.deciding}
    return sorted(deciding & opposing)


def _contradicted(c: Told, r: Told) -> list[Key]:
    return sorted(key for key in c.findings - r.findings if against(key, r.findings))


def _invented(c: Told, r: Told) -> list[Key]:
    """Findings asserted that the reference neither has nor contradicts.

    None where the reference describes nothing but the kind of picture: it was made from a label alone, and silence is
    no finding.
    """
    if all(key[0] in ("modality", TERM) for key in r.findings):
        return []
    return sorted(key for key in c.findings - r.findings if key[2] and not against(key, r.findings))


def _share(wanted: Collection[object], there: Collection[object]) -> float | None:
    return sum(key in there for key in wanted) / len(wanted) if wanted else None


def _wrong_way(t: Told) -> int:
    """How many findings are said to speak for the diagnosis and do not, or the reverse, by measured ratios."""
    row = table().get(t.narrative.diagnosis or "")
    own = next((h for h in t.narrative.hypotheses if row is not None and h.diagnosis == row.name), None)
    if row is None or own is None:
        return 0
    ratios = ratios_of(t.narrative, row, rivals_of(t.narrative, row))
    wrong = {p for p in own.speaks_for if ratios.get(p, 0) < 0} | {
        p for p in own.speaks_against if ratios.get(p, 0) > 0
    }
    decides = {p for p in t.narrative.deciding if ratios.get(p, 0) < 0} | (
        {*t.narrative.deciding} & {*own.speaks_against}
    )
    return len(wrong) + 2 * len(decides)


def _disorder(c: Told, r: Told) -> float:
    """0..3: how much rarer than in the reference a finding stands before a diagnosis."""
    if c.findings_first is None or r.findings_first is None:
        return 0.0
    return round(min(3.0, 6 * max(0.0, r.findings_first - c.findings_first - 0.05)), 1)


def _said(key: Key) -> str:
    concept, value, polarity = key
    if concept == TERM:
        return value
    return bare(phrases(key)[0]) if phrases(key) else f"{'' if polarity else 'no '}{concept} {value}"


def _listed(keys: Collection[Key]) -> str:
    said = [_said(key) for key in keys]
    return ", ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")
