"""Systems x sets in one table, yardsticks in the same table: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermbench.classify.answers import Run, State, read_run
from skingpt_r1.dermbench.classify.figures import SENSITIVITY, Figures, figures
from skingpt_r1.dermbench.classify.sets import TITLES
from skingpt_r1.dermbench.statistics import LEAST
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.records import SkinGPTError

DASH: Final = "–"
COLUMNS: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "accuracy_answered": "of answered",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "specificity_at": f"specificity at {SENSITIVITY:.0%} sensitivity",
    "sensitivity_at": "sensitivity there",
    "calibration_error": "calibration error",
    "brier": "Brier",
    "aurc": "AURC",
}
_NOTE: Final = (
    "In brackets: 95 % bootstrap interval over patients or lesions. A case without an answer is wrong, but for the "
    "column \"of answered\"; figures of probability and confidence (AUROC, chosen sensitivity, calibration error, "
    "Brier, AURC) are of the cases that came with one. Sensitivity and specificity: for malignancy by the knowledge "
    "table, actinic keratosis not counted in. The threshold of a chosen sensitivity comes from split val; beside it is "
    f"the sensitivity that the rows shown then have. {DASH}: the system does not tell what it needs, or n < {LEAST}."
)  # fmt: skip


def runs_in(paths: Iterable[Path]) -> list[Run]:
    """Runs of logs (.eval, folders of them) and of answers (.json); the latest of one system, set and split.

    Raises SkinGPTError where there is none.
    """
    found: dict[tuple[str, str, str], Run] = {}
    for path in paths:
        if not path.exists():
            raise SkinGPTError(f"{path}: no such file or folder; name logs of the classification benchmark.")
        for run in (*_kept(path), *_logged(path)):
            found[run.system, run.source, run.split] = run
    if not found:
        raise SkinGPTError(f"{', '.join(map(str, paths))}: no log of the classification benchmark there.")
    return list(found.values())


def _kept(path: Path) -> list[Run]:
    files = sorted(path.rglob("*.answers.json")) if path.is_dir() else [path] if path.suffix == ".json" else []
    return [read_run(file) for file in files]


def _logged(path: Path) -> Iterator[Run]:
    if path.suffix == ".eval" or (path.is_dir() and any(path.rglob("*.eval"))):
        from skingpt_r1.dermbench.classify.logs import (  # needs inspect_ai, which files of answers do not
            logs_in,
            run_of,
        )

        yield from map(run_of, logs_in(path))


def tabulate(runs: Sequence[Run]) -> list[Figures]:
    """Figures of the test runs, sets by name, the best balanced accuracy first and yardsticks last.

    A run on val of the same system gives its threshold.
    """
    val = {(run.system, run.source): run for run in runs if run.split == "val"}
    told = [figures(run, val.get((run.system, run.source))) for run in runs if run.split != "val"]
    if not told:
        raise SkinGPTError("only runs on split val there; run the test rows.")
    return sorted(told, key=lambda f: (f.source, f.baseline, -_rank(f), f.system))


def markdown(rows: Sequence[Figures]) -> str:
    """One table a set, then its subgroups."""
    parts: list[str] = []
    for source in dict.fromkeys(row.source for row in rows):
        mine = [row for row in rows if row.source == source]
        shown = [name for name in COLUMNS if any(name in row.found for row in mine)]
        lines = [_line(["system", "cases", *(COLUMNS[name] for name in shown)])]
        lines.append("| --- |" + " ---: |" * (len(shown) + 1))
        lines += [_line([*head(row), *(row.found.get(name, Estimate()).told() for name in shown)]) for row in mine]
        chance = f"Chance: {mine[0].chance:.3f}. " if mine[0].chance else ""
        parts += [f"## {TITLES.get(source, source)}, {mine[0].split}", "\n".join(lines), chance + _NOTE]
        if groups := _subgroups(mine):
            parts += [f"### By patient and picture: {TITLES.get(source, source)}", groups]
    return "\n\n".join(parts) + "\n"


def as_json(rows: Sequence[Figures]) -> str:
    """The same figures, rounded to four places."""
    return json.dumps([_rounded(asdict(row)) for row in rows], indent=1, ensure_ascii=False) + "\n"


def head(row: Figures) -> tuple[str, str]:
    """(system, cases asked and answered, with what else became of them)."""
    told = row.states[State.ANSWERED] + row.states[State.UNREADABLE]
    others = [f"{row.states[s]} {s.value}" for s in (State.UNREADABLE, State.FAILED, State.PENDING) if row.states[s]]
    cases = str(row.expected) if told == row.expected else f"{told}/{row.expected}"
    name = row.system + "".join(f" ({note})" for note in row.notes)
    return name, cases + (f" ({', '.join(others)})" if others else "")


def _subgroups(rows: Sequence[Figures]) -> str:
    keys = dict.fromkeys((group.by, group.value) for row in rows for group in row.subgroups)
    if not keys:
        return ""
    lines = [_line(["", "n", *(row.system for row in rows)]), "| --- | ---: |" + " ---: |" * len(rows)]
    for by, value in keys:
        mine = [{(g.by, g.value): g for g in row.subgroups}.get((by, value)) for row in rows]
        n = max(group.n for group in mine if group)
        lines.append(
            _line([f"{by.replace('_', ' ')}: {value}", str(n), *(g.accuracy.told() if g else DASH for g in mine)])
        )
    return "\n".join([*lines, "", f"Accuracy. {DASH}: n < {LEAST}, no claim."])


def _rank(row: Figures) -> float:
    told = row.found.get("balanced_accuracy", row.found.get("accuracy", Estimate()))
    return told.value or 0.0


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(c.replace('|', '/').replace(chr(10), ' ') for c in cells)} |"


def _rounded(told: Any) -> Any:
    if isinstance(told, float):
        return round(told, 4)
    if isinstance(told, dict):
        return {key: _rounded(value) for key, value in told.items()}
    return [_rounded(value) for value in told] if isinstance(told, list | tuple) else told
