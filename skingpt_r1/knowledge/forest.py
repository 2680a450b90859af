"""A comparison as a forest plot: a line a finding, its ratio and 95 % interval on a logarithmic axis.

What experts marked stands below a dotted line, each finding with its table: the telling ones, or all where none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skingpt_r1.knowledge.comparison import SMOOTHING, Finding, in_digits
from skingpt_r1.knowledge.expert import RATIOS
from skingpt_r1.records import SkinGPTError


def draw(found: Sequence[Finding], one: str, other: str, out: Path, experts: Sequence[Finding] = ()) -> None:
    """Write the plot as a picture. Raises SkinGPTError where matplotlib is missing or the place cannot be written."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, NullFormatter
    except ImportError as error:
        raise SkinGPTError("--plot needs matplotlib. Install it with: pip install matplotlib") from error

    shown = [f for f in experts if f.telling] or experts
    rows = [*reversed(shown), *reversed(found)]
    labels = [f"{f}  ({f.ratio.source})" for f in reversed(shown)] + [str(f) for f in reversed(found)]
    figure = Figure(figsize=(11, 1.9 + 0.34 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for y, finding in enumerate(rows):
        ratio = finding.ratio
        colour = "#8a8a8a" if not finding.telling else "#b2182b" if ratio.value > 1 else "#2166ac"
        axes.plot([ratio.low, ratio.high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(ratio.value, y, "s", color=colour, markersize=5)
        axes.annotate(
            f"{in_digits(ratio.value)} ({in_digits(ratio.low)} to {in_digits(ratio.high)}), n = {ratio.n:,}",
            (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#333333",
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8)
    if shown and found:
        axes.axhline(len(shown) - 0.5, color="#555555", linewidth=0.6, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(rows)), labels, fontsize=9)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel("likelihood ratio with 95 % interval; grey: the interval holds 1")
    for text, side, align in ((f"← speaks for {other}  ", 1, "right"), (f"  speaks for {one} →", 1, "left")):
        axes.annotate(text, (side, 1.0), xycoords=("data", "axes fraction"), va="bottom", ha=align, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    notes = [SMOOTHING] if found else []
    if experts:
        place, left = "Below the dotted line: marked" if found else "Marked", len(experts) - len(shown)
        notes += [f"{place} by experts; {left} whose interval holds 1 are not drawn.", RATIOS]
    figure.supxlabel("\n".join(notes), fontsize=7, color="#555555")
    try:
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as error:
        raise SkinGPTError(
            f"{out}: the plot cannot be written ({error}). Name a .png file in a folder that exists."
        ) from error
