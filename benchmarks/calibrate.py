"""Fit confidence and abstention on the validation readings; writes the shipped calibration.json.

python -m benchmarks.calibrate
"""

from __future__ import annotations

from benchmarks.read_rows import SETS, lines_of
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models import calibration
from skingpt_r1.models.calibration import Validated
from skingpt_r1.models.diagnose import ADAPTERS


def main() -> None:
    lines = lines_of("val")
    rows = {
        name: [
            Validated(x["label_probability"], x["diagnosis"], x["share"], label_set(name).labels[x["truth"]])
            for x in lines
            if x["set"] == name
        ]
        for name in SETS
    }
    table = {name: calibration.fit(mine) for name, mine in rows.items()}
    # without a label set: what all rows together say, each read within its own set
    table[calibration.OPEN] = calibration.fit([row for mine in rows.values() for row in mine])
    for name, entry in table.items():
        print(name, entry)
    calibration.save(ADAPTERS / "calibration.json", table)


if __name__ == "__main__":
    main()
