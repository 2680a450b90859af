"""A comparison as a forest plot: a line a finding, its ratio and 95 % interval on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skingpt_r1.knowledge.comparison import SMOOTHING, Finding
from skingpt_r1.records import SkinGPTError


def draw(found: Sequence[Finding], one: str, other: str, out: Path) -> None:
    """Write the plot as a picture. Raises SkinGPTError where matplotlib is missing or the place cannot be written."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, NullFormatter
    except ImportError as error:
        raise SkinGPTError("--plot needs matplotlib. Install it with: pip install matplotlib") from error

    rows = list(reversed(found))
    figure = Figure(figsize=(11, 1.9 + 0.34 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for y, finding in enumerate(rows):
        ratio = finding.ratio
        colour = "#8a8a8a" if not finding.telling else "#b2182b" if ratio.value > 1 else "#2166ac"
        axes.plot([ratio.low, ratio.high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(ratio.value, y, "s", color=colour, markersize=5)
        axes.annotate(
            f"{ratio.value:.2g} ({ratio.low:.2g} to {ratio.high:.2g}), n = {ratio.n:,}",
            (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#333333",
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(rows)), [str(finding) for finding in rows], fontsize=9)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel("likelihood ratio with 95 % interval; grey: the interval holds 1")
    for text, side, align in ((f"← speaks for {other}  ", 1, "right"), (f"  speaks for {one} →", 1, "left")):
        axes.annotate(text, (side, 1.0), xycoords=("data", "axes fraction"), va="bottom", ha=align, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(SMOOTHING, fontsize=7, color="#555555")
    try:
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as error:
        raise SkinGPTError(
            f"{out}: the plot cannot be written ({error}). Name a .png file in a folder that exists."
        ) from error
