"""Do the numbers keep their promises: the confidence (calibration) and the prediction sets (conformal coverage)?

Both were fitted on validation rows; here test rows are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermbench.metrics import BINS, calibration_error_by_chance, expected_calibration_error
from skingpt_r1.dermbench.trust.journal import Line
from skingpt_r1.dermbench.trust.section import Figure, Section, bar, figure, mean_of
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.conformal import Sets
from skingpt_r1.sources.registry import SOURCES


def measure(lines: Sequence[Line], sets: Mapping[str, Sets], seed: int = 0) -> Section:
    """lines: plain readings of test rows. sets: prediction sets by label set, none where they were not fitted."""
    confidence = np.array([x["confidence"] for x in lines], dtype=float)
    right = np.array([x["label"] == x["truth"] for x in lines])
    groups = [x["group"] for x in lines]
    always = f"always saying the mean, {right.mean():.2f}: {right.var():.3f}"
    usual, most = calibration_error_by_chance(confidence, seed=seed)
    held, sizes, classes = coverage(lines, sets, seed)
    return Section(
        key="calibration",
        title="Does the confidence mean what it says?",
        meaning="A confidence of 70 % should be right seven times of ten, and a set that promises 90 % should "
        "hold the right diagnosis in nine pictures of ten, for melanoma as for a mole. Dots on the diagonal, and bars "
        "at the dashed line, mean that the promise is kept; a set that lists nearly all keeps it and helps nobody.",
        figures=(
            figure(
                "expected calibration error", lambda i: expected_calibration_error(confidence[i], right[i]), groups,
                seed, against="aim: at most 0.08; were every confidence true, so few rows would still give "
                f"{usual:.3f}, at most {most:.3f} in 95 of 100 draws", unit="probability", card=True,
            ),
            figure(
                "Brier score of the confidence", mean_of((confidence - right) ** 2), groups, seed,
                against=always, unit="squared",
            ),
            *held, *sizes, *classes,
        ),
        series={"reliability": reliability(confidence, right), "coverage": [bar(f) for f in (*held, *classes)]},
        seed=seed,
        limits=(
            *(_fitted(name, entry) for name, entry in sets.items()),
            *(() if sets else ("No prediction sets are fitted for these adapters.",)),
            "The promise holds for pictures like these; of other cameras and other diseases nothing is promised.",
        ),
    )  # fmt: skip


def coverage(
    lines: Sequence[Line], sets: Mapping[str, Sets], seed: int = 0
) -> tuple[list[Figure], list[Figure], list[Figure]]:
    """(marginal coverage, size of the sets, coverage by class), a figure a label set or class that has test rows."""
    marginal: list[Figure] = []
    sizes: list[Figure] = []
    classes: list[Figure] = []
    for name, fitted in sets.items():
        mine = [x for x in lines if SOURCES[x["set"]].label_set == name]
        if not mine:
            continue
        meaning = label_set(name).labels
        among = [fitted.among(x["label_probability"]) for x in mine]
        held = np.array([meaning[x["truth"]] in names for x, names in zip(mine, among, strict=True)])
        size = np.array([len(names) for names in among], dtype=float)
        groups = [x["group"] for x in mine]
        alone = float(np.mean([x["label"] == x["truth"] for x in mine]))
        promise = f"promised: {fitted.coverage:.0%}; the one diagnosis named is right in {alone:.0%}"
        marginal.append(figure(f"{name}: coverage", mean_of(held), groups, seed, against=promise, card=True))
        sizes.append(
            figure(
                f"{name}: diagnoses in a set", mean_of(size), groups, seed,
                against=f"could be named: {len(meaning)}", unit="diagnoses", card=True,
            )
        )  # fmt: skip
        for label, diagnosis in meaning.items():
            rows = np.array([i for i, x in enumerate(mine) if x["truth"] == label], dtype=int)
            if rows.size:
                own = f"fitted on {fitted.rows[diagnosis]} rows{', pooled' if diagnosis in fitted.pooled else ''}"
                classes.append(_class(f"{name}: {diagnosis}", held[rows], [groups[i] for i in rows], seed, own))
    return marginal, sizes, classes


def _class(name: str, held: NDArray[np.bool_], groups: Sequence[str], seed: int, against: str) -> Figure:
    return figure(name, mean_of(held), groups, seed, against=against)


def reliability(confidence: NDArray[Any], right: NDArray[np.bool_], bins: int = BINS) -> list[dict[str, float]]:
    """Mean confidence, share right and number of rows of each bin that has any."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "confidence": round(float(confidence[place == b].mean()), 4),
            "right": round(float(right[place == b].mean()), 4),
            "n": int((place == b).sum()),
        }
        for b in range(bins)
        if (place == b).any()
    ]


def _fitted(name: str, sets: Sets) -> str:
    told = f"{name}: sets fitted on {sum(sets.rows.values())} validation rows."
    if not sets.pooled:
        return told
    return (
        f"{told} {', '.join(sets.pooled)} have too few and share one threshold: "
        "the promise holds for them together, not for each."
    )
