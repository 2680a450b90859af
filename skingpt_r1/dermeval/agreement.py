"""How far two columns of scores agree: error, bias, correlation, ICC and Krippendorff's alpha, with intervals.

Point values of alpha come from `krippendorff` (interval scale), those of ICC from `pingouin`. Intervals are percentiles
of a bootstrap over cases; for it the formulas are written out for pairs, and tests hold them against the libraries.
Where scores do not vary nothing can be said of correlation and agreement, and nothing is.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from skingpt_r1.records import SkinGPTError

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # [..., N, 2], the scores of the two raters of each case -> [...]
RESAMPLES: Final = 2_000
LEAST: Final = 5  # cases; below it no figure of correlation or agreement is given, and no interval
_AT_ONCE: Final = 2_000_000  # drawn cases in memory


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % bootstrap interval; None where the data cannot tell."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def told(self, form: str = ".3f", alone: str = "", unknown: str = "–") -> str:
        """ "0.912 (0.894 to 0.930)". form: of each number. alone: what follows a value without an interval."""
        if self.value is None:
            return unknown
        if self.low is None or self.high is None:
            return f"{self.value:{form}}{alone}"
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"


def mae(x: Floats) -> Floats:
    """Mean absolute difference."""
    return np.abs(x[..., 0] - x[..., 1]).mean(-1)


def bias(x: Floats) -> Floats:
    """How much higher the first scores than the second."""
    return (x[..., 0] - x[..., 1]).mean(-1)


def pearson(x: Floats) -> Floats:
    """Correlation; nan where either does not vary."""
    apart = x - x.mean(-2, keepdims=True)
    return _ratio((apart[..., 0] * apart[..., 1]).sum(-1), np.sqrt((apart**2).sum(-2).prod(-1)))


def spearman(x: Floats) -> Floats:
    """Correlation of ranks, ties at their mean rank; nan where either does not vary."""
    return pearson(scipy.stats.rankdata(x, axis=-2))


def alpha(x: Floats) -> Floats:
    """Krippendorff's alpha, interval scale; nan without variation."""
    observed = ((x[..., 0] - x[..., 1]) ** 2).mean(-1)
    expected = 2 * x.reshape(*x.shape[:-2], -1).var(-1, ddof=1)
    return _ratio(expected - observed, expected)


def icc_1_1(x: Floats) -> Floats:
    """ICC(1,1), one-way random effects: raters differ from case to case; nan without variation."""
    between = 2 * x.mean(-1).var(-1, ddof=1)
    within = ((x[..., 0] - x[..., 1]) ** 2).mean(-1) / 2
    return _ratio(between - within, between + within)


def icc_2_1(x: Floats) -> Floats:
    """ICC(2,1), two-way random effects, absolute agreement: the same two rate every case; nan without variation."""
    n, apart = x.shape[-2], x[..., 0] - x[..., 1]
    cases = 2 * x.mean(-1).var(-1, ddof=1)
    raters = n * apart.mean(-1) ** 2 / 2
    rest = apart.var(-1, ddof=1) / 2
    return _ratio(cases - rest, cases + rest + 2 * (raters - rest) / n)


def library_alpha(pairs: Floats) -> float:
    """What `krippendorff` says; nan without variation."""
    if np.unique(pairs).size < 2:
        return math.nan
    return float(_library("krippendorff").alpha(reliability_data=pairs.T, level_of_measurement="interval"))


def library_icc(pairs: Floats, model: int = 1) -> float:
    """What `pingouin` says of ICC(1,1) or ICC(2,1); nan without variation."""
    if np.unique(pairs).size < 2:
        return math.nan
    n = len(pairs)
    long = {"case": np.repeat(np.arange(n), 2), "rater": np.tile([0, 1], n), "score": pairs.reshape(-1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect agreement divides by zero on the way
        table = _library("pingouin").intraclass_corr(
            _library("pandas").DataFrame(long), targets="case", raters="rater", ratings="score"
        )
    return float(table["ICC"].iloc[model - 1])


FIGURES: Final[Mapping[str, tuple[Callable[[Floats], float], Statistic]]] = {
    "mae": (lambda x: float(mae(x)), mae),
    "bias": (lambda x: float(bias(x)), bias),
    "pearson": (lambda x: float(pearson(x)), pearson),
    "spearman": (lambda x: float(spearman(x)), spearman),
    "icc": (lambda x: library_icc(x, model=2), icc_2_1),
    "alpha": (library_alpha, alpha),
}
"""Of two raters who rated the same cases: name -> (point value, the formula that the bootstrap goes through)."""
_OF_ANY: Final = ("mae", "bias")  # can be said of one case, and without variation


def figures(pairs: Floats, seed: int = 0) -> dict[str, Estimate]:
    """FIGURES of [N, 2]."""
    told = {}
    for name, (point, formula) in FIGURES.items():
        if len(pairs) >= LEAST:
            told[name] = estimate(point(pairs), bootstrap(pairs, formula, seed))
        else:
            told[name] = Estimate(point(pairs)) if len(pairs) and name in _OF_ANY else Estimate()
    return told


def limits_of_agreement(pairs: Floats) -> tuple[float, float] | None:
    """Bland and Altman's: mean difference -/+ 1.96 standard deviations, None for less than LEAST cases."""
    if len(pairs) < LEAST:
        return None
    apart = pairs[:, 0] - pairs[:, 1]
    spread = 1.96 * float(apart.std(ddof=1))
    return float(apart.mean()) - spread, float(apart.mean()) + spread


def bootstrap(cases: Floats, statistic: Statistic, seed: int) -> Floats:
    """The statistic of RESAMPLES draws of as many cases, [N, ...] -> [RESAMPLES]."""
    rng, n = np.random.default_rng(seed), len(cases)
    step = max(1, _AT_ONCE // n)
    sizes = [min(step, RESAMPLES - start) for start in range(0, RESAMPLES, step)]
    return np.concatenate([statistic(cases[rng.integers(0, n, (size, n))]) for size in sizes])


def estimate(value: float, drawn: Floats) -> Estimate:
    """The value with the interval of what was drawn; no interval where a tenth of the draws tells nothing."""
    if math.isnan(value):
        return Estimate()
    usable = drawn[~np.isnan(drawn)]
    if usable.size < 0.9 * drawn.size:
        return Estimate(value)
    low, high = np.percentile(usable, (2.5, 97.5))
    return Estimate(value, float(low), float(high))


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SkinGPTError(
            f"agreement needs more packages ({error.name} is missing): pip install 'skingpt-r1[stats]'."
        ) from error


def _ratio(over: Floats, under: Floats) -> Floats:
    over, under = np.asarray(over), np.asarray(under)
    return np.divide(over, under, out=np.full(under.shape, np.nan), where=under > 1e-12)
