"""The answer that DermEval writes: six scores, and remarks, each words of the narrative and what is wrong with them.

    [scores] 2 3 4 5 5 3
    [critique] irregular border: not in the picture. melanoma: not what the picture speaks for.

The scores come first: a model that has written "no fault found" scores by what it wrote and no longer by what it read.
What is wrong comes from a closed list, and each kind names the dimensions that it costs; so a critique of anybody's
model can be counted. The scores are whole numbers: what lies between two is said by their probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import Assessment, SkinGPTError

MOST_REMARKS: Final = 4
LONGEST_QUOTE: Final = 60  # characters
NOTHING: Final = "no fault found"
_SCORES, _CRITIQUE = "[scores]", "\n[critique] "


class Fault(StrEnum):
    """What can be wrong with words of a narrative, as the critique says it."""

    MISNAMED = "not what the picture speaks for"  # a diagnosis
    UNSEEN = "not in the picture"  # a finding
    UNTOLD = "not what was told"  # history: age, site, symptoms
    UNSEEABLE = "cannot be known from such a picture"  # palpation, histology, structures on the wrong modality
    MISSING = "is missing"  # the quote names what is
    PADDED = "does not belong here"  # hypotheses or sentences that nothing calls for
    UNFOUNDED = "does not follow"
    DISORDERED = "stands in the wrong place"
    VAGUE = "is vague"
    UNSAFE = "could do harm"
    LATE = "is too late"  # urgency
    OVERSURE = "is too sure"
    LEAKED = "was not to be known"  # label, file name, "the description given"
    REPEATED = "is said again"
    CUT = "breaks off"
    ADDRESSED = "speaks to the evaluator"  # "score this 5"


COSTS: Final[dict[Fault, tuple[str, ...]]] = {
    Fault.MISNAMED: ("accuracy",),
    Fault.UNSEEN: ("description_precision", "medical_groundedness"),
    Fault.UNTOLD: ("medical_groundedness", "description_precision"),
    Fault.UNSEEABLE: ("medical_groundedness", "description_precision"),
    Fault.MISSING: ("clinical_coverage",),
    Fault.PADDED: ("clinical_coverage",),
    Fault.UNFOUNDED: ("reasoning_coherence",),
    Fault.DISORDERED: ("reasoning_coherence",),
    Fault.VAGUE: ("description_precision",),
    Fault.UNSAFE: ("safety",),
    Fault.LATE: ("safety",),
    Fault.OVERSURE: ("accuracy", "safety"),
    Fault.LEAKED: ("medical_groundedness",),
    Fault.REPEATED: ("reasoning_coherence",),
    Fault.CUT: ("clinical_coverage", "reasoning_coherence"),
    Fault.ADDRESSED: ("medical_groundedness",),
}
"""The dimensions that each kind costs, the dearest first."""


@dataclass(frozen=True, slots=True)
class Remark:
    """quote: words of the narrative, or the name of what is missing; without colon, full stop and line break."""

    quote: str
    fault: Fault

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What it costs, the dearest first."""
        return COSTS[self.fault]


@dataclass(frozen=True, slots=True)
class Critique:
    """remarks: none where nothing is wrong. scores: six whole numbers, 0 .. 5, in the rubric's order."""

    remarks: tuple[Remark, ...]
    scores: tuple[int, ...]


def quoted(words: str) -> str:
    """The words as a remark may quote them: in one line, without its marks, cut at a word."""
    plain = " ".join(re.sub(r"[:.\[\]<>|]+", " ", words).split())
    if len(plain) > LONGEST_QUOTE:
        plain = plain[: LONGEST_QUOTE + 1].rpartition(" ")[0] or plain[:LONGEST_QUOTE]
    return plain


def render(critique: Critique) -> str:
    """The text that is written and learnt. Raises SkinGPTError on what `parse` could not read back."""
    text = scores_text(critique.scores) + remarks_text(critique.remarks)
    if parse(text) != critique:
        raise SkinGPTError(f"{critique}: not a critique that can be read back; use quoted() for the quotes.")
    return text


def scores_text(scores: Sequence[int]) -> str:
    """The first line."""
    return f"{_SCORES} {' '.join(map(str, scores))}"


def remarks_text(remarks: Sequence[Remark]) -> str:
    """The second line, with the line break before it."""
    told = ". ".join(f"{r.quote}: {r.fault}" for r in remarks[:MOST_REMARKS])
    return f"{_CRITIQUE}{told or NOTHING}."


_LINE: Final = re.compile(r"\[scores\] (?P<scores>[0-5]( [0-5]){5})")
_FORM: Final = re.compile(_LINE.pattern + r"\n\[critique\] (?P<remarks>[^\n]+)\.")
_KINDS: Final = {str(fault): fault for fault in Fault}


def parse(text: str) -> Critique | None:
    """The critique that the whole text is, None where it is none: there is no reading of half a critique."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        return None
    remarks = parse_remarks(form["remarks"])
    if remarks_text(remarks) != f"{_CRITIQUE}{form['remarks']}.":
        return None
    return Critique(remarks, tuple(map(int, form["scores"].split())))


def parse_scores(line: str) -> tuple[int, ...] | None:
    """The scores of an answer that has been written no further than to the last of them, else None."""
    form = _LINE.fullmatch(line.strip())
    return None if form is None else tuple(map(int, form["scores"].split()))


def parse_remarks(line: str) -> tuple[Remark, ...]:
    """The remarks of a critique's line, without its mark and last full stop; what is no remark is passed over."""
    told = (part.partition(": ") for part in line.split(". "))
    return tuple(
        Remark(quote, _KINDS[kind]) for quote, _, kind in told if quote and quote == quoted(quote) and kind in _KINDS
    )


def said(remarks: Sequence[Remark]) -> str:
    """The remarks as a person reads them, with the dimensions that they cost."""
    if not remarks:
        return f"{NOTHING.capitalize()}."
    names = {key: key.replace("_", " ") for key in DIMENSIONS}
    return " ".join(f'"{r.quote}" {r.fault} ({", ".join(names[d] for d in r.dimensions)}).' for r in remarks)


def assessment(remarks: Sequence[Remark], scores: Sequence[float]) -> Assessment:
    """The record that is written to disk; scores in the rubric's order."""
    return Assessment(said(remarks), *scores)
