"""What a report says beside a diagnosis: no promise where nothing was fitted, and no comfort where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from skingpt_r1.images.quality import QualityReport
from skingpt_r1.images.reading import Photo
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet
from skingpt_r1.models import calibration, conformal
from skingpt_r1.models.diagnose import ADAPTERS, Model, Told, open_set
from skingpt_r1.models.gate import Refusal
from skingpt_r1.models.generate import Written
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.report import Report
from skingpt_r1.records import History, Urgency
from tests.narrative.samples import disc

KERATOSIS, NEVUS, MELANOMA = "seborrheic keratosis", "melanocytic nevus", "melanoma"
ROUGHER = "The confidence was fitted on photos read without history"


@pytest.fixture(scope="module")
def model() -> Model:
    """Without weights: only what was fitted on validation rows."""
    made = Model.__new__(Model)
    made.calibration = calibration.load(ADAPTERS / "calibration.json")
    made.sets = conformal.load(ADAPTERS / conformal.SHIPPED)
    made.version = {}
    return made


def report(
    model: Model,
    shares: dict[str, float],
    labels: LabelSet = BUILT_IN["isic2017"],
    history: History | None = None,
    refused: Sequence[Refusal] = (),
) -> Report:
    """Of a text that names the likeliest diagnosis and asks for no haste."""
    diagnosis = max(shares, key=lambda name: shares[name])
    text = f"<think>\n[observation] A small lesion.\n</think>\n<answer>{diagnosis} | high | watch</answer>"
    full = dict.fromkeys(labels.labels.values(), 0.0) | shares
    return model._report(
        Photo("spot.jpg", disc()[0], ""), Told(history or History()), Written(text, full, False, False, 1), parse(text),
        QualityReport(), None, labels, True, shares[diagnosis], refused,
    )  # fmt: skip


def test_a_set_that_leaves_out_the_named_diagnosis_says_so(model: Model) -> None:
    told = report(model, {KERATOSIS: 0.55, MELANOMA: 0.4, NEVUS: 0.05})
    assert told.diagnosis == KERATOSIS and KERATOSIS not in told.among
    assert "is not in it: the two disagree" in told.summary[-1]
    sure = report(model, {NEVUS: 0.9, MELANOMA: 0.08, KERATOSIS: 0.02})
    assert NEVUS in sure.among and "disagree" not in sure.summary[-1]
    assert not [note for note in sure.notes if note.startswith(ROUGHER)]


def test_no_promise_where_nothing_was_fitted(model: Model) -> None:
    shares = {NEVUS: 0.9, MELANOMA: 0.08, KERATOSIS: 0.02}
    own = LabelSet("isic2017", {**BUILT_IN["isic2017"].labels, "df": "dermatofibroma"})
    fitted = report(model, shares)
    for told in (
        report(model, shares, history=History(age=40)),
        report(model, shares, own),
        report(model, shares, open_set()),
    ):
        assert not told.among and [note for note in told.notes if note.startswith(ROUGHER)]
    assert report(model, shares, own).confidence != fitted.confidence  # another's curve does not count for a namesake
    blurred = report(model, shares, refused=[Refusal("quality", "The photo is too dark.", outside=False)])
    assert blurred.abstained and not blurred.among


def test_no_comfort_where_it_abstains(model: Model) -> None:
    told = report(model, {KERATOSIS: 0.6, NEVUS: 0.36}, BUILT_IN["pad_ufes_20"])
    assert told.abstained and told.urgency is Urgency.ROUTINE
    alone = report(model, {NEVUS: 1.0}, LabelSet("mine", {"nv": NEVUS}))
    assert alone.abstained and "one diagnosis only" in (alone.reason or "")
