"""The real model, loaded once, and the two pictures that ship with the repository."""

from __future__ import annotations

import pytest

from skingpt_r1.models.diagnose import Model, load
from skingpt_r1.records import Case, Modality

EXAMPLES = {"ISIC_0012551": "nevus", "ISIC_0012395": "melanoma"}


@pytest.fixture(scope="session")
def model() -> Model:
    return load()


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return [
        Case(name, f"examples/{name}.jpg", Modality.DERMOSCOPY, "isic2017", label=label, group=name, split="test")
        for name, label in EXAMPLES.items()
    ]
