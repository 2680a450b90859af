"""Dermoscopic criteria by the codes of the experts who annotated them (Chanda et al. 2024)."""

from __future__ import annotations

from typing import Final

MELANOMA: Final[dict[str, str]] = {
    "TRBL": "thick reticular or branched lines",
    "ESA": "eccentric structureless area",
    "GP": "grey patterns",
    "PV": "polymorphous vessels",
    "BDG": "peripheral black dots or globules",
    "WLSA": "white lines or white structureless area",
    "PRL": "partial pseudopods or radial lines",
}
NEVUS: Final[dict[str, str]] = {
    "OPC": "one pattern and one colour",
    "SPC": "symmetrical patterns and colours",
    "APC": "asymmetric patterns and colours",
    "MVP": "monomorphic vessels",
    "PRLC": "circumferential pseudopods or radial lines",
}
VALUES: Final = MELANOMA | NEVUS  # expert code -> value of the claim concept "structure"
HYPOTHESIS: Final = dict.fromkeys(MELANOMA, "melanoma") | dict.fromkeys(NEVUS, "melanocytic nevus")
