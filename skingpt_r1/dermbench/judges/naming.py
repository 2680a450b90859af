"""Judges by a word of the command line: reference:MODEL, offline, dermeval or dermeval:FOLDER."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_ai.scorer import Scorer

from skingpt_r1.dermbench.judges.asking import Order
from skingpt_r1.dermbench.judges.offline import offline_judge
from skingpt_r1.dermbench.judges.reference import reference_judge
from skingpt_r1.dermbench.scorers import usable
from skingpt_r1.dermeval.inspect_scorer import dermeval
from skingpt_r1.records import SkinGPTError

KINDS = ("reference", "offline", "dermeval")


@dataclass(frozen=True, slots=True)
class NamedJudge:
    """kind: one of KINDS. argument: the model or folder, empty without."""

    kind: str
    argument: str = ""

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def prompted(self) -> bool:
        """Whether it is asked in words, in some order."""
        return self.kind == "reference"

    @property
    def looks(self) -> bool:
        """Whether it needs the picture."""
        return self.kind == "dermeval"

    def scorer(self, order: Order = Order.USUAL) -> Scorer:
        """The scorer of inspect_ai. Raises SkinGPTError where the model cannot be used."""
        if self.kind == "reference":
            usable(self.argument)
            return reference_judge(self.argument, order=order.value)
        return offline_judge() if self.kind == "offline" else dermeval(self.argument or None)


def named_judge(word: str) -> NamedJudge:
    """The judge behind the word. Raises SkinGPTError on what is none."""
    kind, _, argument = word.partition(":")
    if kind not in KINDS or (kind == "reference" and "/" not in argument) or (kind == "offline" and argument):
        raise SkinGPTError(f"--judge {word!r}: use reference:PROVIDER/MODEL, offline, dermeval or dermeval:FOLDER.")
    return NamedJudge(kind, argument)
