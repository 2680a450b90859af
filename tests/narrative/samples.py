"""One lesion whose measurements are known by construction, and a narrative about it with planted faults."""

from __future__ import annotations

import math

import numpy as np

from skingpt_r1.images.measure import LesionMeasurement, measure_lesion
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.report import Report
from skingpt_r1.narrative.verify import ConceptReading, RegionReading, Witnesses, judge_differential, verify
from skingpt_r1.records import History, Modality, Urgency

GREY, THICK = "grey patterns", "thick reticular or branched lines"

# The disc below is dark brown, sharp, symmetric, and takes 20 % of the picture ("medium"). Planted:
# asymmetric shape and red areas (measurement), bleeding and age (history), grey patterns (head).
TEXT = """<think>
[observation] Dermoscopic image of a medium lesion on the back. The lesion has an asymmetric shape, \
a sharp edge and dark brown areas. It shows red areas, grey patterns and thick reticular lines. \
History: age 63, bleeding and recent growth.
[category] melanocytic, malignant suspected: asymmetric shape.
[differential] melanoma: for thick reticular lines, asymmetric shape; against sharp edge. \
melanocytic nevus: for dark brown areas; against thick reticular lines.
[synthesis] Asymmetric shape favours melanoma over melanocytic nevus; sharp edge leaves doubt.
</think>
<answer>melanoma | high | urgent: see a dermatologist within two weeks</answer>"""


def disc() -> tuple[np.ndarray, np.ndarray]:
    """(pixels, mask): a dark brown disc on light skin that takes a fifth of 240 x 240 pixels."""
    y, x = np.mgrid[:240, :240] + 0.5 - 120
    mask = np.hypot(x, y) <= 240 * math.sqrt(0.2 / math.pi)
    pixels = np.where(mask[..., None], np.array((105, 70, 48), np.uint8), np.array((205, 165, 145), np.uint8))
    return pixels, mask


def measured() -> LesionMeasurement:
    """The disc's measurement."""
    found = measure_lesion(*disc())
    assert found is not None
    return found


def witnesses() -> Witnesses:
    """Everything that can speak about the disc. Bleeding was never told; the age told is 36."""
    return Witnesses(
        measurement=measured(),
        history=History(age=36, site="upper back", grew=True),
        concept_probabilities={GREY: ConceptReading(0.1, 0.5, 0.8), THICK: ConceptReading(0.9, 0.5, 0.8)},
        modality=Modality.DERMOSCOPY,
        region=RegionReading(inside=0.7, area=0.2),
    )


def report(image: str = "spot.jpg", text: str = TEXT, **changes: object) -> Report:
    """The report on the disc."""
    narrative = verify(parse(text), witnesses())
    values: dict[str, object] = {
        "image": image,
        "text": text,
        "narrative": narrative,
        "diagnosis": "melanoma",
        "label": "mel",
        "confidence": 0.62,
        "differential": (("melanoma", 0.62), ("melanocytic nevus", 0.31), ("seborrheic keratosis", 0.07)),
        "abstained": False,
        "reason": None,
        "urgency": Urgency.URGENT,
        "advice": plain.ADVICE[Urgency.URGENT],
        "measurement": measured(),
        "judgements": judge_differential(narrative),
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]
