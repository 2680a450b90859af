"""Readings as the model would give them, with what is to be found planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LABELS = ("melanoma", "nevus", "seborrheic_keratosis")
NAMES = {"melanoma": "melanoma", "nevus": "melanocytic nevus", "seborrheic_keratosis": "seborrheic keratosis"}


def line(
    number: int,
    truth: str = "nevus",
    said: str = "nevus",
    confidence: float = 0.8,
    *,
    edit: str = "plain",
    claims: Sequence[tuple[str, str]] = (),
    probability: Mapping[str, float] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One line of a journal, of ISIC-2017."""
    rest = (1 - confidence) / 2
    return {
        "key": f"isic2017/{number}",
        "edit": edit,
        "settings": "s",
        "set": "isic2017",
        "truth": truth,
        "label": said,
        "diagnosis": NAMES[said],
        "group": f"patient {number}",
        "confidence": confidence,
        "label_probability": probability or {n: confidence if x == said else rest for x, n in NAMES.items()},
        "share": confidence,
        "abstained": False,
        "urgency": "routine",
        "outside": None,
        "claims": [{"concept": c, "value": v, "polarity": True} for c, v in claims],
        "text": "",
        **more,
    }
