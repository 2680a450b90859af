"""The offline judge on certified texts: is a damaged one ranked below its original, and does asking help?

    python -m benchmarks.offline_judge [--limit 40]

Texts that DermEval's training kept aside; the reference of each is its own sound text, the candidate is that text, a
damaged one, a manipulated one, or another case's. The rules were written knowing the list of damages, and tried out on
texts of our own; none was changed by what these texts show. 95 % bootstrap over texts.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from benchmarks.judge_rows import FREE
from benchmarks.results import keep
from skingpt_r1.dermbench.judges.offline import compared
from skingpt_r1.dermbench.statistics import estimate
from skingpt_r1.dermeval.degrade.apply import DAMAGES, degraded
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS, manipulated
from skingpt_r1.dermeval.degrade.subject import Pool, certified
from skingpt_r1.dermeval.training.lessons import kept_aside

EACH: Final = 3  # damages of a text


def told(values: Sequence[float], groups: Sequence[str]) -> dict[str, Any]:
    """Mean with n and interval."""
    x = np.array(values, dtype=float)
    found = estimate(lambda rows: float(x[rows].mean()), list(groups))
    return {"n": len(x), "value": found.value, "interval": [found.low, found.high]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=40, help="texts")
    options = parser.parse_args()
    aside = sorted((s for s in certified(FREE) if kept_aside(s)), key=lambda s: s.id)
    texts = random.Random(0).sample(aside, options.limit)
    rows: dict[str, list[tuple[str, float]]] = defaultdict(list)
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for place, text in enumerate(texts):
        other = texts[(place + 1) % len(texts)]
        whole = compared(text.text, text.text).mean
        rows["ceiling: the reference itself"].append((text.id, whole))
        rows["floor: another case's text"].append((text.id, compared(other.text, text.text).mean))
        rng = random.Random(f"free {text.id}")
        kinds = rng.sample(list(DAMAGES.values()), len(DAMAGES))
        made = ((k.name, degraded(text, [(k.name, k.severities[-1])], rng, Pool([]))) for k in kinds)
        for name, damaged in [(n, d) for n, d in made if d is not None][:EACH]:
            score = compared(damaged.text, text.text).mean
            rows["damaged ranked below"].append((text.id, float(score < whole)))
            rows["damaged and sound alike"].append((text.id, float(score == whole)))
            by_kind[name].append(score < whole)
        for name in MANIPULATIONS:
            rose = compared(manipulated(text.text, name, rng), text.text).mean - whole
            rows[f"change by {name}"].append((text.id, rose))
    figures = {name: told([v for _, v in of], [g for g, _ in of]) for name, of in rows.items()}
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    keep("offline_judge", {**figures, "by_kind": {k: [sum(v), len(v)] for k, v in sorted(by_kind.items())}})


if __name__ == "__main__":
    main()
