"""Writes docs/degradations.md from the registries: python -m scripts.write_degradations"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from skingpt_r1.dermeval.degrade.apply import DAMAGES
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS
from skingpt_r1.dermeval.degrade.registry import FAMILIES, HELD_OUT_FAMILY, Damage
from skingpt_r1.dermeval.degrade.styles import HELD_OUT_STYLE, STYLES
from skingpt_r1.sources.streams import write_text

PAGE: Final = Path(__file__).parents[1] / "docs" / "degradations.md"
_HEAD: Final = """# Graded degradations

DermEval learns from texts that were damaged in a known way, and is tested with them. Each row below is one small
function of `skingpt_r1/dermeval/degrade/`; this page is written from the registry by
`python -m scripts.write_degradations`, and a test keeps it so.

**Severity -> score is our choice.** Nobody has scored these texts: the numbers were read off the anchors of the rubric
(`skingpt_r1/dermeval/rubric.json`) by us. Where people have scored a text (the certification database), their scores
replace these in training: `skingpt dermeval train --scores URL`. The same holds for what an undamaged text earns:
five, less what `earned` takes for a text that names few findings, passes over a cancer that the diagnosis is confused
with, or gives no reason.

A damage alters what is told (and all else follows: our texts are argued anew from the measured likelihood ratios, so
that the text alone does not show a flipped finding), the picture under the text, or the words. Several can be applied;
per dimension the lowest score holds, and a text loses at least a point wherever a damage lowers anything. What is not
in the last column must stay as it was, unless it is listed under "may move". "picture" means that only the picture, or
the history that the evaluator is given, shows it.

**What the text alone still tells.** A bag of words that was trained on the kind and severity in question (logistic
regression on 1- to 3-grams, five folds by case, 311 to 1,200 corpus texts in grammar form, sees neither picture nor
history) ranks the damaged text below its original in this share of pairs, lowest to highest severity: finding flipped
71 to 74 %, wrong size 59 to 71 %, wrong colour 77 to 87 %, finding invented 89 to 100 % and key finding dropped 84 to
100 % (the length tells), wrong age, sex or site 85 to 94 %, wrong symptom 99 to 100 %, wrong diagnosis 92 to 94 %,
malignant called benign, wrong modality (2) and wrong number 100 %. So "picture" above says what a reader needs, not
that a text-only model is at chance. Only a swapped picture leaves the text as it was: that is the damage to test with
whether an evaluator looks.
"""
_TAIL: Final = """
## Kept out of training

The family **{family}** ({kinds}): it spoils how a text is told and not what, and models write such texts unasked. An
evaluator that marks it down all the same has learnt what a good text is, not a list of our damages. The style
**{style}** of {styles}: the same narratives, told in markdown with headings and bullets.

## Manipulations

Texts that try to earn more than they are worth. They leave the medicine alone, so no score may rise by them; only those
marked may be shown in training, as words that speak to the evaluator.

| manipulation | what it does | in training |
| --- | --- | --- |
{rows}
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for family in FAMILIES:
        rows = "\n".join(_row(kind) for kind in DAMAGES.values() if kind.family == family)
        held_out = " (kept out of training)" if family == HELD_OUT_FAMILY else ""
        parts.append(
            f"\n## {family.capitalize()}{held_out}\n\n"
            "| kind | what it does | seen in | may move | severities -> scores |\n| --- | --- | --- | --- | --- |\n"
            f"{rows}\n"
        )
    kept_out = [kind.name for kind in DAMAGES.values() if kind.family == HELD_OUT_FAMILY]
    rows = "\n".join(f"| {m.name} | {m.says} | {'may be' if m.trainable else 'no'} |" for m in MANIPULATIONS.values())
    tail = _TAIL.format(
        family=HELD_OUT_FAMILY,
        kinds=", ".join(kept_out),
        style=HELD_OUT_STYLE,
        styles=f"{', '.join(STYLES[:-1])} and {STYLES[-1]}",
        rows=rows,
    )
    return "".join((*parts, tail))


def _row(kind: Damage) -> str:
    at = "/".join(map(str, kind.severities))
    lowers = "; ".join(f"{d.replace('_', ' ')} {'/'.join(map(str, scores))}" for d, scores in kind.lowers.items())
    free = ", ".join(d.replace("_", " ") for d in kind.may_move) or "-"
    return f"| {kind.name} | {kind.says} | {kind.sees} | {free} | {at} -> {lowers} |"


if __name__ == "__main__":
    write_text(PAGE, page())
