"""What one measurement of trust found: figures with their doubt, the data of its plot, and what it means.

Kept as one JSON file a section, so that the report is made of whatever was measured, in seconds, without the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from skingpt_r1.dermbench.statistics import LEAST, Metric, estimate, exact_at_the_edge
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import write_text

_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    n: rows it rests on. groups: patients, lesions or source pictures that these come from. estimate: value and 95 %
    interval, in `unit`. against: the baseline or aim that it is to be read beside, in words. card: whether the model
    card shows it.
    """

    name: str
    n: int
    groups: int
    estimate: Estimate
    against: str = ""
    unit: str = "share"
    card: bool = False

    @property
    def sure(self) -> Estimate:
        """The estimate, with its interval only where it may be claimed."""
        return self.estimate if self.groups >= LEAST else Estimate(self.estimate.value)

    @property
    def told(self) -> str:
        """ "0.912 (0.894 to 0.930)"; a value alone where too few cases let nothing be said of its doubt."""
        return self.sure.told(alone=" (n too small to claim anything)", unknown="not known")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report.

    key: its command's name. meaning: what it means, for a dermatologist, in a sentence or two. series: data of its plot
    by curve. of: which pictures. command, seed: how to make it again. limits: what it does not show.
    """

    key: str
    title: str
    meaning: str
    figures: tuple[Figure, ...]
    series: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    seed: int = 0
    settings: str = ""
    of: str = ""
    limits: tuple[str, ...] = ()


def figure(
    name: str, metric: Metric, groups: Sequence[str], seed: int = 0, *, against: str = "", unit: str = "share",
    card: bool = False, rests_on: Sequence[str] | None = None,
) -> Figure:  # fmt: skip
    """A figure of all rows with its bootstrap interval over whole groups (patients, lesions, source pictures).

    rests_on: groups of the rows that the figure is really of, where these are fewer.
    """
    of = groups if rests_on is None else rests_on
    found = estimate(metric, groups, seed=seed)
    found = exact_at_the_edge(found, of) if unit == "share" else found
    rounded = Estimate(*(None if v is None else round(v, _DIGITS) for v in (found.value, found.low, found.high)))
    return Figure(name, len(of), len(set(of)), rounded, against, unit, card)


def mean_of(values: ArrayLike) -> Metric:
    """The metric of a figure that is a mean over rows: [N] of shares, hits or sizes."""
    told = np.asarray(values, dtype=float)
    return lambda rows: float(told[rows].mean())


def bar(found: Figure) -> dict[str, Any]:
    """A figure as a plot's bar or point; its interval only where it may be claimed."""
    return {"name": found.name, "n": found.n, **asdict(found.sure)}


def save(section: Section, folder: Path) -> Path:
    """Write FOLDER/KEY.json in one step. Raises SkinGPTError where it cannot be written."""
    path = folder / f"{section.key}.json"
    try:
        write_text(path, json.dumps(asdict(section), indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be written ({error.strerror}); name another folder.") from error
    return path


def read_section(path: Path) -> Section:
    """What `save` wrote. Raises SkinGPTError on another file."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        figures = tuple(Figure(**{**f, "estimate": Estimate(**f["estimate"])}) for f in told["figures"])
        return Section(**{**told, "figures": figures, "limits": tuple(told["limits"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SkinGPTError(f"{path}: not a section of a trust report ({error!r}); measure it again.") from error
