"""SkinGPT-R1: a photo of a skin lesion in, step-by-step and verified reasoning out.

For research and education only; not a medical device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skingpt_r1.records import (
    Assessment,
    Case,
    CaseError,
    Claim,
    History,
    Hypothesis,
    Modality,
    Narrative,
    SkinGPTError,
    Status,
    Urgency,
)

if TYPE_CHECKING:
    from skingpt_r1.models.diagnose import Model

__version__ = "0.7.6"


def load(name: str = "embedded", **options: Any) -> Model:
    """The model by name, ready to `diagnose`. Raises SkinGPTError on an unknown name."""
    from skingpt_r1.models.diagnose import load as load_model  # torch is slow to import

    return load_model(name, **options)


__all__ = [
    "Assessment",
    "Case",
    "CaseError",
    "Claim",
    "History",
    "Hypothesis",
    "Modality",
    "Narrative",
    "SkinGPTError",
    "Status",
    "Urgency",
    "load",
]
