"""Does it know when to hold its tongue: how many errors remain if the least sure pictures go to a doctor unread?"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from skingpt_r1.dermbench.metrics import aurc, risk_coverage
from skingpt_r1.dermbench.trust.journal import Line
from skingpt_r1.dermbench.trust.section import Section, figure, mean_of

SHARES = (0.5, 0.8, 1.0)  # of the pictures answered, of which the risk is told
_POINTS = 101  # of the plotted curve


def measure(lines: Sequence[Line], seed: int = 0) -> Section:
    """lines: plain readings of test rows."""
    confidence = np.array([x["confidence"] for x in lines], dtype=float)
    right = np.array([x["label"] == x["truth"] for x in lines])
    silent = np.array([bool(x["abstained"]) for x in lines])
    groups = [x["group"] for x in lines]
    wrong = 1 - float(right.mean())
    share, risk = risk_coverage(confidence, right)
    best = aurc(right.astype(float), right)
    spoken = np.flatnonzero(~silent)
    surest = np.argsort(-confidence, kind="stable")

    def risk_at(kept: float, rows: np.ndarray) -> float:
        return float(risk_coverage(confidence[rows], right[rows])[1][_kept(kept, len(rows)) - 1])

    return Section(
        key="abstention",
        title="Does it know when it does not know?",
        meaning="Going left on the curve, only the surest pictures are answered and the others are left to a doctor. "
        "The steeper the curve falls, the more a low confidence is worth as a warning; a flat line would mean that the "
        "confidence tells nothing.",
        figures=(
            figure(
                "area under the risk-coverage curve (AURC)", lambda i: aurc(confidence[i], right[i]), groups, seed,
                against=f"a confidence that tells nothing: {wrong:.3f}; best: {best:.3f}", unit="risk", card=True,
            ),
            *(
                figure(
                    f"wrong among the surest {kept:.0%}", functools.partial(risk_at, kept), groups, seed,
                    rests_on=[groups[i] for i in surest[: _kept(kept, len(lines))]],
                )
                for kept in SHARES
            ),
            figure("pictures on which it abstains", mean_of(silent), groups, seed, card=True),
            figure(
                "wrong where it does not abstain", mean_of(~right[spoken]), [groups[i] for i in spoken], seed,
                against=f"without abstaining: {wrong:.3f}", card=True,
            ),
        ),
        series={
            "curve": [
                {"coverage": round(float(share[n]), 4), "risk": round(float(risk[n]), 4)}
                for n in np.unique(np.linspace(0, len(share) - 1, _POINTS).round().astype(int))
            ],
            "flat": round(wrong, 4),
            "abstains": {"coverage": round(1 - float(silent.mean()), 4), "risk": _mean(~right[spoken])},
        },
        seed=seed,
        limits=("The threshold was chosen on validation rows, where at most a quarter of what is said may be wrong.",),
    )  # fmt: skip


def _kept(share: float, n: int) -> int:
    return max(1, round(share * n))


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 4) if values.size else None
