"""Two score tables as Bland-Altman plots: difference against mean, a panel a dimension.

Scores fall on few values, so a dot is as large as the number of cases that it stands for.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from skingpt_r1.dermeval.raters import MEAN, Comparison, Row
from skingpt_r1.records import SkinGPTError


def draw(found: Comparison, one: str, other: str, out: Path) -> None:
    """Write the plot as a picture. Raises SkinGPTError where matplotlib is missing or the place cannot be written."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SkinGPTError("the plot needs matplotlib: pip install 'skingpt-r1[stats]'.") from error

    figure = Figure(figsize=(13, 8.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    for axes, row in zip(panels.flat, (row for row in found.rows if row.key != MEAN), strict=True):
        _panel(axes, row)
    figure.suptitle(f"{one} less {other}, {found.n:,} cases", fontsize=13)
    figure.supxlabel("mean of the two scores")
    figure.supylabel("difference of the two scores")
    try:
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as error:
        raise SkinGPTError(
            f"{out}: the plot cannot be written ({error}). Name a folder that can be written to."
        ) from error


def _panel(axes: Any, row: Row) -> None:
    dots = Counter((round((a + b) / 2, 2), round(a - b, 2)) for a, b in row.pairs)
    sizes = [12 + 160 * n / len(row.pairs) for n in dots.values()]
    axes.scatter(*zip(*dots, strict=True), s=sizes, color="#2166ac", alpha=0.55, linewidths=0, zorder=3)
    axes.axhline(0, color="#8a8a8a", linewidth=0.8)
    middle = row.figures["bias"].value
    for height, style in ((middle, "-"), *((limit, "--") for limit in row.limits or ())):
        if height is not None:
            axes.axhline(height, color="#b2182b", linewidth=1.3, linestyle=style)
            axes.annotate(
                f"{height:+.2f}", (1.0, height), xycoords=("axes fraction", "data"), xytext=(-3, 3),
                textcoords="offset points", ha="right", fontsize=9, color="#b2182b",
            )  # fmt: skip
    axes.set_title(row.name, fontsize=11)
    axes.set_xlim(-0.2, 5.2)
    axes.set_ylim(-5.2, 5.2)
    axes.grid(alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
