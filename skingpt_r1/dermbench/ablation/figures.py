"""What the variants reach, and how far each is from the whole recipe: mean over seeds, paired by case.

The interval of a difference is a bootstrap over patients of the mean over seeds: it says what other patients would
change. What another seed would change stands beside it, as the spread of the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from skingpt_r1.dermbench import metrics
from skingpt_r1.dermbench.ablation.variants import BOTH
from skingpt_r1.dermbench.classify.answers import Run, State
from skingpt_r1.dermbench.classify.logs import logs_in, run_of
from skingpt_r1.dermbench.leaderboard.standing import scores_of
from skingpt_r1.dermbench.reading import SystemRun, read_logs
from skingpt_r1.dermbench.statistics import Metric, Rows, difference, estimate
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS

SUITE: Final = "suite"
ByVariant = Mapping[str, Sequence[Metric]]  # variant -> the metric on row numbers, one a seed


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one variant. seeds: its value with each. mean: over seeds, interval over patients.

    less: the recipe (`BOTH`) less this variant, paired; above 0 the recipe is better.
    """

    benchmark: str
    metric: str
    variant: str
    n: int
    seeds: tuple[float, ...]
    mean: Estimate
    less: Estimate | None


def of_logs(logs: Path, variants: Sequence[str], seeds: Sequence[int]) -> list[Figure]:
    """Figures of every benchmark below `logs` that all variants have finished."""
    found: list[Figure] = []
    for folder in sorted(path for path in logs.glob("*") if path.is_dir()):
        if folder.name == SUITE:
            found += _judged(folder, variants, seeds)
        else:
            found += _recognised(folder, variants, seeds)
    return found


def figures(benchmark: str, metric: str, by: ByVariant, groups: Sequence[str], seed: int = 0) -> list[Figure]:
    """One a variant. groups: patient of each row."""
    whole = np.arange(len(groups))
    told = []
    for name, each in by.items():
        apart = None if name == BOTH else difference(_mean(by[BOTH]), _mean(each), groups, seed)
        values = tuple(float(one(whole)) for one in each)
        told.append(
            Figure(benchmark, metric, name, len(groups), values, estimate(_mean(each), groups, seed=seed), apart)
        )
    return told


def _mean(each: Sequence[Metric]) -> Metric:
    return lambda rows: float(np.mean([one(rows) for one in each]))


def _recognised(folder: Path, variants: Sequence[str], seeds: Sequence[int]) -> list[Figure]:
    runs = {run.system: run for run in map(run_of, logs_in(folder))}
    wanted = {name: [runs.get(f"{name}@{seed}") for seed in seeds] for name in variants}
    if any(run is None or run.of(State.PENDING) for each in wanted.values() for run in each):
        return []
    whole = {name: [run for run in each if run is not None] for name, each in wanted.items()}
    first = next(iter(whole.values()))[0]
    order = {answer.case: i for i, answer in enumerate(first.answers)}
    groups = [answer.group for answer in first.answers]
    labels = list(first.labels)
    truth = np.array([labels.index(answer.truth or "") for answer in first.answers])
    said = {name: [_said(run, order, labels) for run in each] for name, each in whole.items()}
    found = []
    for metric, of in (("balanced accuracy", metrics.balanced_accuracy), ("accuracy", metrics.accuracy)):
        by = {name: [_over(of, one, truth) for one in each] for name, each in said.items()}
        found += figures(folder.name, metric, by, groups)
    return found


def _said(run: Run, order: Mapping[str, int], labels: Sequence[str]) -> np.ndarray:
    row = np.full(len(order), -1)
    for answer in run.answers:
        if answer.said is not None:
            row[order[answer.case]] = labels.index(answer.said)
    return row


def _over(metric: Callable[[np.ndarray, np.ndarray], float], said: np.ndarray, truth: np.ndarray) -> Metric:
    def figure(rows: Rows) -> float:
        return metric(said[rows], truth[rows])

    return figure


def _judged(folder: Path, variants: Sequence[str], seeds: Sequence[int]) -> list[Figure]:
    if not any(folder.glob("*.eval")):  # killed before the first log
        return []
    runs = read_logs(folder)
    finished = {run.name for run in runs.systems if _answered_all(run, runs.cases)}
    if any(f"{name}@{seed}" not in finished for name in variants for seed in seeds):
        return []
    found = []
    for judge in runs.judges:
        scores = {name: [scores_of(runs.system(f"{name}@{seed}"), judge) for seed in seeds] for name in variants}
        cases = [key for key in runs.cases if all(key in one for each in scores.values() for one in each)]
        if not cases:
            continue
        groups = [runs.cases[key].group for key in cases]
        for score in (MEAN, *DIMENSIONS):
            by = {
                name: [_mean_of(np.array([one[key][score] for key in cases])) for one in each]
                for name, each in scores.items()
            }
            found += figures(SUITE, f"{'mean score' if score == MEAN else score} by {judge}", by, groups)
    return found


def _answered_all(run: SystemRun, cases: Collection[str]) -> bool:
    return len(run.written) == len(cases) and not any(told.failed for told in run.written.values())


def of_a_dimension(figure: Figure) -> bool:
    """Whether it is one of the six scores of a judge and not their mean."""
    name, judged, _ = figure.metric.partition(" by ")
    return bool(judged) and name in DIMENSIONS


def _mean_of(score: np.ndarray) -> Metric:
    def figure(rows: Rows) -> float:
        return float(score[rows].mean())

    return figure
