"""From numbers to the words of the claim vocabulary, and how far a measurement supports a word.

Cut points come from 800 training rows with expert masks (500 HAM10000 centre crops, 300 full frames),
chosen near quantiles so that every word is used. Quantiles of those rows at 20, 33, 50, 67, 80 %:
    area                 0.12  0.18  0.27  0.40  0.53   small < 0.15 <= medium < 0.35 <= large
    asymmetry            0.10  0.12  0.14  0.17  0.21   asymmetric from 0.15
    border_irregularity  1.04  1.06  1.08  1.12  1.18   irregular from 1.09 (400 of the rows)
    edge_sharpness       8.9   10.5  13.2  15.9  19.3   sharp from 12.5
Size is pulled below the dermoscopic tertiles because smartphone lesions (PAD-UFES-20, student masks)
fill less: tertiles 0.07 and 0.14. The words describe; no cut point was chosen to tell diseases apart.

What bites: where over a quarter of the outline is the picture's edge, symmetry and border are not
checkable (7 % of centre crops, 3 % of full frames). "Grey patterns" of the HAM10000 concept table
cannot be seen in colour shares (AUC 0.50 over 557 melanomas): blue-grey here means a blue or grey
area, nothing finer.
"""

from __future__ import annotations

import math
from typing import Final

from skingpt_r1.images.colours import COLOURS, NOTICEABLE
from skingpt_r1.images.measure import LesionMeasurement, Quantity

SMALL_BELOW: Final = 0.15
LARGE_FROM: Final = 0.35
ASYMMETRIC_FROM: Final = 0.15
IRREGULAR_FROM: Final = 1.09
SHARP_FROM: Final = 12.5
UNIFORM_BELOW: Final = 2
VARIED_FROM: Final = 3
"""Colours. Of two, neither is said: a reader sees light and dark brown, and "uniform" reads as a mistake."""
CUT_LIMIT: Final = 0.25
CAREFUL: Final = 0.7
CERTAIN: Final = 0.98
"""No measurement of one photo is surer than this: a mask can be wrong as a whole."""

# concept: (word at or above the cut, word below it, field, cut, smallest believable error)
_TWO_WORDS: Final = {
    "symmetry": ("asymmetric", "symmetric", "asymmetry", ASYMMETRIC_FROM, 0.02),
    "border": ("irregular", "regular", "border_irregularity", IRREGULAR_FROM, 0.015),
    "edge": ("sharp", "blurred", "edge_sharpness", SHARP_FROM, 1.0),
}
_SIZE_ERROR: Final = 0.02
_SHAPE: Final = ("symmetry", "border")
TELLING_ABSENT: Final = ("black", "blue-grey", "red", "white")
"""Colours whose absence is worth a sentence; nobody writes that a mole is not yellow."""


def support(measurement: LesionMeasurement, concept: str, value: str, polarity: bool = True) -> float | None:
    """How far the measurement supports the claim: 0 (contradicts) .. 0.5 (borderline) .. 1 (supports).

    The chance that the true number lies on the claimed side of the cut point, if the interval is one
    standard deviation either way. None: this claim is not measured, or not measurable in this picture.
    """
    chance = _chance(measurement, concept, value)
    if chance is None:
        return None
    return chance if polarity else 1 - chance


def strongest(measurement: LesionMeasurement, at_least: float = CAREFUL) -> list[tuple[str, str, bool, float]]:
    """(concept, value, polarity, support) of the claims that a careful describer would make.

    In reading order: size, symmetry, border, edge, colours present by share, telling colours absent,
    variety. What is borderline is left out.
    """
    present = sorted(COLOURS, key=lambda name: -measurement.colours[name].value)
    wanted = [("size", word, True) for word in ("small", "medium", "large")]
    wanted += [(concept, word, True) for concept, row in _TWO_WORDS.items() for word in row[:2]]
    wanted += [("colour", name, True) for name in present]
    wanted += [("colour", name, False) for name in TELLING_ABSENT]
    wanted += [("variety", word, True) for word in ("uniform", "varied")]
    found = [(c, v, p, support(measurement, c, v, p)) for c, v, p in wanted]
    return [(c, v, p, s) for c, v, p, s in found if s is not None and s >= at_least]


def explain(measurement: LesionMeasurement, concept: str, value: str) -> tuple[str, float] | None:
    """(one sentence with number, interval and cut point, the number); None where support is None."""
    if _chance(measurement, concept, value) is None:
        return None
    if concept == "size":
        text = f"small is below {SMALL_BELOW:.0%}, large from {LARGE_FROM:.0%}"
        return _sentence("the lesion takes", measurement.area, "of the picture", text, percent=True)
    if concept == "colour":
        text = f"present from {NOTICEABLE[value]:.0%}"
        return _sentence(f"{value} takes", measurement.colours[value], "of the lesion", text, percent=True)
    if concept == "variety":
        number = measurement.colour_count
        cuts = f"uniform below {UNIFORM_BELOW}, varied from {VARIED_FROM}"
        return f"{number.value:.0f} colours take a noticeable share; {cuts}", number.value
    above, _, name, cut, _ = _TWO_WORDS[concept]
    title = name.replace("_", " ")
    return _sentence(f"{title} is", getattr(measurement, name), "", f"{above} from {cut:g}", percent=False)


def _sentence(start: str, number: Quantity, end: str, cut: str, *, percent: bool) -> tuple[str, float]:
    form = "{:.0%}" if percent else "{:.2f}"
    value, low, high = (form.format(x) for x in (number.value, number.low, number.high))
    return " ".join(f"{start} {value} {end} ({low} to {high}); {cut}".split()), number.value


def _chance(measurement: LesionMeasurement, concept: str, value: str) -> float | None:
    if concept == "size":
        large = _above(measurement.area, LARGE_FROM, _SIZE_ERROR)
        small = 1 - _above(measurement.area, SMALL_BELOW, _SIZE_ERROR)
        return {"small": small, "large": large, "medium": max(0.0, 1 - small - large)}.get(value)
    if concept == "colour":
        return _present(measurement, value) if value in COLOURS else None
    if concept == "variety":
        present = [_present(measurement, name) for name in COLOURS]
        return {
            "varied": _at_least(present, VARIED_FROM),
            "uniform": 1 - _at_least(present, UNIFORM_BELOW),
        }.get(value)
    if concept not in _TWO_WORDS or (concept in _SHAPE and measurement.cut > CUT_LIMIT):
        return None
    above, below, name, cut, error = _TWO_WORDS[concept]
    chance = _above(getattr(measurement, name), cut, error)
    return {above: chance, below: 1 - chance}.get(value)


def _present(measurement: LesionMeasurement, name: str) -> float:
    return _above(measurement.colours[name], NOTICEABLE[name], 0.25 * NOTICEABLE[name])


def _above(number: Quantity, cut: float, error: float) -> float:
    """Chance that the true number reaches the cut, normal around the value.

    The spread towards the cut counts: half an interval that leans away from it says nothing.
    """
    towards = number.high - number.value if number.value < cut else number.value - number.low
    spread = max(towards, error)
    chance = 0.5 * (1 + math.erf((number.value - cut) / (spread * math.sqrt(2))))
    return min(max(chance, 1 - CERTAIN), CERTAIN)


def _at_least(chances: list[float], count: int) -> float:
    """Chance that `count` or more of independent events happen (Poisson-binomial)."""
    totals = [1.0]
    for chance in chances:
        happened = [0.0, *(t * chance for t in totals)]
        missed = [*(t * (1 - chance) for t in totals), 0.0]
        totals = [a + b for a, b in zip(happened, missed, strict=True)]
    return min(1.0, max(0.0, sum(totals[count:])))
