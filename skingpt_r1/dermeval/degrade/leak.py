"""What was not to be known: a text that reads its answer off the file, the label or the description it was given."""

from __future__ import annotations

import random
from pathlib import PurePath
from typing import Final

from skingpt_r1.dermeval.critique import Fault
from skingpt_r1.dermeval.degrade.registry import TEXT, Damaged, Note, damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject
from skingpt_r1.dermeval.degrade.words import described_end, inserted
from skingpt_r1.narrative.parse import parse

_SAID: Final = {
    1: ("According to the description given, these features are present.", "As the provided description says.",
        "These findings follow the description in the prompt.", "The description given mentions all of this."),
    2: ("The file is named {file}.", "The image {file} belongs to this case.", "This is taken from {file}.",
        "The picture {file} was supplied."),
    3: ("The label of this case is {name}.", "The known diagnosis is {name}.", "It was labelled as {name}.",
        "The ground truth says {name}.", "The folder calls it {name}."),
}  # fmt: skip


@damage("label leaked", family="leak", sees=TEXT, by_words=True,
        lowers={"medical_groundedness": (4, 3, 1), "reasoning_coherence": (5, 4, 2)})  # fmt: skip
def leaked(subject: Subject, severity: int, rng: random.Random, pool: Pool) -> Damaged | None:
    """The observation cites a description (1), the name of the file (2) or the label (3)."""
    told = subject.told or parse(subject.text)
    name = subject.diagnosis or told.diagnosis
    place = described_end(subject.text, rng)
    if place is None or (severity == 3 and name is None):
        return None
    stem = PurePath(subject.image).stem if subject.image else f"IMG_{rng.randint(1000, 9999)}"
    said = rng.choice(_SAID[severity]).format(file=f"{stem}.jpg" if rng.random() < 0.5 else stem, name=name)
    return Damaged(subject.reworded(inserted(subject.text, said, place)), (Note(Fault.LEAKED, said),))
