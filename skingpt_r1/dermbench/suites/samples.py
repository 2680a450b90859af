"""The cases of a suite as samples of inspect_ai."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText

from skingpt_r1.dermbench import protocol
from skingpt_r1.dermbench.suites.manifest import Row, Suite
from skingpt_r1.records import History, SkinGPTError

_SUBGROUPS = ("skin_type", "age", "sex", "site")


def dataset(suite: Suite, files: Mapping[str, Path], history: bool = False, other: bool = False) -> MemoryDataset:
    """files: picture of each id. history: the prompt tells what is recorded, and the reference too.

    other: each sample's metadata holds a reference of another case as well (`other_reference`).
    """
    samples = [sample(row, files[row.id], history) for row in suite.rows]
    if other:
        for one, row in zip(samples, suite.rows, strict=True):
            assert one.metadata is not None
            one.metadata["other_reference"] = told(another(row, suite.rows), history)
    return MemoryDataset(samples, name=suite.name)


def sample(row: Row, image: Path, history: bool) -> Sample:
    """One case: picture and question; what it is compared with is metadata, which no system is shown."""
    given = dict(row.history) if history else {}
    prompt = protocol.question(history=History(**given))
    metadata: dict[str, Any] = {
        "image": str(image),
        "history": given,
        "reference": told(row, history),
        "diagnosis": row.diagnosis,
        "label": row.label,
        "category": row.category,
        "group": row.group,
        "source": row.source,
        "modality": row.modality,
        **{name: row.subgroup.get(name) for name in _SUBGROUPS},
    }
    return Sample(
        input=[ChatMessageUser(content=[ContentImage(image=str(image)), ContentText(text=prompt)])],
        id=row.id,
        target=told(row, history),
        metadata=metadata,
    )


def told(row: Row, history: bool) -> str:
    """The reference that knows what the prompt tells."""
    return row.with_history if history and row.with_history is not None else row.reference


def another(row: Row, rows: Sequence[Row]) -> Row:
    """A case with another label, of the same source where there is one; always the same one for a case."""
    others = [r for r in rows if (r.label, r.diagnosis) != (row.label, row.diagnosis) and r.group != row.group]
    if not others:
        raise SkinGPTError("no case has another label, so there is no reference of another case; raise --limit.")
    return random.Random(row.id).choice([r for r in others if r.source == row.source] or others)
