"""How true and how complete is what the blind describer says? Against the same measurements on experts' masks.

    python -m benchmarks.describer             # rows of HAM10000 val with an expert's mask (test rows have none)

The describer measures inside the segmenter's outline, as for any picture without a mask. Precision: its claims that the
expert's mask supports (>= 0.5). Recall: what a careful describer says on the expert's mask, and this one says too.
The swap gives it the picture of another case of the same set (seed 0): its claims must change.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.claims import Key, changed_shares, verdicts
from benchmarks.results import keep, no_options
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermcot.describing import Measured, shipped_segment
from skingpt_r1.dermcot.stages import blind
from skingpt_r1.distill.data import gather
from skingpt_r1.records import Case, History
from skingpt_r1.sources.clustering import key


def described(case: Case, describe: Measured) -> set[Key]:
    """Claim keys of the picture alone: the history is a record, not a description."""
    return {s.claim.key for s in describe(dataclasses.replace(blind(case), history=History())).claims}


def main() -> None:
    no_options(__doc__)
    describe = Measured(shipped_segment)
    gathered = gather(None, Path("runs"))
    cases = [
        c for c in gathered.cases
        if c.dataset == "ham10000" and c.split == "val" and c.mask and key(c) not in gathered.dropped
    ]  # fmt: skip
    said = [described(dataclasses.replace(c, mask=None), describe) for c in cases]
    wanted = [described(c, describe) for c in cases]
    right: dict[str, list[bool]] = defaultdict(list)
    found: dict[str, list[bool]] = defaultdict(list)
    truth, groups = [], []
    for case, mine, theirs in zip(cases, said, wanted, strict=True):
        for claim, true in verdicts(dataclasses.replace(case, concepts=None), sorted(mine)):
            right[claim[0]].append(true)
            truth.append(float(true))
            groups.append(case.group or case.id)
        for claim in theirs:
            found[claim[0]].append(claim in mine)
    seen = [{claim for claim in mine if claim[0] != "modality"} for mine in said]
    changed = changed_shares(seen, random.Random(0))
    of_truth = np.array(truth)
    low, high = interval(lambda i: float(of_truth[i].mean()), groups)
    figures = {
        "cases": len(cases),
        "precision": round(float(of_truth.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "n": len(truth),
        "by_concept": {
            name: {
                "n": len(right[name]),
                "precision": round(float(np.mean(right[name])), 3),
                "recall": round(float(np.mean(found[name])), 3) if found[name] else None,
                "wanted": len(found[name]),
            }
            for name in sorted(right)
        },
        "swap_share_changed": round(float(np.mean(changed)), 3),
    }
    print(json.dumps(figures, indent=1))
    keep("describer", figures)


if __name__ == "__main__":
    main()
