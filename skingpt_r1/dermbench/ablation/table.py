"""The study as one Markdown table and one plot."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skingpt_r1.dermbench.ablation.figures import Figure, of_a_dimension
from skingpt_r1.dermbench.ablation.variants import BOTH, VARIANTS
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.records import SkinGPTError

YES: Final = "Yes"
OPPOSITE: Final = "No, the opposite"
NOT_SHOWN: Final = "Not shown either way"


def markdown(found: Sequence[Figure], settings: Mapping[str, Any]) -> str:
    """One row a metric and variant; the difference is the recipe's advantage over the variant."""
    lines = [
        "# Ablation",
        "",
        "Mean over seeds with its 95 % interval over patients; the difference is the whole recipe less the variant, on "
        "the same cases: above 0, the recipe is better. For research and education only.",
        "",
        f"Settings: `{json.dumps(settings, ensure_ascii=False)}`",
        "",
        "| benchmark | metric | n | variant | mean | each seed | recipe less variant |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for f in found:
        seeds = ", ".join(f"{value:.3f}" for value in f.seeds)
        less = "" if f.less is None else f.less.told("+.3f") + (", clear of 0" if clear(f.less) else "")
        lines.append(f"| {f.benchmark} | {f.metric} | {f.n} | {f.variant} | {f.mean.told()} | {seeds} | {less} |")
    lines += ["", "## Does it help?", ""]
    lines += [_answered(name, found) for name in dict.fromkeys(f.variant for f in found) if name != BOTH]
    return "\n".join(lines) + "\n"


def helps(figure: Figure, whole: Figure) -> str:
    """What the variant shows. whole: the same metric of the recipe. An answer needs every seed's consent."""
    apart = [mine - without for mine, without in zip(whole.seeds, figure.seeds, strict=True)]
    if figure.less is None or not clear(figure.less):
        return NOT_SHOWN
    if min(apart) > 0:
        return YES
    return OPPOSITE if max(apart) < 0 else NOT_SHOWN


def _answered(name: str, found: Sequence[Figure]) -> str:
    whole = {(f.benchmark, f.metric): f for f in found if f.variant == BOTH}
    by: dict[str, list[str]] = {YES: [], OPPOSITE: [], NOT_SHOWN: []}
    for f in found:
        if f.variant == name:
            by[helps(f, whole[f.benchmark, f.metric])].append(f"{f.benchmark}, {f.metric}")
    told = ". ".join(f"*{answer}*: {'; '.join(where)}" for answer, where in by.items() if where)
    return f"- **{name}**: {VARIANTS[name].asks} {told}."


def clear(told: Estimate) -> bool:
    """Whether the interval leaves out 0."""
    return told.low is not None and told.high is not None and (told.low > 0 or told.high < 0)


def plot(found: Sequence[Figure]) -> str:
    """SVG: a panel a metric (of a judge's scores their mean), a row a variant, its seeds around its mean.

    Raises SkinGPTError without matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise SkinGPTError("the ablation's plot needs matplotlib: pip install 'skingpt-r1[bench]'.") from error
    panels: dict[tuple[str, str], list[Figure]] = {}
    for f in (f for f in found if not of_a_dimension(f)):
        panels.setdefault((f.benchmark, f.metric), []).append(f)
    rows = -(-len(panels) // 2)
    variants = max(map(len, panels.values()))
    with mpl.rc_context({"svg.hashsalt": "ablation", "font.size": 10}):
        canvas = Canvas(figsize=(11, rows * (1.1 + 0.38 * variants)), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots(rows, 2, squeeze=False)
        for place, ((benchmark, metric), mine) in enumerate(panels.items()):
            _panel(axes[place // 2][place % 2], f"{benchmark}, {metric} (n = {mine[0].n})", mine)
        for place in range(len(panels), 2 * rows):
            axes[place // 2][place % 2].set_visible(False)
        drawn = io.StringIO()
        canvas.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _panel(axes: Any, title: str, mine: Sequence[Figure]) -> None:
    for height, f in enumerate(reversed(mine)):
        colour = "#2166ac" if f.variant == BOTH else "#8a8a8a"
        low, high = (f.mean.low, f.mean.high) if f.mean.low is not None else (f.mean.value, f.mean.value)
        axes.plot([low, high], [height, height], color=colour, linewidth=3, alpha=0.6)
        axes.plot(f.seeds, [height] * len(f.seeds), "o", color=colour, markersize=5, markerfacecolor="white")
        axes.plot([f.mean.value], [height], "D", color=colour, markersize=6)
    axes.set_yticks(range(len(mine)), [f.variant for f in reversed(mine)])
    axes.set_ylim(-0.6, len(mine) - 0.4)
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
