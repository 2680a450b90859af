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

from skingpt_r1.dermbench.statistics import LEAST, Metric, estimate
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
    by curve. command, seed: how to make it again. limits: what it does not show.
    """

    key: str
    title: str
    meaning: str
    figures: tuple[Figure, ...]
    series: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    seed: int = 0
    settings: str = ""
    limits: tuple[str, ...] = ()


def figure(
    name: str, metric: Metric, groups: Sequence[str], seed: int = 0, *, against: str = "", unit: str = "share",
    card: bool = False,
) -> Figure:  # fmt: skip
    """A figure of all rows with its bootstrap interval over whole groups (patients, lesions, source pictures).

    Where every row agrees a bootstrap sees no doubt at all: a share of 0 or 1 gets the exact interval (Clopper and
    Pearson 1934) of as many trials as there are groups.
    """
    found = estimate(metric, groups, seed=seed)
    if unit == "share" and found.value in (0.0, 1.0):
        far = 0.025 ** (1 / len(set(groups)))
        found = Estimate(0.0, 0.0, 1 - far) if found.value == 0 else Estimate(1.0, far, 1.0)
    rounded = Estimate(*(None if v is None else round(v, _DIGITS) for v in (found.value, found.low, found.high)))
    return Figure(name, len(groups), len(set(groups)), rounded, against, unit, card)


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
