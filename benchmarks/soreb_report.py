"""Figures and curves of `soreb`: each model, and SOREB less the supervised control on the same pairs of texts.

Intervals: 95 %, bootstrap over patients. They say how sure the difference is on other patients, not with other seeds:
for that the seeds stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.curves import journal, series
from benchmarks.probes import SOUND, Line, whole_lines
from benchmarks.results import keep
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermeval.rubric import DIMENSIONS

CURVES: Final = Path("docs/soreb.png")
WAYS: Final = ("soreb", "supervised")
SMOOTH: Final = 8  # steps that the curves are averaged over
SETTINGS: Final = ("soreb_steps", "soreb_samples", "batch", "soreb_rate", "momentum", "leash", "temperature")
ERROR, RANKED, PARSED = "error", "ranked right", "parsed"
COLUMNS: Final = (ERROR, *(f"{ERROR} of {name}" for name in DIMENSIONS), RANKED, PARSED)


def paired(lines: Sequence[Line]) -> set[int]:
    """The pairs of which both texts have been judged."""
    sound = {line["pair"] for line in lines if line["kind"] == SOUND}
    return sound & {line["pair"] for line in lines if line["kind"] != SOUND}


def table(lines: Sequence[Line], pairs: Sequence[int]) -> np.ndarray:
    """[P, COLUMNS] of these pairs: errors are means over both texts, the others 0 or 1."""
    by_pair: dict[int, dict[bool, Line]] = {pair: {} for pair in pairs}
    for line in lines:
        if line["pair"] in by_pair:
            by_pair[line["pair"]][line["kind"] == SOUND] = line
    rows = []
    for sides in by_pair.values():
        scores = np.array([sides[s]["scores"] for s in (True, False)])
        error = np.abs(scores - [sides[s]["target"] for s in (True, False)]).mean(0)  # [6]
        rows.append([error.mean(), *error, scores[1].mean() < scores[0].mean(), sides[False]["parsed"]])
    return np.array(rows, dtype=float)


def told(values: np.ndarray, cases: Sequence[str]) -> dict[str, Any]:
    """Mean of every column of [P, COLUMNS] with its interval."""
    return {name: mean_of(column, cases) for name, column in zip(COLUMNS, values.T, strict=True)}


def mean_of(values: np.ndarray, cases: Sequence[str]) -> dict[str, Any]:
    """Mean of [P] with its interval."""
    low, high = interval(lambda i: float(values[i].mean()), cases)
    return {"mean": round(float(values.mean()), 4), "interval": [round(low, 4), round(high, 4)]}


def figures_of(lines: Mapping[str, Sequence[Line]], seeds: Sequence[str]) -> dict[str, Any]:
    """Of the answers by model: "start", and for each seed "SEED.soreb" and "SEED.supervised"."""
    pairs = sorted(set.intersection(*map(paired, lines.values())))
    if not pairs:
        raise SystemExit("no pair has been judged by all models; run python -m benchmarks.soreb run to its end.")
    case_of = {x["pair"]: x["case"] for x in lines["start"]}
    cases = [case_of[pair] for pair in pairs]
    tables = {name: table(mine, pairs) for name, mine in lines.items()}
    gained = {seed: tables[f"{seed}.soreb"] - tables[f"{seed}.supervised"] for seed in seeds}
    gained["all seeds"] = np.mean(list(gained.values()), 0)
    return {
        "pairs": len(pairs),
        "patients": len(set(cases)),
        "models": {name: told(values, cases) for name, values in tables.items()},
        "soreb less supervised": {name: told(values, cases) for name, values in gained.items()},
    }


def draw(runs: Sequence[Path], out: Path) -> None:
    """Reward, divergence and share of readable samples over the steps: a line a seed, the raw values faint behind."""
    panels = (
        ("reward", "reward of the sampled answers", "- squared error"),
        ("kl", "divergence from the supervised model", "nats a token"),
        ("parsed", "sampled answers that can be read", "share"),
    )
    figure, axes = plt.subplots(1, len(panels), figsize=(15, 4.2), layout="constrained")
    for axis, (key, title, unit) in zip(axes, panels, strict=True):
        for run in runs:
            lines = journal(run, "soreb")
            (line,) = axis.plot(*series(lines, key, SMOOTH), label=run.name)
            axis.plot(*series(lines, key, 1), color=line.get_color(), alpha=0.25, linewidth=0.8)
        axis.set(title=title, xlabel="step of SOREB", ylabel=unit)
        axis.legend()
        axis.grid(alpha=0.3)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def report(folder: Path, shown: bool) -> None:
    """Print the figures and draw the curves of what `soreb run` left; shown: keep both in the repository."""
    runs = sorted(run for run in folder.glob("seed*") if (run / "soreb" / "settings.json").exists())
    if not runs:
        raise SystemExit(f"{folder}: no seed has been trained; run python -m benchmarks.soreb run first.")
    names = ["start", *(f"{run.name}.{way}" for run in runs for way in WAYS)]
    lines = {name: whole_lines(folder / "judged" / f"{name}.jsonl") for name in names}
    config = json.loads((runs[0] / "soreb" / "settings.json").read_text())["config"]
    figures = {
        "settings": {name: config[name] for name in SETTINGS},
        **figures_of(lines, [run.name for run in runs]),
    }
    print(json.dumps(figures, indent=1))
    draw(runs, CURVES if shown else folder / CURVES.name)
    if shown:
        keep("soreb", figures)
