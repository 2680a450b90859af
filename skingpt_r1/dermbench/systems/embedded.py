"""Our model as a system: what `skingpt diagnose` says of the same photo, word for word."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from skingpt_r1.dermbench.systems.asking import Question, Told
from skingpt_r1.dermbench.systems.pictures import flat
from skingpt_r1.knowledge.labelsets import LabelSet
from skingpt_r1.models import diagnose
from skingpt_r1.models.diagnose import Model, Reading
from skingpt_r1.narrative.report import as_json

READING: Final = ("text", "diagnosis", "label", "confidence", "abstained", "outside", "among", "urgency", "claims")
_LOADED: Final[dict[Path, Model]] = {}
_LOADING: Final = threading.Lock()


def model_of(adapters: Path | None) -> Model:
    """The model with the adapters of a folder (None: the shipped ones), loaded once a process."""
    folder = adapters or diagnose.ADAPTERS
    with _LOADING:
        if folder not in _LOADED:
            _LOADED[folder] = diagnose.load(adapters=folder)
        return _LOADED[folder]


class EmbeddedSystem:
    """blind: it is shown the mean colour of each picture instead."""

    def __init__(self, adapters: Path | None = None, blind: bool = False) -> None:
        self.adapters, self.blind = adapters, blind

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        """One for each, in order; temperature and seed are those of the first."""
        photos = [flat(q.photo) if self.blind else q.photo for q in questions]
        told = [diagnose.Told(q.asked.history) for q in questions]
        first = questions[0]
        readings = model_of(self.adapters).diagnose_all(
            photos, told, labels, temperature=first.temperature, seed=first.seed
        )
        return [_told(reading) for reading in readings]


def _told(reading: Reading) -> Told:
    report = reading.report
    told = as_json(report)
    return Told(
        reading.text,
        report.label,
        dict(report.differential),
        report.confidence,
        report.abstained,
        round(sum((report.seconds or {}).values()), 4),
        {
            "label_probability": {name: round(p, 6) for name, p in reading.label_probability.items()},
            "share": round(reading.share, 6),
            **{name: told[name] for name in READING},
        },
    )
