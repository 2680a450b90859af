"""What a system must beat on the same rows: majority, neighbours and a linear probe on frozen features, the teacher.

Fitted on split train, C and k chosen by balanced accuracy on val, then fitted again on both; rows that touch a test row
are left out of either. Beside the answers on test stand those on val, of the fit on train alone, for thresholds. The
image-blind run of a system is a run of that system (`classify(blind=True)`), and stands in the same table.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skingpt_r1.dermbench import metrics, probe
from skingpt_r1.dermbench.classify.answers import Answer, Run, State, write_run
from skingpt_r1.dermbench.classify.sets import Labelled, described, labelled_cases, training_cases
from skingpt_r1.dermbench.classify.taught import taught
from skingpt_r1.models.embedding import Vectors, embedder
from skingpt_r1.models.encoder import CHANNELS
from skingpt_r1.records import Case
from skingpt_r1.sources import registry
from skingpt_r1.sources.clustering import key

log = logging.getLogger(__name__)
STRENGTHS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
NEIGHBOURS: Final = (1, 3, 5, 11, 21, 41, 81, 161, 321)
Floats = NDArray[np.float64]


class Classifier(Protocol):
    """labels: a column each."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the columns."""
        ...

    def probability(self, features: ArrayLike) -> Floats:
        """[N, D] -> [N, K]."""
        ...


@dataclass(frozen=True, slots=True)
class Majority:
    """The commonest training label, as sure as it is common."""

    labels: tuple[str, ...]
    share: Floats

    def probability(self, features: ArrayLike) -> Floats:
        """The same row for every picture."""
        return np.tile(self.share, (len(np.asarray(features)), 1))


@dataclass(frozen=True, slots=True)
class Fitted:
    """left_out: baseline -> why it is not among the runs."""

    runs: tuple[Run, ...]
    left_out: dict[str, str]


def baselines(
    source: str,
    runs: Path = Path("runs"),
    teacher: Path | None = None,
    limit: int | None = None,
    train_limit: int | None = None,
    root: Path | None = None,
) -> Fitted:
    """Answers of all baselines on split test of a set, and on val.

    runs: holds the caches of pictures. teacher: run folder of `skingpt train teacher`; none ships. limit, train_limit:
    rows of test, and of train and val, in a fixed order. Raises SkinGPTError where there is no such set.
    """
    test = labelled_cases(source, "test", limit, runs, root)
    known = training_cases(source, runs, root)
    train, val = (known[split][:train_limit] for split in ("train", "val"))
    left_out: dict[str, str] = {}
    told: list[Run] = []
    if len({case.label for case in train}) < 2:
        left_out |= dict.fromkeys(("majority", "linear probe", "k nearest neighbours"), "the set has no training rows")
    else:
        told += _fitted(test, train, val, embedder(runs / "embeddings.safetensors"))
    if teacher is None:
        left_out["fine-tuned teacher"] = "no teacher ships; train one (skingpt train teacher) and name its folder"
    elif source not in registry.SOURCES:
        left_out["fine-tuned teacher"] = "it has no labels of this set"
    else:
        for split, cases in (("test", test.cases), ("val", val)):
            if cases:
                labels, shares = taught(source, cases, teacher)
                told.append(answers_of("fine-tuned teacher", test, split, cases, labels, shares))
    return Fitted(tuple(told), left_out)


def write_baselines(fitted: Fitted, out: Path) -> list[Path]:
    """One file a run, `NAME.SET.SPLIT.answers.json`, which `bench classify-table` reads."""
    paths = []
    for run in fitted.runs:
        name = ".".join(part.replace(" ", "-").replace("/", "-") for part in (run.system, run.source, run.split))
        paths.append(out / f"{name}.answers.json")
        write_run(paths[-1], run)
    return paths


@dataclass(frozen=True, slots=True)
class _Kind:
    """settings: to choose among on val. usual: where there is no val."""

    system: str
    setting: str
    settings: tuple[float, ...]
    usual: float
    fit: Callable[[ArrayLike, Sequence[str], float], Classifier]


_KINDS: Final = (
    _Kind("majority", "", (0.0,), 0.0, lambda _, labels, __: _majority(labels)),
    _Kind("linear probe", "C", STRENGTHS, probe.STRENGTH, probe.fit),
    _Kind("k nearest neighbours", "k", NEIGHBOURS, 11, lambda x, y, k: probe.neighbours(x, y, min(int(k), len(y)))),
)


def _fitted(
    test: Labelled, train: Sequence[Case], val: Sequence[Case], embed: Callable[[Sequence[Path]], Vectors]
) -> list[Run]:
    known = _features(train, embed), [case.label or "" for case in train]
    held = _features(val, embed), [case.label or "" for case in val]
    both = np.concatenate([known[0], held[0]]), known[1] + held[1]
    asked = _features(test.cases, embed)
    told: list[Run] = []
    for kind in _KINDS:
        best, on_train = _chosen(kind, known, held)
        notes = (f"{kind.setting} = {best:g}",) if kind.setting else ()
        log.info("%s on %s: %s", kind.system, test.name, ", ".join(notes) or "nothing to choose")
        whole = kind.fit(*both, best)
        told.append(answers_of(kind.system, test, "test", test.cases, whole.labels, whole.probability(asked), notes))
        if val and kind.setting:  # the majority ranks no case before another, so a threshold on it means nothing
            on_val = on_train.probability(held[0])
            told.append(answers_of(kind.system, test, "val", val, on_train.labels, on_val, notes))
    return told


def _features(cases: Sequence[Case], embed: Callable[[Sequence[Path]], Vectors]) -> Vectors:
    return embed([Path(case.image) for case in cases]) if cases else np.empty((0, CHANNELS), np.float32)


def _chosen(
    kind: _Kind, known: tuple[Vectors, Sequence[str]], held: tuple[Vectors, Sequence[str]]
) -> tuple[float, Classifier]:
    """(the setting with the best balanced accuracy on val, the first of equals; its fit on train)."""
    fits = [(setting, kind.fit(*known, setting)) for setting in (kind.settings if held[1] else (kind.usual,))]

    def on_val(one: tuple[float, Classifier]) -> float:
        said = np.array(one[1].labels)[one[1].probability(held[0]).argmax(1)]
        return metrics.balanced_accuracy(said, held[1])

    return max(fits, key=on_val) if len(fits) > 1 else fits[0]


def _majority(labels: Sequence[str]) -> Majority:
    count = Counter(labels)
    names = tuple(sorted(count))
    return Majority(names, np.array([count[name] / len(labels) for name in names]))


def answers_of(
    system: str,
    of: Labelled,
    split: str,
    cases: Sequence[Case],
    labels: Sequence[str],
    shares: Floats,
    notes: tuple[str, ...] = (),
) -> Run:
    """A run from probabilities [N, K] of labels; a candidate without a column has none."""
    answers = []
    for case, row in zip(cases, shares, strict=True):
        told = dict.fromkeys(of.labels, 0.0) | dict(zip(labels, row.tolist(), strict=True))
        said = max(told, key=lambda label: told[label])
        answers.append(
            Answer(
                case=key(case),
                state=State.ANSWERED,
                truth=case.label,
                said=said,
                right=said == case.label,
                group=case.group or key(case),
                probability=told,
                confidence=told[said],
                described=described(case, of),
            )
        )
    return Run(system, of.name, split, dict(of.labels), tuple(answers), baseline=True, notes=notes)
