"""Figures of what `judge_rows` journalled: is damage ranked below its original, and is the picture looked at?

    python -m benchmarks.score_judge

A pair counts where the mean of the six scores of the damaged text is below that of the sound one; a tie does not.
Intervals: 95 %, bootstrap over cases. The errors to the target are those of our own targets, which are a choice.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.judge_rows import RUNS
from benchmarks.results import keep
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermcot.scoring import lint_score as score_of
from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.degrade.registry import DAMAGES, HELD_OUT_FAMILY, PICTURE
from skingpt_r1.dermeval.degrade.styles import HELD_OUT_STYLE
from skingpt_r1.dermeval.reader import remarks_of
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.saved import MARGINS
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.narrative.lint import lint

Line = dict[str, Any]
STRONG: Final = 3


def lines_of(name: str, folder: Path) -> list[Line]:
    """All answers under a name, whatever process wrote them; empty where there are none."""
    files = sorted(folder.glob(f"{name}.*.jsonl"))
    return sorted((json.loads(x) for f in files for x in f.read_text().splitlines()), key=lambda x: str(x["key"]))


def pairs_of(lines: Sequence[Line]) -> list[tuple[Line, Line]]:
    """(sound, damaged) of every damaged text whose original has been judged, too."""
    sound = {(x["id"], x["style"]): x for x in lines if x["kind"] == "sound"}
    damaged = [x for x in lines if x["kind"] != "sound"]
    return [(sound[x["id"], x["style"]], x) for x in damaged if (x["id"], x["style"]) in sound]


def mean(line: Line) -> float:
    """Of the six."""
    return float(np.mean(line["scores"]))


def below(pair: tuple[Line, Line]) -> bool:
    """The damaged text is ranked below the sound one."""
    return mean(pair[1]) < mean(pair[0])


def falls_right(pair: tuple[Line, Line]) -> bool:
    """The dimension that falls most is one of those that the damage lowers most."""
    fell = [a - b for a, b in zip(pair[0]["scores"], pair[1]["scores"], strict=True)]
    wanted = [a - b for a, b in zip(pair[0]["target"], pair[1]["target"], strict=True)]
    return max(wanted) > 0 and wanted[int(np.argmax(fell))] == max(wanted)


def share(pairs: Sequence[tuple[Line, Line]], what: Callable[[tuple[Line, Line]], bool]) -> dict[str, Any]:
    """Share of the pairs, with n and interval."""
    if not pairs:
        return {"n": 0}
    right = np.array([what(p) for p in pairs], dtype=float)
    low, high = interval(lambda i: float(right[i].mean()), [p[1]["id"] for p in pairs])
    return {"n": len(pairs), "share": round(float(right.mean()), 3), "interval": [round(low, 3), round(high, 3)]}


def ranked(pairs: Sequence[tuple[Line, Line]]) -> dict[str, Any]:
    """By kind, and the groups that the goals are about."""
    by_kind: dict[str, list[tuple[Line, Line]]] = defaultdict(list)
    for pair in pairs:
        by_kind[pair[1]["kind"]].append(pair)
    strong = [p for p in pairs if p[1]["severity"] == STRONG]
    seen = [p for p in pairs if DAMAGES[p[1]["kind"]].sees == PICTURE]
    groups = {
        "all": list(pairs),
        "strong": strong,
        "strong, of the families shown": [p for p in strong if DAMAGES[p[1]["kind"]].family != HELD_OUT_FAMILY],
        "strong, the text shows it": [p for p in strong if DAMAGES[p[1]["kind"]].sees != PICTURE],
        "only picture or history shows it": seen,
        "only picture shows it": [p for p in seen if DAMAGES[p[1]["kind"]].family != "history"],
        "family held out": [p for p in pairs if DAMAGES[p[1]["kind"]].family == HELD_OUT_FAMILY],
        "style held out": [p for p in pairs if p[1]["style"] == HELD_OUT_STYLE],
    }
    return {
        "below": {name: share(mine, below) for name, mine in groups.items()},
        "right_dimension": {name: share(mine, falls_right) for name, mine in groups.items()},
        "by_kind": {
            name: {
                "sees": DAMAGES[name].sees,
                **share(mine, below),
                "right_dimension": share(mine, falls_right)["share"],
            }
            for name, mine in sorted(by_kind.items())
        },
    }


def lint_score(text: str) -> float:
    """Of a text without its case, 0 .. 5."""
    return score_of({finding.rule: finding.severity for finding in lint(text)})


def errors(lines: Sequence[Line], blind: Sequence[Line]) -> dict[str, Any]:
    """Mean absolute error to the target per dimension, beside three baselines."""
    target = np.array([x["target"] for x in lines], dtype=float)
    without = {x["key"]: x["scores"] for x in blind}
    lints = np.array([[lint_score(x["text"])] * len(DIMENSIONS) for x in lines])
    told: dict[str, Any] = {
        "ours": np.array([x["scores"] for x in lines]),
        "mean of the targets": np.broadcast_to(target.mean(0), target.shape),
        "lint score": lints,
    }
    if all(x["key"] in without for x in lines):
        told["blind"] = np.array([without[x["key"]] for x in lines])
    found = {name: dict(zip(DIMENSIONS, np.abs(s - target).mean(0).round(3), strict=True)) for name, s in told.items()}
    for name, scores in told.items():
        found[name]["mean"] = round(float(np.abs(scores - target).mean()), 3)
    return {"n": len(lines), **found}


def critiques(lines: Sequence[Line]) -> dict[str, int]:
    """How many damaged texts are faulted at all, and for what is wrong with them; how many sound ones are faulted."""
    found: Counter[str] = Counter()
    for x in lines:
        said = {str(r.fault) for r in remarks_of(x["written"])}
        wanted = {fault for _, fault in x["wanted"]}
        side = "damaged" if wanted else "sound"
        found[side] += 1
        found[f"{side}, faulted"] += bool(said)
        if wanted:
            found["damaged, right fault"] += bool(said & wanted)
    return dict(found)


def covered(lines: Sequence[Line], folder: Path) -> dict[str, float]:
    """How many targets lie inside the interval, per dimension."""
    margins = conformal.load(folder / MARGINS)
    found = {}
    for i, name in enumerate(DIMENSIONS):
        inside = [
            low <= x["target"][i] <= high
            for x in lines
            for low, high in [conformal.interval(x["scores"][i], margins[name])]
        ]
        found[name] = round(float(np.mean(inside)), 3)
    return found


def rises(lines: Sequence[Line]) -> dict[str, Any]:
    """How the mean score moves by each manipulation: mean and largest rise, and by dimension the mean."""
    plain = {x["id"]: x for x in lines if x["kind"] == "as it is"}
    moved: dict[str, list[float]] = defaultdict(list)
    dimensions = []
    for x in lines:
        if x["kind"] != "as it is":
            moved[x["kind"]].append(mean(x) - mean(plain[x["id"]]))
            dimensions.append([a - b for a, b in zip(x["scores"], plain[x["id"]]["scores"], strict=True)])
    every = [v for values in moved.values() for v in values]
    return {
        "n": len(every),
        "mean_rise": round(float(np.mean(every)), 3),
        "by_dimension": dict(zip(DIMENSIONS, np.mean(dimensions, 0).round(3).tolist(), strict=True)),
        "by_kind": {
            name: {"n": len(v), "mean_rise": round(float(np.mean(v)), 3), "largest": round(max(v), 3)}
            for name, v in sorted(moved.items())
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=RUNS)
    parser.add_argument("--evaluator", type=Path, default=ADAPTERS)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    views = {view: lines_of(f"pairs.{view}", options.folder) for view in ("picture", "flat", "blind")}
    for view, lines in views.items():
        if lines:
            figures[view] = ranked(pairs_of(lines))
    if views["picture"]:
        figures["error"] = errors(views["picture"], views["blind"])
        figures["covered"] = covered(views["picture"], options.evaluator)
    if free := lines_of("free.picture", options.folder):
        figures["free"] = {**ranked(pairs_of(free)), "error": errors(free, []), "critiques": critiques(free)}
    if manipulated := lines_of("manipulated.picture", options.folder):
        figures["manipulated"] = rises(manipulated)
        figures["critiques"] = critiques([x for x in manipulated if x["kind"] == "as it is"])
    print(json.dumps(figures, indent=1))
    if options.folder == RUNS:
        keep("score_judge", figures)


if __name__ == "__main__":
    main()
