"""Figures of the readings of `read_rows`: balanced accuracy in the narrative, calibration, abstention, claims.

    python -m benchmarks.score_rows test
    python -m benchmarks.score_rows test-blind

Intervals: 95 %, bootstrap over patients or lesions (1,000 draws, seed 0). The claim section counts what the
verifier said; its precision against expert masks is measured by `benchmarks.claims`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.read_rows import RUNS, lines_of
from benchmarks.results import keep
from skingpt_r1.dermbench.metrics import balanced_accuracy, expected_calibration_error
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.sources.registry import TESTED

PROBE = {
    "ham10000": 0.503,
    "pad_ufes_20": 0.518,
    "isic2017": 0.620,
}  # linear probe, class-weighted, same test rows
Line = dict[str, Any]


def recognition(lines: list[Line]) -> dict[str, Any]:
    """Balanced accuracy and accuracy of the diagnosis in the narrative, by set."""
    found: dict[str, Any] = {}
    for name in TESTED:
        mine = [x for x in lines if x["set"] == name]
        if not mine:
            continue
        truth, said = np.array([x["truth"] for x in mine]), np.array([x["label"] for x in mine])
        low, high = interval(lambda i, s=said, t=truth: balanced_accuracy(s[i], t[i]), [x["group"] for x in mine])
        recall = {
            label: [int((said[truth == label] == label).sum()), int((truth == label).sum())]
            for label in sorted(set(truth))
        }
        found[name] = {
            "n": len(mine),
            "balanced_accuracy": round(balanced_accuracy(said, truth), 4),
            "interval": [round(low, 4), round(high, 4)],
            "accuracy": round(float((said == truth).mean()), 4),
            "chance": round(1 / len(label_set(name).labels), 4),
            "linear_probe": PROBE[name],
            "recall": recall,
        }
    return found


def calibration_error(lines: list[Line]) -> float:
    """Expected calibration error of the confidence, ten bins of equal width."""
    return expected_calibration_error([x["confidence"] for x in lines], [x["label"] == x["truth"] for x in lines])


def abstention(lines: list[Line]) -> list[dict[str, float]]:
    """Error share among the most confident 100, 90 .. 10 %."""
    ordered = sorted(lines, key=lambda x: -x["confidence"])
    curve = []
    for share in range(100, 0, -10):
        kept = ordered[: max(1, round(len(ordered) * share / 100))]
        curve.append(
            {
                "kept": share / 100,
                "risk": round(1 - sum(x["label"] == x["truth"] for x in kept) / len(kept), 4),
            }
        )
    return curve


def claims(lines: list[Line]) -> dict[str, Any]:
    """By concept: how often claimed a narrative, and what the verifier said."""
    made: Counter[str] = Counter()
    status: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for claim in line["claims"]:
            made[claim["concept"]] += 1
            status[claim["concept"], claim["status"]] += 1
    table = {}
    for concept, n in made.most_common():
        yes, no = status[concept, "supported"], status[concept, "contradicted"]
        table[concept] = {
            "share_of_narratives": round(n / len(lines), 3), "n": n, "supported": yes, "contradicted": no,
            "not_checkable": status[concept, "not checkable"], "precision": round(yes / max(yes + no, 1), 3),
        }  # fmt: skip
    yes, no = (sum(v for (_, s), v in status.items() if s == wanted) for wanted in ("supported", "contradicted"))
    return {
        "overall_precision": round(yes / max(yes + no, 1), 4),
        "checked": yes + no,
        "made": sum(made.values()),
        "by_concept": table,
    }


def writing(lines: list[Line]) -> dict[str, Any]:
    """Repairs, parse problems, variety of the texts."""
    observations = [x["text"].split("[category]")[0] for x in lines]
    words = [w for o in observations for w in zip(o.split(), o.split()[1:], strict=False)]
    return {
        "rewritten_share": round(sum(x["model"]["rewritten"] == "True" for x in lines) / len(lines), 4),
        "contradicts_itself": sum(any("contradicts itself" in note for note in x["notes"]) for x in lines),
        "repaired_share": round(sum(x["model"]["repaired"] == "True" for x in lines) / len(lines), 4),
        "distinct_observations": round(len(set(observations)) / len(lines), 4),
        "distinct_2": round(len(set(words)) / max(len(words), 1), 4),
        "abstained_share": round(sum(x["abstained"] for x in lines) / len(lines), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readings", help="test, val, test-blind, test-history ...")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the readings are")
    options = parser.parse_args()
    name = options.readings
    lines = lines_of(name, options.folder)
    by_set = {
        s: round(calibration_error([x for x in lines if x["set"] == s]), 4)
        for s in TESTED
        if any(x["set"] == s for x in lines)
    }
    figures = {
        "readings": name,
        "n": len(lines),
        "recognition": recognition(lines),
        "calibration_error": {"all": round(calibration_error(lines), 4), **by_set},
        "abstention_curve": abstention(lines),
        "claims": claims(lines),
        "writing": writing(lines),
    }
    print(json.dumps(figures, indent=1))
    if options.folder == RUNS:  # of the shipped adapters
        keep("score_rows", figures, of=name.replace("-", "_"))


if __name__ == "__main__":
    main()
