"""Tables of scores by anybody, and how far two of them agree.

A table is what `skingpt dermeval score` wrote, other JSON Lines, or CSV: a column `id` and one for each dimension. With
a column `rater` a case may stand in several rows; then the mean of its raters is what is compared. Nothing is filled
in: a case that either table lacks or leaves unscored is counted and takes no part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from skingpt_r1.dermeval.agreement import LEAST, Estimate, figures, limits_of_agreement
from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST, rubric
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.columns import recorded
from skingpt_r1.sources.rows import BadRow, json_rows
from skingpt_r1.sources.tables import read_table

MEAN: Final = "mean"
_TABLES: Final = (".csv", ".tsv", ".txt", ".parquet")
Scores = tuple[float, ...]  # in the rubric's order


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """scores: by id, the mean of the raters. raters: their names. unscored: rows whose case nobody could judge.

    problems: rows left out, one sentence each.
    """

    path: Path
    scores: Mapping[str, Scores]
    raters: tuple[str, ...] = ()
    unscored: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One dimension, or their mean. figures: those of `agreement.FIGURES`, the first table less the second.

    pairs: the scores themselves. limits: of agreement, None for too few cases.
    """

    key: str
    name: str
    pairs: tuple[tuple[float, float], ...]
    figures: Mapping[str, Estimate]
    limits: tuple[float, float] | None

    @property
    def unknown(self) -> str:
        """Why a figure is not given."""
        return f"under {LEAST} cases" if len(self.pairs) < LEAST else "no spread"


@dataclass(frozen=True, slots=True)
class Comparison:
    """n: cases in both. only: how many cases stand, with scores, in the first table only, and in the second only."""

    n: int
    only: tuple[int, int]
    rows: tuple[Row, ...]


class _Unusable(Exception):
    """A row's fault, without its place."""


def read_scores(path: Path) -> ScoreTable:
    """A table of scores. Raises SkinGPTError where there is none to read, or no usable row."""
    given: dict[str, dict[str, Scores]] = defaultdict(dict)
    problems: list[str] = []
    unscored = 0
    try:
        for line, row in _rows(path, problems):
            try:
                name, rater = _text(row, "id"), _text(row, "rater", "")
                scores = _scores(row)
                if rater in given[name]:
                    by = f" by {rater!r}" if rater else "; name who scored in a column `rater`"
                    raise _Unusable(f"the id {name!r} stands twice{by}")
            except _Unusable as error:
                problems.append(f"{path}:{line}: {error}.")
                continue
            unscored += scores is None
            if scores is not None:
                given[name][rater] = scores
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be read ({error.strerror}); name a readable file.") from error
    means = {name: _mean(list(by.values())) for name, by in given.items() if by}
    if not means:
        first = f" ({problems[0]})" if problems else ""
        raise SkinGPTError(
            f"{path}: no row holds an id and six scores{first}. Use columns id, {', '.join(DIMENSIONS)}."
        )
    raters = sorted({rater for by in given.values() for rater in by if rater})
    return ScoreTable(path, means, tuple(raters), unscored, tuple(problems))


def compare(one: ScoreTable, other: ScoreTable, seed: int = 0) -> Comparison:
    """The agreement of two tables over the cases in both. Raises SkinGPTError where there is none."""
    both = [name for name in one.scores if name in other.scores]
    if not both:
        raise SkinGPTError(f"{one.path}, {other.path}: no id stands in both; the ids must be spelled alike.")
    pairs = np.array([[one.scores[name], other.scores[name]] for name in both]).transpose(2, 0, 1)  # [6, N, 2]
    named = [(d.key, d.name) for d in rubric().dimensions]
    rows = [_row(key, name, of, seed) for (key, name), of in zip(named, pairs, strict=True)]
    rows.append(_row(MEAN, "Mean of the six", pairs.mean(0), seed))
    return Comparison(len(both), (len(one.scores) - len(both), len(other.scores) - len(both)), tuple(rows))


def as_json(found: Comparison, one: ScoreTable, other: ScoreTable) -> dict[str, Any]:
    """What `skingpt dermeval agree` writes; null where the data cannot tell."""
    return {
        "tables": [
            {
                "file": str(table.path),
                "raters": list(table.raters),
                "only_here": only,
                "unscored": table.unscored,
                "left_out": list(table.problems),
            }
            for table, only in zip((one, other), found.only, strict=True)
        ],
        "n": found.n,
        "dimensions": {
            row.key: {
                name: {"value": told.value, "low": told.low, "high": told.high} for name, told in row.figures.items()
            }
            | {"limits_of_agreement": row.limits}
            for row in found.rows
        },
    }


def _row(key: str, name: str, pairs: np.ndarray, seed: int) -> Row:
    told = tuple((float(a), float(b)) for a, b in pairs)
    return Row(key, name, told, figures(pairs, seed), limits_of_agreement(pairs))


def _rows(path: Path, problems: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, row) with keys in the rubric's spelling."""
    if path.suffix.lower() in _TABLES:
        table = read_table(path)
        problems += table.problems
        for line, cells in table.rows:
            yield line, {_key(column): recorded(cell) for column, cell in cells.items()}
        return
    for line, row in json_rows(path):
        if isinstance(row, BadRow):
            problems.append(row.message)
        elif isinstance(row, dict):
            yield line, {_key(str(name)): value for name, value in row.items()}
        else:
            problems.append(f"{path}:{line}: holds a {type(row).__name__}, not an object.")


def _key(column: str) -> str:
    return column.strip().lower().replace(" ", "_")


def _text(row: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = row.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise _Unusable(f"has no {key}")
    return str(value).strip()


def _scores(row: Mapping[str, Any]) -> Scores | None:
    """The six, None where the row says that there are none."""
    given = row.get("scores", row)
    if given is None or (isinstance(given, dict) and all(given.get(key) is None for key in DIMENSIONS)):
        if given is row and not set(DIMENSIONS) & set(row):
            raise _Unusable("has no scores")
        return None
    if not isinstance(given, dict):
        raise _Unusable("its scores are no object of six numbers")
    return tuple(_score(key, given.get(key)) for key in DIMENSIONS)


def _score(key: str, value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not LOWEST <= number <= HIGHEST:
        raise _Unusable(f"{key} is {str(value)[:40]!r}, not a number from {LOWEST:g} to {HIGHEST:g}")
    return number


def _mean(of: Sequence[Scores]) -> Scores:
    return tuple(sum(scores) / len(of) for scores in zip(*of, strict=True))
