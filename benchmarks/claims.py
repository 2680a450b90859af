"""Are the claims true? Against expert masks, expert rows and the recorded history, and with the image swapped.

    python -m benchmarks.claims val            # rows with expert masks: HAM10000 val (test rows have none)
    python -m benchmarks.claims test-history   # history claims against the record

For geometry and colour the claim is measured again on the expert's mask instead of the segmenter's; a claim is true at
support >= 0.5 there. Structure claims are held against the expert row of the case. The swap compares each
narrative's image claims with those that the same prompt gave for another picture of the same set (seed 0).
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.read_rows import RUNS, lines_of
from benchmarks.results import keep
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermcot.evidence import told
from skingpt_r1.images.findings import support
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.measure import measure_lesion
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.criteria import VALUES
from skingpt_r1.narrative.vocabulary import HISTORY_CONCEPTS
from skingpt_r1.records import Case
from skingpt_r1.sources.registry import TESTED, load

Key = tuple[str, str, bool]


def keys_of(line: dict[str, Any]) -> list[Key]:
    """Claim keys of a reading."""
    return [(c["concept"], c["value"], c["polarity"]) for c in line["claims"]]


def verdicts(case: Case, keys: list[Key]) -> list[tuple[Key, bool]]:
    """Each claim that this case's expert evidence can settle, and whether it is true."""
    found: list[tuple[Key, bool]] = [(k, k[1] == case.modality.value) for k in keys if k[0] == "modality"]
    record = {s.claim.key for s in told(case.history)}
    recorded = {concept for concept, _, _ in record}
    found += [(k, k in record) for k in keys if k[0] in HISTORY_CONCEPTS and k[0] in recorded]
    if case.concepts:
        named = {VALUES[c] for c in case.concepts if c in VALUES}
        found += [(k, (k[1] in named) == k[2]) for k in keys if k[0] == "structure"]
    if case.mask is not None:
        pixels = read_photo(case.image).pixels
        measured = measure_lesion(pixels, load_mask(case.mask, "centre-square", pixels.shape[:2]))
        if measured is not None:
            for key in keys:
                share = support(measured, *key)
                if share is not None:
                    found.append((key, share >= 0.5))
    return found


def changed_shares(claims: Sequence[Set[Key]], rng: random.Random) -> list[float]:
    """Of each case that makes claims, the share that another case of the list does not make."""
    found = []
    for i, mine in enumerate(claims):
        j = rng.choice([k for k in range(len(claims)) if k != i])
        if mine:
            found.append(len(mine - claims[j]) / len(mine))
    return found


def swapped(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Share of image claims that another picture's narrative does not make."""
    rng = random.Random(0)
    changed: dict[str, list[float]] = {}
    for name in TESTED:
        mine = [{k for k in keys_of(x) if k[0] not in HISTORY_CONCEPTS} for x in lines if x["set"] == name]
        if shares := changed_shares(mine, rng):
            changed[name] = shares
    return {name: {"n": len(v), "share_changed": round(float(np.mean(v)), 3)} for name, v in changed.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readings")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the readings are")
    options = parser.parse_args()
    name = options.readings
    lines = lines_of(name, options.folder)
    cases = {f"{c.dataset}/{c.id}": c for s in TESTED for c in load(s)}
    by_concept: dict[str, list[bool]] = defaultdict(list)
    truth, groups = [], []
    for line in lines:
        for key, right in verdicts(cases[line["key"]], keys_of(line)):
            by_concept[key[0]].append(right)
            truth.append(right)
            groups.append(line["group"])
    right = np.array(truth, dtype=float)
    low, high = interval(lambda i: float(right[i].mean()), groups)
    figures = {
        "readings": name,
        "narratives": len(lines),
        "precision": round(float(right.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "n": len(truth),
        "by_concept": {
            c: {"n": len(v), "precision": round(float(np.mean(v)), 3)} for c, v in sorted(by_concept.items())
        },
        "swap": swapped(lines),
    }
    print(json.dumps(figures, indent=1))
    if options.folder == RUNS:  # of the shipped adapters
        keep("claims", figures, of=name.replace("-", "_"))


if __name__ == "__main__":
    main()
