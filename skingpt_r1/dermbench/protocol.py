"""What a system is asked and what counts as its answer: one grammar, written and read here.

Published protocol (science of the classification benchmarks): no system message; the prompt lists the candidate labels,
asks for reasoning step by step and for exactly one label in its exact spelling. Our own model is asked in the same
words: `asked` reads the labels and the history back out of a prompt, so it is told nothing that another system is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from skingpt_r1.records import History, SkinGPTError

FINAL: Final = "Final label:"
_LABELS: Final = "Candidate labels:"
_HISTORY: Final = "History, as the patient told it:"
_OPEN: Final = (
    "This is a photo of a patient's skin. Describe what you see, reason step by step through the disease category and "
    "a differential diagnosis, each candidate with what speaks for it and against it, and commit yourself to one "
    "diagnosis. Say how sure you are, and when a doctor must look."
)
_CLOSED: Final = (
    f"Choose exactly one of the candidate labels. End with one line that holds nothing but '{FINAL} ' and that label "
    "in its exact spelling."
)
_AROUND: Final = "*_`'\"“”‘’„«» \t\r\u00a0\u202f"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a prompt gives beside the picture. labels: the candidates, None where the question is open."""

    labels: tuple[str, ...] | None = None
    history: History = field(default_factory=History)


def question(labels: Sequence[str] | None = None, history: History | None = None) -> str:
    """The prompt that goes beside the picture. Raises SkinGPTError on a label that a line cannot hold."""
    parts = [_OPEN]
    if history is not None and (known := history.known()):
        parts.append(f"{_HISTORY} {json.dumps(known, ensure_ascii=False)}")
    if labels is not None:
        if bad := [label for label in labels if label != label.strip() or len(label.splitlines()) != 1]:
            raise SkinGPTError(f"the label {bad[0]!r} cannot stand on a line of its own; rename it.")
        parts += ["\n".join([_LABELS, *(f"- {label}" for label in labels)]), _CLOSED]
    return "\n\n".join(parts)


def asked(prompt: str) -> Asked:
    """Labels and history of a prompt of ours; of another prompt, nothing."""
    labels, history = None, History()
    for part in prompt.split("\n\n"):
        first, *lines = part.split("\n")
        if first == _LABELS:
            labels = tuple(line.removeprefix("- ") for line in lines)
        elif first.startswith(f"{_HISTORY} "):
            history = History(**json.loads(first.removeprefix(f"{_HISTORY} ")))
    return Asked(labels, history)


def answered(text: str, labels: Sequence[str]) -> str | None:
    """The label on the last line that names one after `FINAL`; None where none does, or not one of the candidates.

    Emphasis and quotes around it are not held against a system, nor are capitals where no two labels differ by them.
    """
    told = re.findall(rf"^[\s*_#>`-]*{re.escape(FINAL)}(.*)$", text, re.IGNORECASE | re.MULTILINE)
    if not told:
        return None
    said = told[-1].strip(_AROUND)
    said = said if said in labels else said.strip(f".{_AROUND}")
    if said in labels:
        return said
    alike = [label for label in labels if label.casefold() == said.casefold()]
    return alike[0] if len(alike) == 1 else None
