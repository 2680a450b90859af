"""One plot a section, drawn from the section's own data as SVG: sharp at any size, readable without colour."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from skingpt_r1.dermbench.trust.section import Section
from skingpt_r1.records import SkinGPTError

_BLUE: Final = "#2166ac"
_RED: Final = "#b2182b"
_GREY: Final = "#8a8a8a"
_MARKS: Final = "osD^vPX*<>"
_DASHES: Final = ("-", "--", ":", "-.")
Series = Mapping[str, Any]


def svg(section: Section) -> str | None:
    """The section's plot as SVG text, None where it has nothing to plot. Raises SkinGPTError without matplotlib."""
    if section.key not in _DRAW or not any(section.series.values()):
        return None
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SkinGPTError("the trust report's plots need matplotlib: pip install 'skingpt-r1[bench]'.") from error
    with mpl.rc_context({"svg.hashsalt": section.key, "font.size": 11, "axes.grid": True, "grid.alpha": 0.25}):
        figure = Figure(figsize=(12, 5.2), layout="constrained")
        FigureCanvasSVG(figure)
        _DRAW[section.key](figure, section.series)
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _calibration(figure: Any, series: Series) -> None:
    bars = series["coverage"]
    left, right = figure.subplots(1, 2) if bars else (figure.subplots(), None)
    points = series["reliability"]
    left.plot([0, 1], [0, 1], color=_GREY, linestyle="--", label="confidence is right")
    most = max(p["n"] for p in points)
    left.scatter(
        [p["confidence"] for p in points], [p["right"] for p in points], s=[30 + 270 * p["n"] / most for p in points],
        color=_BLUE, alpha=0.75, zorder=3, label="test pictures (area: how many)",
    )  # fmt: skip
    left.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence told", ylabel="share that was right", title="Confidence")
    left.legend(loc="upper left", fontsize=9)
    if right is not None:
        _bars(right, bars, "right diagnosis in the set", line=0.9)
        right.set_title("Prediction sets of 90 %")


def _abstention(figure: Any, series: Series) -> None:
    axes = figure.subplots()
    curve = series["curve"]
    axes.plot([p["coverage"] for p in curve], [p["risk"] for p in curve], color=_BLUE, linewidth=2, label="this model")
    axes.axhline(series["flat"], color=_GREY, linestyle="--", label="a confidence that tells nothing")
    now = series["abstains"]
    if now["risk"] is not None:
        axes.plot(now["coverage"], now["risk"], "D", color=_RED, markersize=9, label="where it abstains today")
    axes.set(xlim=(0, 1.01), xlabel="share of pictures answered, surest first", ylabel="share wrong of those")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=9)


def _scope(figure: Any, series: Series) -> None:
    axes = figure.subplots(1, 2, width_ratios=(1, 1.3))
    _bars(axes[0], series["inside"], "pictures passed", line=0.98)
    axes[0].set_title("In scope: lesions, test rows")
    _bars(axes[1], series["outside"], "pictures refused", line=0.95)
    axes[1].set_title("Out of scope (* never shown to the gate)")


def _robustness(figure: Any, series: Series) -> None:
    changes = series["rates"]
    for axes, (what, rates) in zip(figure.subplots(1, len(changes), sharey=True), changes.items(), strict=True):
        for place, (name, points) in enumerate(rates.items()):
            x = [p["severity"] + 0.03 * (place - len(rates) / 2) for p in points]
            y = [p["value"] for p in points]
            mark = _MARKS[place % len(_MARKS)]
            axes.plot(x, y, marker=mark, linestyle=_DASHES[place % 4], label=name)
            if all(p["low"] is not None for p in points):
                axes.vlines(x, [p["low"] for p in points], [p["high"] for p in points], color=_GREY, alpha=0.4)
        if (other := series["between_patients"][what]) is not None:
            axes.axhline(other, color=_GREY, linestyle="--", label="two different patients")
        axes.set(title=what, xlabel="severity", xticks=(1, 2, 3), ylim=(0, 1))
    figure.axes[0].set_ylabel("share of pictures")
    figure.axes[1].legend(fontsize=9, ncols=2)  # the middle one has the lowest curves


def _faithfulness(figure: Any, series: Series) -> None:
    drawn = series["curves"]
    panels = figure.subplots(1, 3 if drawn else 1, squeeze=False)[0]
    _bars(panels[0], series["kept"], "claims still made")
    panels[0].set_title("Evidence taken away")
    colours = {"evidence": _BLUE, "elsewhere": _GREY, "middle": _RED}
    for axes, mode in zip(panels[1:], ("deletion", "insertion") if drawn else (), strict=True):
        for dash, (order, told) in zip(_DASHES, drawn["orders"].items(), strict=False):
            axes.plot(
                drawn["fractions"], drawn["push"][f"{mode}/{order}"], dash, color=colours[order], label=told, lw=2
            )
        axes.set(title=mode, xlabel="share of the picture " + ("blurred" if mode == "deletion" else "shown"))
    if drawn:
        panels[1].set_ylabel("push towards the diagnosis (logits)")
        panels[1].legend(fontsize=9)


def _bars(axes: Any, bars: Sequence[Mapping[str, Any]], what: str, line: float | None = None) -> None:
    """Horizontal bars with their intervals; names and n stand beside them."""
    known = [b for b in bars if b["value"] is not None][::-1]
    places = range(len(known))
    axes.barh(places, [b["value"] for b in known], color=_BLUE, alpha=0.8)
    for place, b in zip(places, known, strict=True):
        if b["low"] is not None:
            axes.hlines(place, b["low"], b["high"], color="black", linewidth=1.4)
    if line is not None:
        axes.axvline(line, color=_RED, linestyle="--", linewidth=1.4)
    axes.set_yticks(places, [f"{b['name']} (n = {b['n']:,})" for b in known], fontsize=9)
    axes.set(xlim=(0, 1.01), xlabel=what)
    axes.grid(visible=False, axis="y")


_DRAW: Final[dict[str, Callable[[Any, Series], None]]] = {
    "calibration": _calibration,
    "abstention": _abstention,
    "scope": _scope,
    "robustness": _robustness,
    "faithfulness": _faithfulness,
}
