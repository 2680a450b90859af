"""Fit temperature and abstention on the validation readings; writes the shipped calibration.json.

python -m benchmarks.calibrate
"""

from __future__ import annotations

from benchmarks.read_rows import SETS, lines_of
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models import calibration
from skingpt_r1.models.diagnose import ADAPTERS


def main() -> None:
    lines = lines_of("val")
    table: dict[str, calibration.Calibration] = {}
    for name in SETS:
        names = label_set(name).labels
        rows = [(_raw(x), names[x["truth"]]) for x in lines if x["set"] == name]
        table[name] = calibration.fit(rows)
        print(name, table[name])
    table[calibration.OPEN] = max(table.values(), key=lambda c: (c.abstain_below, c.temperature))
    calibration.save(ADAPTERS / "calibration.json", table)


def _raw(line: dict) -> dict[str, float]:
    """The writer's own label probabilities, before any temperature."""
    return line["label_probability"]


if __name__ == "__main__":
    main()
