"""The main job: photos in, verified narratives out.

One `Model` holds the writer (encoder, language model and their adapters) and the witnesses (segmenter, expert
heads), which share no trained weight with it. Pictures are written about in batches, because a batch of
sixteen takes hardly longer than four single ones; each is then checked on its own.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.measure import LesionMeasurement, measure_lesion, outlined
from skingpt_r1.images.quality import QualityReport, check_quality
from skingpt_r1.images.reading import Photo, read_photo
from skingpt_r1.knowledge.criteria import HYPOTHESIS, VALUES
from skingpt_r1.knowledge.diagnoses import BY_URGENCY, category_of, feared, urgency_of
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet, match
from skingpt_r1.models import calibration, conformal, guesses
from skingpt_r1.models import gate as scope_gate
from skingpt_r1.models.concepts import MODALITY, ConceptHeads, load_concepts
from skingpt_r1.models.embedded import Embedded, load_adapter, lora_rank
from skingpt_r1.models.gate import Refusal
from skingpt_r1.models.generate import Choices, Writer, Written
from skingpt_r1.models.heads import VisualOutput
from skingpt_r1.models.occlusion import evidence_map
from skingpt_r1.models.segmenter import Segmenter, load_segmenter
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.render import CONFIDENCES, URGENCY_WORDS
from skingpt_r1.narrative.report import Report
from skingpt_r1.narrative.verify import (
    ConceptReading,
    RegionReading,
    Witnesses,
    judge_differential,
    lowered,
    said,
    verify,
)
from skingpt_r1.records import Claim, History, Modality, Narrative, SkinGPTError, Urgency

log = logging.getLogger(__name__)
ADAPTERS = Path(__file__).parents[1] / "adapters"
BATCH = 16
_NOT_AS_FITTED = (
    "The confidence was fitted on photos read without history, within the labels of one data set. Here it is rougher."
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the user gives beside the photo."""

    history: History = field(default_factory=History)
    modality: Modality | None = None
    mm_per_pixel: float | None = None


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """One claim as a person reads it. support: 0..1, None where nothing could check it."""

    text: str
    status: str
    support: float | None
    claim: Claim


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything about one photo.

    lesion: probability [H, W]. evidence: what the diagnosis rests on (see occlusion.py), [17, 17], 0..1.
    label_probability: the writer's own, before calibration. share: that of the diagnosis, lowered by what the
    checks contradict.
    """

    report: Report
    pixels: Pixels
    lesion: NDArray[np.float32]
    evidence: NDArray[np.float32]
    label_probability: Mapping[str, float]
    share: float

    @property
    def narrative(self) -> Narrative:
        """The narrative with its claims checked."""
        return self.report.narrative

    @property
    def text(self) -> str:
        """What the model wrote, unedited."""
        return self.report.text

    def verify(self) -> list[CheckedClaim]:
        """Each claim with what something other than the text says of it."""
        return [CheckedClaim(said(c), str(c.status), c.support, c) for c in self.narrative.claims]


@functools.cache
def open_set() -> LabelSet:
    """All diagnoses that the shipped adapters were trained on, for a photo of unknown origin."""
    names = dict.fromkeys(name for labels in BUILT_IN.values() for name in labels.labels.values())
    return LabelSet(calibration.OPEN, {name: name for name in names})


def choices(labels: LabelSet) -> Choices:
    """What may stand at the closed places of a narrative for this label set."""
    names = tuple(dict.fromkeys(labels.labels.values()))
    categories = tuple(dict.fromkeys(category_of(name) for name in names))
    urgencies = tuple(URGENCY_WORDS[u][0] for u in reversed(BY_URGENCY))
    return Choices(names, categories, CONFIDENCES, urgencies)


class Model:
    """Writer and witnesses of the embedded scale. Loading takes seconds; keep one and reuse it."""

    name = "embedded"

    def __init__(self, adapters: Path = ADAPTERS) -> None:
        taught = adapters / "writer.safetensors"
        self.writer = Embedded(rank=lora_rank(taught))
        self.version = load_adapter(self.writer, taught)
        self.writer.eval()
        self.writer.speaker.merge()
        self.segmenter: Segmenter = load_segmenter(adapters / "segmenter.safetensors")
        self.concepts: ConceptHeads = load_concepts(adapters / "concepts.safetensors", self.segmenter)
        self.calibration = calibration.load(adapters / "calibration.json")
        self.guesses = guesses.load(adapters / "guesses.safetensors")
        self.sets = conformal.load(adapters / conformal.SHIPPED)
        self.gate = scope_gate.load(adapters / scope_gate.SHIPPED)

    def diagnose(
        self,
        photo: str | Path | Photo,
        history: History | None = None,
        labels: LabelSet | None = None,
        *,
        modality: Modality | None = None,
        listener: Callable[[str], None] | None = None,
    ) -> Reading:
        """Read, write, check. Raises CaseError on a photo that cannot be read.

        listener: hears the text piece by piece while it is written.
        """
        read = photo if isinstance(photo, Photo) else read_photo(photo)
        return self.diagnose_all([read], [Told(history or History(), modality)], labels, listener=listener)[0]

    @torch.inference_mode()
    def diagnose_all(
        self,
        photos: Sequence[Photo],
        told: Sequence[Told],
        labels: LabelSet | None = None,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        listener: Callable[[str], None] | None = None,
    ) -> list[Reading]:
        """Readings of one batch, in order. temperature 0 is greedy; above it, seeded sampling."""
        began = time.perf_counter()
        wanted = labels or open_set()
        lowers, visual = self.look([p.pixels for p in photos])
        saw = time.perf_counter()
        histories = [t.history for t in told]
        texts = self.writing(visual, histories, wanted, temperature=temperature, seed=seed, listener=listener).write()
        wrote = time.perf_counter()
        each = {"look": (saw - began) / len(photos), "write": (wrote - saw) / len(photos)}
        return [
            self._check(photo, t, text, lower[:1], wanted, labels is not None, each)
            for photo, t, text, lower in zip(photos, told, texts, lowers, strict=True)
        ]

    @torch.inference_mode()
    def look(self, pictures: Sequence[Pixels]) -> tuple[list[torch.Tensor], VisualOutput]:
        """The lower maps of each picture's views, [4, 88, 17, 17] each, and what the visual half makes of all."""
        lowers = [self.writer.encoder.lower(self.writer.preprocess(pixels)) for pixels in pictures]
        looks = [self.writer.look(lower, lower.shape[0]) for lower in lowers]
        return lowers, VisualOutput(*(torch.cat(parts) for parts in zip(*looks, strict=True)))

    @torch.inference_mode()
    def writing(
        self,
        visual: VisualOutput,
        histories: Sequence[History],
        labels: LabelSet,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        listener: Callable[[str], None] | None = None,
    ) -> Writer:
        """A writer that has seen the pictures and is about to begin. labels: what may be named."""
        return Writer(
            self.writer.speaker, self.writer.prompts(visual, histories), self.writer.bias(visual), choices(labels),
            temperature=temperature, seed=seed, listener=listener, guesses=self.guesses,
        )  # fmt: skip

    def _check(
        self,
        photo: Photo,
        told: Told,
        written: Written,
        lower: torch.Tensor,
        labels: LabelSet,
        label_wanted: bool,
        seconds: dict[str, float],
    ) -> Reading:
        began = time.perf_counter()
        lesion = self.segmenter.probability(photo.pixels)
        measurement = measure_lesion(photo.pixels, lesion, told.mm_per_pixel or photo.mm_per_pixel)
        quality = check_quality(photo.pixels)
        features = self.concepts.features(photo.pixels)
        asked = self.concepts.of_features(features)
        refused = scope_gate.refusals(quality, measurement is not None, features, self.gate)
        parsed = parse(written.text)
        if parsed.diagnosis is None:
            raise SkinGPTError(f"{photo.path}: the model wrote no diagnosis. This is a defect; please report it.")
        evidence = evidence_map(self.writer, lower, parsed.diagnosis, list(written.label_probability)).numpy()
        narrative = verify(
            parsed,
            Witnesses(
                measurement=measurement,
                history=told.history,
                concept_probabilities=self._structures(asked, parsed),
                modality_probability=asked[MODALITY],
                modality=told.modality,
                region=_region(evidence, lesion, measurement),
            ),
        )
        share, doubts = lowered(written.label_probability[parsed.diagnosis], narrative)
        report = self._report(
            photo, told, written, narrative, quality, measurement, labels, label_wanted, share, refused
        )
        timed = {**seconds, "check": time.perf_counter() - began}
        notes = (*report.notes, *doubts) if report.outside is None else ()  # of a coffee cup there is nothing to note
        report = dataclasses.replace(report, notes=notes, seconds=timed)
        return Reading(report, photo.pixels, lesion, evidence, written.label_probability, share)

    def scope(self, pixels: Pixels) -> tuple[float | None, tuple[Refusal, ...]]:
        """The gate's score (None without a gate) and every reason not to judge a picture, without writing about it."""
        features = self.concepts.features(pixels)
        lesion = outlined(pixels, self.segmenter.probability(pixels))
        score = self.gate.score(features) if self.gate else None
        return score, scope_gate.refusals(check_quality(pixels), lesion, features, self.gate)

    def _structures(self, asked: Mapping[str, float], narrative: Narrative) -> dict[str, ConceptReading]:
        """Expert heads that may speak: each was trained within one diagnosis, so that one must be considered."""
        considered = {h.diagnosis for h in narrative.hypotheses}
        quality = self.concepts.quality
        return {
            VALUES[code]: ConceptReading(asked[code], quality[code].threshold, quality[code].precision)
            for code in sorted(self.concepts.usable)
            if HYPOTHESIS[code] in considered
        }

    def _report(
        self,
        photo: Photo,
        told: Told,
        written: Written,
        narrative: Narrative,
        quality: QualityReport,
        measurement: LesionMeasurement | None,
        labels: LabelSet,
        label_wanted: bool,
        share: float,
        refused: Sequence[Refusal],
    ) -> Report:
        built_in = labels == BUILT_IN.get(labels.name)  # not a set of the user's own, of the same name
        fitted = self.calibration[calibration.OPEN]
        rule = self.calibration.get(labels.name, fitted) if built_in else fitted
        diagnosis = narrative.diagnosis or ""
        confidence = rule.confidence(diagnosis, share)
        ranked = rule.differential(written.label_probability, diagnosis, confidence)
        outside = " ".join(r.reason for r in refused if r.outside) or None
        reasons = [r.reason for r in refused]
        if not refused and confidence < rule.abstain_below:
            reasons.append(
                f"The confidence, {confidence:.0%}, is below {rule.abstain_below:.0%}, where validation pictures "
                "were diagnosed wrongly too often. A sharper, closer, dermoscopic photo and the history would help."
            )
        if len(written.label_probability) == 1:
            reasons.append("The label set names one diagnosis only, so nothing was chosen.")
        findings = {(c.concept, c.value) for c in narrative.claims if c.polarity}
        rivals = [h.diagnosis for h in narrative.hypotheses if h.diagnosis != diagnosis]
        dangers = feared(ranked, diagnosis)
        confident = not (reasons or dangers) and narrative.confidence != "low"
        by_table = urgency_of(diagnosis, findings, [*rivals, *dangers], confident)
        urgency = max(by_table, narrative.urgency or by_table, key=BY_URGENCY.index)
        if reasons:  # nothing was seen that could put anyone's mind at rest
            urgency = max(urgency, Urgency.ROUTINE, key=BY_URGENCY.index)
        as_fitted = built_in and not told.history.known()
        sets = self.sets.get(labels.name) if as_fitted and not refused else None
        notes = [f"Chance of {name}: {p:.0%}. A doctor should look." for name, p in dangers.items()]
        if not as_fitted:
            notes.append(_NOT_AS_FITTED)
        return Report(
            image=photo.path,
            text=written.text,
            narrative=narrative,
            diagnosis=diagnosis,
            label=match(labels, diagnosis) if label_wanted else None,
            confidence=confidence,
            differential=tuple(sorted(ranked.items(), key=lambda pair: (pair[0] != diagnosis, -pair[1]))),
            abstained=bool(reasons),
            reason=" ".join(reasons) or None,
            urgency=urgency,
            advice=plain.ADVICE[urgency] if outside is None else plain.outside_advice(urgency),
            quality=quality.issues,
            measurement=measurement,
            judgements=judge_differential(narrative),
            history=told.history,
            model={
                "name": self.name,
                "repaired": str(written.repaired),
                "rewritten": str(written.rewritten),
                **self.version,
            },
            notes=tuple(notes),
            outside=outside,
            among=sets.among(written.label_probability) if sets else (),
            coverage=sets.coverage if sets else 0.0,
        )


def _region(
    evidence: NDArray[np.float32], lesion: NDArray[np.float32], measurement: LesionMeasurement | None
) -> RegionReading | None:
    """How much of the evidence lies in the lesion, both seen in the centre square."""
    if measurement is None or not evidence.any():
        return None
    height, width = lesion.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = torch.from_numpy(lesion[top : top + side, left : left + side] >= 0.5).float()[None, None]
    inside = torch.nn.functional.adaptive_avg_pool2d(square, evidence.shape)[0, 0].numpy()
    return RegionReading(float((inside * evidence).sum() / evidence.sum()), float(inside.mean()))


def load(name: str = "embedded", adapters: Path | None = None) -> Model:
    """The model by name. Raises SkinGPTError on an unknown one."""
    if name != Model.name:
        raise SkinGPTError(f"There is no model {name!r}; this version has: {Model.name}.")
    return Model(adapters or ADAPTERS)
