"""Numbers and sentences as page, table and terminal say them alike."""

from __future__ import annotations

from typing import Final

from skingpt_r1.dermbench.statistics import LEAST
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.rubric import rubric

NOTICE: Final = (
    "For research and education only. These scores compare texts that models wrote; they are no medical advice, and no "
    "score says that a system is safe to use on patients."
)
READING: Final = (
    "Each judge has a table of its own, since judges are not on one scale. A reference-based judge compares the text "
    "with the reference and sees no picture; DermEval sees the picture and no reference; the offline judge compares "
    "contents by fixed rules.",
    "Intervals are 95 %, by bootstrap over patients or lesions, the same draws for every system. Two systems whose "
    "intervals overlap may still differ: `skingpt bench compare` tests them case by case.",
    "A rank's interval says which ranks are compatible with the data. Controls have no rank, and on shared "
    f"cases of fewer than {LEAST} patients nobody has.",
    "Failed: there is no text (an error, a refusal, no answer in time); `skingpt bench run --resume` asks again. "
    "Pending: a score is still missing (a judge refused, timed out, or answered nonsense), or nobody was asked yet. "
    "Neither enters a mean, and neither counts as zero; a system with many of them has been judged on other cases than "
    "its rivals.",
    "Controls: the reference itself shows the ceiling and another case's reference the floor of a judge; the majority "
    "text, the linear probe with a template and image-blind runs (+blind) show what can be had without seeing.",
    "Time, tokens and cost are the system's own, without those of the judges, as far as the logs record them.",
)


def names() -> dict[str, str]:
    """The six dimensions, key to name."""
    return {d.key: d.name for d in rubric().dimensions}


def value(told: Estimate) -> str:
    """ "3.91", or a dash."""
    return "–" if told.value is None else f"{told.value:.2f}"


def interval(told: Estimate) -> str:
    """ "3.80 to 4.02", or nothing."""
    return "" if told.low is None or told.high is None else f"{told.low:.2f} to {told.high:.2f}"


def place(told: Estimate) -> str:
    """A rank: "2", or "2.5" for a tie."""
    return "–" if told.value is None else f"{told.value:g}"


def places(told: Estimate) -> str:
    """ "1 to 3"."""
    return "" if told.low is None or told.high is None else f"{told.low:g} to {told.high:g}"


def seconds(told: float | None) -> str:
    """ "3.2 s", or a dash."""
    return "–" if told is None else f"{told:.1f} s" if told < 100 else f"{told:,.0f} s"


def count(told: float | None) -> str:
    """ "1,204", or a dash."""
    return "–" if told is None else f"{told:,.0f}"


def money(told: float | None) -> str:
    """ "$0.42", or a dash."""
    return "–" if told is None else f"${told:,.2f}"
