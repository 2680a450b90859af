"""The linear probe: logistic regression on what the published encoder sees, told by the template.

Nothing of ours is trained into its features, so it says what a picture gives away without any of our work. Fitted on
rows of train and val that share no patient and no near-duplicate with a test row; classes weigh alike.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from skingpt_r1.dermbench import probe
from skingpt_r1.dermbench.probe import STRENGTH
from skingpt_r1.dermbench.systems.asking import Question, Told
from skingpt_r1.dermbench.systems.pictures import flat
from skingpt_r1.dermbench.systems.template import template
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet, match
from skingpt_r1.models.embedding import embedder, vectors_of
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import Case, Modality
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]
_OPEN: Final = "open"
_MODALITY: Final = "modality"
_FITTING: Final = threading.Lock()


def heads_of(cases: Sequence[Case], vectors: Floats) -> dict[str, probe.Probe]:
    """A head a label set, one over all diagnoses and one for how the picture was taken."""
    sets = np.array([SOURCES[case.dataset].label_set for case in cases])
    heads = {
        name: probe.fit(
            vectors[sets == name], [c.label or "" for c, mine in zip(cases, sets == name, strict=True) if mine]
        )
        for name in sorted(set(sets))
    }
    heads[_OPEN] = probe.fit(vectors, [case.diagnosis or "" for case in cases])
    kinds = [case.modality.value for case in cases]
    if len(set(kinds)) > 1:
        heads[_MODALITY] = probe.fit(vectors, kinds)
    return heads


def training_rows(data: Path | None, runs: Path) -> list[Case]:
    """Rows of train and val that touch no test row."""
    from skingpt_r1.distill.data import gather

    gathered = gather(data, runs)
    usable = [case for i, case in enumerate(gathered.cases) if i in gathered.usable]
    return [case for case in usable if case.split in ("train", "val") and case.diagnosis]


def fitted(cases: Sequence[Case], runs: Path) -> dict[str, probe.Probe]:
    """The heads for these cases; kept below `runs` under a digest of the rows, and fitted where they are not there."""
    digest = hashlib.sha256(
        "\n".join([f"probe 2 {STRENGTH}", *(f"{key(c)} {c.label} {c.split}" for c in cases)]).encode()
    ).hexdigest()[:16]
    path = runs / "probe" / f"{digest}.safetensors"
    if not path.exists():
        log.info("linear probe: fitting on %d rows", len(cases))
        vectors = embedder(runs / "embeddings.safetensors")([Path(c.image) for c in cases]).astype(np.float64)
        _save(path, heads_of(cases, vectors))
    return _load(path)


class Probe:
    """Says the likeliest class of the label set that is asked for."""

    def __init__(self, data: Path | None, runs: Path, blind: bool = False) -> None:
        self.data, self.runs, self.blind = data, runs, blind

    @functools.cached_property
    def _heads(self) -> Mapping[str, probe.Probe]:
        return fitted(training_rows(self.data, self.runs), self.runs)

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        """One for each, in order."""
        with _FITTING:
            heads = self._heads
        photos = [flat(q.photo) if self.blind else q.photo for q in questions]
        vectors = vectors_of([photo.pixels for photo in photos], frozen_encoder()).astype(np.float64)
        taken = (
            chances_of(heads[_MODALITY], vectors)
            if _MODALITY in heads
            else [{Modality.DERMOSCOPY.value: 1.0}] * len(photos)
        )
        return [
            _told(chances, Modality(max(kinds, key=lambda k: kinds[k])), labels)
            for chances, kinds in zip(by_diagnosis(heads, vectors, labels), taken, strict=True)
        ]


def chances_of(head: probe.Probe, vectors: Floats) -> list[dict[str, float]]:
    """One a row of [N, 1280], by label; sums to 1."""
    return [dict(zip(head.labels, map(float, row), strict=True)) for row in head.probability(vectors)]


def by_diagnosis(heads: Mapping[str, probe.Probe], vectors: Floats, labels: LabelSet | None) -> list[dict[str, float]]:
    """The chances of each row by diagnosis: of the label set's own head, else of all diagnoses that it covers."""
    if labels is not None and labels.name in BUILT_IN and labels.name in heads:
        return [{labels.labels[x]: p for x, p in row.items()} for row in chances_of(heads[labels.name], vectors)]
    rows = chances_of(heads[_OPEN], vectors)
    if labels is None:
        return rows
    covered = []
    for row in rows:
        kept = dict.fromkeys(labels.labels.values(), 1e-9)
        for diagnosis, p in row.items():
            if (label := match(labels, diagnosis)) is not None:
                kept[labels.labels[label]] += p
        total = sum(kept.values())
        covered.append({name: p / total for name, p in kept.items()})
    return covered


def _told(chances: Mapping[str, float], modality: Modality, labels: LabelSet | None) -> Told:
    ranked = sorted(chances, key=lambda name: -chances[name])
    label = None if labels is None else match(labels, ranked[0])
    return Told(template(ranked, modality), label, chances, chances[ranked[0]], False)


def _save(path: Path, heads: Mapping[str, probe.Probe]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"{name}.{part}": torch.from_numpy(getattr(h, part)) for name, h in heads.items() for part in _PARTS}
    save_tensors(path, tensors, {"labels": json.dumps({name: head.labels for name, head in heads.items()})})


_PARTS: Final = ("mean", "scale", "weight", "bias")


def _load(path: Path) -> dict[str, probe.Probe]:
    with safe_open(path, "np") as file:
        labels: dict[str, Any] = json.loads(file.metadata()["labels"])
        return {
            name: probe.Probe(tuple(of), *(file.get_tensor(f"{name}.{part}") for part in _PARTS))
            for name, of in labels.items()
        }
