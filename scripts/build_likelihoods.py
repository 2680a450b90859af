"""Rebuilds skingpt_r1/knowledge/feature_likelihoods.json from the open tables: counts only, no row of them.

`expert_features.json`, which only `skingpt knowledge` reads, is rebuilt with it (build_expert_features.py).

    python scripts/build_likelihoods.py --data ../shared/data --evidence runs/evidence.jsonl

The evidence file is what `skingpt train distill` measured on the training rows (geometry and colours, by mask);
without it the two measured tables of the present file stay as they are.

Left out on purpose: PAD-UFES-20's `biopsed` (it tells the label), its val and test rows, and the HAM10000
concept table, which was filled in knowing the diagnosis. Findings are mapped where both vocabularies mean
the same; Derm7pt's vessels, dots and blotches are not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import build_expert_features
from expert_tally import table

from skingpt_r1.dermcot.evidence import feature_rows, read_evidence
from skingpt_r1.knowledge.likelihoods import Counts, Key, count_features, tables
from skingpt_r1.sources.registry import load

TARGET = Path(__file__).resolve().parents[1] / "skingpt_r1" / "knowledge" / "feature_likelihoods.json"
Row = tuple[str, set[Key], set[str]]

SYMPTOMS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")
PAD = {
    "ACK": "actinic keratosis",
    "BCC": "basal cell carcinoma",
    "MEL": "melanoma",
    "NEV": "melanocytic nevus",
    "SCC": "squamous cell carcinoma",
    "SEK": "seborrheic keratosis",
}
DERM7PT = {
    **dict.fromkeys(
        (
            "melanoma",
            "melanoma (in situ)",
            "melanoma (less than 0.76 mm)",
            "melanoma (0.76 to 1.5 mm)",
            "melanoma (more than 1.5 mm)",
        ),
        "melanoma",
    ),
    **dict.fromkeys(
        (
            "clark nevus",
            "reed or spitz nevus",
            "dermal nevus",
            "blue nevus",
            "congenital nevus",
            "combined nevus",
            "recurrent nevus",
        ),
        "melanocytic nevus",
    ),
    "seborrheic keratosis": "seborrheic keratosis",
    "basal cell carcinoma": "basal cell carcinoma",
    "vascular lesion": "vascular lesion",
    "dermatofibroma": "dermatofibroma",
}
THICK = "thick reticular or branched lines"
PARTIAL = "partial pseudopods or radial lines"
ALL_ROUND = "circumferential pseudopods or radial lines"
GREY = "grey patterns"
WHITE = "white lines or white structureless area"
SOURCES = {
    "derm7pt": "Derm7pt (atypical network = thick lines; streaks = radial lines; blue and white regression "
    "= grey patterns and white areas; blue-whitish veil = blue-grey)",
    "ph2": "PH2 (benign = melanocytic nevus; atypical network = thick lines; streaks = radial lines; veil = blue-grey)",
    "pad": "PAD-UFES-20, training rows, one a lesion",
}
MEASURED = {
    "measured on dermoscopy, training rows of HAM10000 and ISIC-2017": ("ham10000", "isic2017"),
    "measured on clinical photographs, training rows of PAD-UFES-20": ("pad_ufes_20",),
}


def structures(names: set[str], veil: bool) -> set[Key]:
    """Dermatoscopic findings as claim keys."""
    return {("structure", name, True) for name in names} | ({("colour", "blue-grey", True)} if veil else set())


def derm7pt(data: Path) -> Iterator[Row]:
    """Seven-point checklist rows."""
    for row in table(data / "annotations" / "derm7pt" / "meta.csv"):
        if row["diagnosis"] not in DERM7PT:
            continue
        regression = row["regression_structures"]
        found = {
            THICK: row["pigment_network"] == "atypical",
            PARTIAL: row["streaks"] == "irregular",
            ALL_ROUND: row["streaks"] == "regular",
            GREY: regression in ("blue areas", "combinations"),
            WHITE: regression in ("white areas", "combinations"),
        }
        names = {name for name, present in found.items() if present}
        veil = row["blue_whitish_veil"] == "present"
        yield DERM7PT[row["diagnosis"]], structures(names, veil), {"structure", "colour"}


def ph2(data: Path) -> Iterator[Row]:
    """PH2 rows of the joint concept table; the label file says melanoma (1) or benign (0)."""
    labels = {row["images"]: row["labels"] for row in table(data / "annotations" / "ph2" / "PH2_dataset_concepts.csv")}
    for row in table(data / "annotations" / "derm7pt" / "dermoscopic_concepts_PH2_Derm7pt.csv"):
        if row["image_id"] not in labels:
            continue
        columns = {THICK: "APN", PARTIAL: "ISTR", ALL_ROUND: "RSTR"}
        names = {name for name, column in columns.items() if row[column] == "1"}
        diagnosis = "melanoma" if labels[row["image_id"]] == "1" else "melanocytic nevus"
        yield diagnosis, structures(names, row["BWV"] == "1"), {"structure", "colour"}


def pad_ufes_20(data: Path) -> Iterator[Row]:
    """History of the training lesions; UNK and empty are not assessed."""
    done = set()
    for row in table(data / "pad_ufes_20" / "cases.csv"):
        if row["split"] != "train" or row["lesion_id"] in done:
            continue
        done.add(row["lesion_id"])
        claims: set[Key] = {(s, "yes", row[s] == "True") for s in SYMPTOMS if row[s] in ("True", "False")}
        claims |= {(name, row[name], True) for name in ("age", "site") if row[name]}
        yield PAD[row["label"]], claims, {concept for concept, _, _ in claims}


def build(data: Path) -> list[dict[str, str | Counts]]:
    """Every expert table's counts."""
    rows = {"derm7pt": derm7pt(data), "ph2": ph2(data), "pad": pad_ufes_20(data)}
    return [{"source": SOURCES[name], "counts": count_features(found)} for name, found in rows.items()]


def measured(data: Path, evidence: Path | None) -> list[dict[str, str | Counts]]:
    """Counts of what was measured on training pictures; the shipped ones where nothing new is given."""
    if evidence is None:
        return [{"source": t.source, "counts": t.counts} for t in tables() if t.source in MEASURED]
    claims = read_evidence(evidence)
    found: list[dict[str, str | Counts]] = []
    for source, names in MEASURED.items():
        cases = [case for name in names for case in load(name, data) if case.split == "train"]
        found.append({"source": source, "counts": count_features(feature_rows(cases, claims))})
    return found


def main() -> None:
    """Write both files and say what they hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of the open dermatology data")
    parser.add_argument("--evidence", type=Path, help="what was measured on the training rows")
    options = parser.parse_args()
    found = build(options.data) + measured(options.data, options.evidence)
    body = json.dumps({"tables": found}, indent=1)
    body = re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", body)  # a pair a line
    TARGET.write_text(body + "\n", encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}: {len(found)} tables\n")
    sys.stdout.write(build_expert_features.rebuild(options.data) + "\n")


if __name__ == "__main__":
    main()
