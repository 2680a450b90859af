"""What ships of the validation readings: calibration.json (confidence, abstention), conformal.json (prediction sets),
confusions.json (what is really taken for what) and guesses.safetensors (what usually follows, read ahead for speed).

python -m benchmarks.calibrate
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable

from benchmarks.read_rows import lines_of
from benchmarks.results import no_options
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models import calibration, conformal, guesses
from skingpt_r1.models.calibration import Validated
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.language import Language
from skingpt_r1.sources.registry import TESTED
from skingpt_r1.sources.streams import write_text


def confusions(rows: Iterable[Validated]) -> dict[str, dict[str, float]]:
    """Diagnosis -> how its pictures were called, shares of 1."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.truth][row.said] += 1
    return {
        truth: {said: round(n / called.total(), 4) for said, n in called.most_common()}
        for truth, called in sorted(counts.items())
    }


def main() -> None:
    no_options(__doc__)
    lines = lines_of("val")
    rows = {
        name: [
            Validated(x["label_probability"], x["diagnosis"], x["share"], label_set(name).labels[x["truth"]])
            for x in lines
            if x["set"] == name
        ]
        for name in TESTED
    }
    table = {name: calibration.fit(mine) for name, mine in rows.items()}
    # without a label set: what all rows together say, each read within its own set
    table[calibration.OPEN] = calibration.fit([row for mine in rows.values() for row in mine])
    for name, entry in table.items():
        print(name, entry)
    calibration.save(ADAPTERS / "calibration.json", table)
    # none without a label set: every validation row was read within one, and a probability among nine is another
    sets = {name: conformal.fit([(row.probability, row.truth) for row in mine]) for name, mine in rows.items()}
    conformal.save(ADAPTERS / conformal.SHIPPED, sets)
    confused = confusions(row for mine in rows.values() for row in mine)
    write_text(ADAPTERS / "confusions.json", json.dumps(confused, indent=1) + "\n")
    language = Language()
    guesses.save(guesses.count(language.tokens(x["text"]) for x in lines), ADAPTERS / "guesses.safetensors")


if __name__ == "__main__":
    main()
