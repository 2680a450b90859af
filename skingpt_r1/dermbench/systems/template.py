"""A narrative that says nothing but its diagnosis: the controls that read no lesion write by it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative.arguing import argued
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Claim, Modality

_HYPOTHESES = 3


def template(ranked: Sequence[str], modality: Modality) -> str:
    """The text that concludes with the first of the ranked diagnoses; what the table confuses with it fills the rest.

    Its only claim is how the picture was taken, so that it argues nothing and says low confidence.
    """
    names = list(dict.fromkeys([*ranked, *table()[ranked[0]].confused_with]))[:_HYPOTHESES]
    return render(argued([Claim("modality", modality.value)], names, random.Random(0)))
