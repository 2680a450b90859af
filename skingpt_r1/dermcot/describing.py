"""Who says what is seen, before anybody knows the label: our measurements, or a vision-language model behind a URL.

A model's words become claims through our own reader only. What it calls the disease, retells of the history, sees
without a dermatoscope, or says against a clear measurement is no claim; it is dropped, and the journal tells.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermcot.chat import Chat
from skingpt_r1.dermcot.draft import LEAST_SUPPORT, ScoredClaim
from skingpt_r1.dermcot.evidence import Segment, claims_of, look, observed, tellable, told
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.findings import explain, strongest, support
from skingpt_r1.images.measure import LesionMeasurement
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.question import history_text
from skingpt_r1.narrative.scan import diagnoses_in
from skingpt_r1.narrative.verify import status_of
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Case, Claim, Modality, Status

if TYPE_CHECKING:
    from skingpt_r1.models.segmenter import Segmenter

_UNMEASURED: Final = 0.6  # support of what the model says and nothing of ours can check
_ASKED: Final = (
    "This is a {modality} of one skin lesion.{history}{measured} Describe in plain English sentences only what can be "
    "seen in the picture: size in the frame, symmetry, border, edge, the colours, whether they are uniform or varied"
    "{structures}. Name what is clearly absent, if it matters. Name no disease, give no opinion and no advice."
)


@dataclass(frozen=True, slots=True)
class Description:
    """claims: what was understood and allowed. said: the describer's own words, verbatim. dropped: (what, why).
    fault: why there is nothing to go on, empty if there is.
    """

    claims: tuple[ScoredClaim, ...]
    said: str = ""
    dropped: tuple[tuple[str, str], ...] = ()
    fault: str = ""


Describer = Callable[[Case], Description | Sequence[ScoredClaim]]
"""What can be said of the picture, without knowing the label: it is given a case that has none."""


_LOADING = threading.Lock()


@functools.cache
def _shipped() -> Segmenter:
    from skingpt_r1.models.segmenter import load_segmenter  # loads torch

    return load_segmenter()


def shipped_segment(pixels: Pixels) -> NDArray[np.float32]:
    """The shipped segmenter, loaded once a process; another process is sent this function's name, not the weights."""
    with _LOADING:
        segmenter = _shipped()
    return segmenter.probability(pixels)


@dataclass(frozen=True, slots=True)
class Measured:
    """The embedded describer: geometry and colours measured on the lesion, and the history."""

    segment: Segment

    def __call__(self, case: Case) -> Description:
        """Never fails but by CaseError."""
        return Description((*observed(case, self.segment), *told(tellable(case.history))))


@dataclass(frozen=True, slots=True)
class Asked:
    """A vision-language model is shown picture, history and measurements, never label, data set, id or file name."""

    chat: Chat
    segment: Segment

    def __call__(self, case: Case) -> Description:
        """Raises CaseError for the picture, ChatUnavailable where no further case has a chance."""
        pixels, measurement = look(case, self.segment)
        answer = self.chat.ask(question(case, measurement), pixels)
        if answer.fault:
            return Description((), answer.text, fault=answer.fault)
        claims, dropped = understood(answer.text, case.modality, measurement)
        if not claims:
            return Description((), answer.text, dropped, "the model said nothing that counts as an observation")
        known = (*claims_of(case, None), *claims, *told(tellable(case.history)))
        return Description(known, answer.text, dropped)


def question(case: Case, measurement: LesionMeasurement | None) -> str:
    """What the model is asked. Only modality, history and measurements of the case go in."""
    dermoscopy = case.modality is Modality.DERMOSCOPY
    sentences = dict.fromkeys(
        found[0]
        for concept, value, _, _ in (strongest(measurement) if measurement else [])
        if measurement and (found := explain(measurement, concept, value))
    )
    return _ASKED.format(
        modality="dermoscopic image" if dermoscopy else "clinical photograph",
        history=history_text(tellable(case.history)),
        measured=f" Measured on its outline: {'. '.join(sentences)}." if sentences else "",
        structures=", and dermoscopic structures such as lines, dots, globules and vessels" if dermoscopy else "",
    )


def understood(
    text: str, modality: Modality, measurement: LesionMeasurement | None
) -> tuple[tuple[ScoredClaim, ...], tuple[tuple[str, str], ...]]:
    """(claims that count, what was dropped with the reason) of a free description."""
    claims: list[ScoredClaim] = []
    dropped = [(name, "a diagnosis, not an observation") for name in _named(text)]
    for claim in parse(text).claims:
        share = support(measurement, *claim.key) if measurement is not None else None
        if why := _unfit(claim, modality, share):
            dropped.append((" ".join(claim.key[:2]) if claim.polarity else f"no {claim.value}", why))
        elif claim.concept != "modality":  # ours stands already
            claims.append(ScoredClaim(Claim(*claim.key), _support(share)))
    return tuple(claims), tuple(dropped)


def _support(share: float | None) -> float:
    return _UNMEASURED if share is None else round(max(LEAST_SUPPORT, share), 3)


def _named(text: str) -> list[str]:
    return list(dict.fromkeys(mention.diagnosis for mention in diagnoses_in(text) if mention.diagnosis))


def _unfit(claim: Claim, modality: Modality, share: float | None) -> str:
    if claim.concept in HISTORY_CONCEPTS:
        return "history, which no picture shows"
    if claim.concept == "structure" and modality is not Modality.DERMOSCOPY:
        return "needs a dermatoscope"
    if claim.concept == "modality" and claim.value != modality.value:
        return "not how the picture was taken"
    if share is not None and status_of(share) is Status.CONTRADICTED:
        return f"the measurement contradicts it (support {share:.2f})"
    return ""
