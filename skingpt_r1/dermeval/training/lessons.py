"""What a training step is shown: sound and damaged texts with the picture they are judged by.

Pictures come from the validation rows: on training rows the writer's visual branch, and with it the diagnosis head,
is nearly always right, and who learns from them trusts it too far. What stays out of every step: the damages of
`HELD_OUT_FAMILY`, the style `HELD_OUT_STYLE`, and the patients and texts kept aside for the margins.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from skingpt_r1.dermeval.critique import Critique, Fault, Remark
from skingpt_r1.dermeval.degrade.apply import Degraded, degraded, sound
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS
from skingpt_r1.dermeval.degrade.registry import DAMAGES, HELD_OUT_FAMILY, TEXT, Damage
from skingpt_r1.dermeval.degrade.styles import HELD_OUT_STYLE, STYLES
from skingpt_r1.dermeval.degrade.subject import Pool, Subject, styled
from skingpt_r1.dermeval.naming import Naming
from skingpt_r1.dermeval.reader import Question
from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.supervised import Example
from skingpt_r1.records import SkinGPTError

ASIDE: Final = 0.25  # share of patients and of certified texts that margins and checks are made of
_DEALT: Final = 4  # steps whose texts are drawn together
_TRIES: Final = 12  # damages that are tried on a text before another one is drawn
_LONGEST: Final = 3000  # characters of a certified text that is learnt from; longer ones cost too much


def patient(subject: Subject) -> str:
    """Whom a text is about, as far as the source tells, else the text itself."""
    return f"{subject.dataset}/{subject.group or subject.id}"


def kept_aside(subject: Subject) -> bool:
    """Whether a subject belongs to the part that no step is shown; patients stay together."""
    return int(hashlib.sha256(patient(subject).encode()).hexdigest()[:8], 16) / 2**32 < ASIDE


def trained_kinds() -> list[Damage]:
    """The damages that a step may show."""
    return [kind for kind in DAMAGES.values() if kind.family != HELD_OUT_FAMILY]


class Lessons:
    """Draws the examples of each step; the same step draws the same ones.

    ours: texts with pictures, free: texts by others; both already without what is kept aside. sights: by picture.
    human: people's scores by subject, which take the place of what we think a sound text earns.
    """

    def __init__(
        self,
        config: EvalConfig,
        ours: Sequence[Subject],
        free: Sequence[Subject],
        sights: Mapping[str, Sight],
        naming: Naming,
        human: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        if not ours:
            raise SkinGPTError("no narrative with a picture to learn from; build a corpus with val rows first.")
        self.config, self.sights, self.naming, self.human = config, sights, naming, human or {}
        self.ours, self.free = list(ours), [s for s in free if len(s.text) <= _LONGEST]
        self.pool = Pool(ours)
        count = Counter((s.dataset, s.diagnosis) for s in self.ours)
        self.weight = [count[s.dataset, s.diagnosis] ** -0.5 for s in self.ours]

    def by(self, config: EvalConfig) -> Lessons:
        """The same texts as another training would draw them."""
        return Lessons(config, self.ours, self.free, self.sights, self.naming, self.human)

    def question(self, made: Degraded, blind: bool = False) -> Question:
        """What is asked about a text, with its picture or without."""
        sight = Sight() if blind or made.image is None else self.sights[made.image]
        return Question(made.text, made.history, sight, self.naming.of(sight))

    def draw(self, step: int) -> list[Example]:
        """As many as the batch, in groups of one case: sound, and with one damage or two; one group of texts by others.

        Side by side with its original a damage stands out from all else that a text says. What is read together is
        padded to the longest: so texts by others, twice as long, have steps of their own, and groups of ours are drawn
        for a few steps at once and dealt out by length.
        """
        config, groups = self.config, max(1, self.config.batch // self.config.group)
        if self.free and random.Random(f"free {config.seed} {step}").random() < config.free_share:
            return self.by_others(random.Random(f"others {config.seed} {step}"))
        block, place = divmod(step, _DEALT)
        drawn = [self.group(random.Random(f"dermeval {config.seed} {block} {i}")) for i in range(_DEALT * groups)]
        drawn.sort(key=lambda group: max(len(e.question.text) for e in group))
        hand = random.Random(f"deal {config.seed} {block}").sample(range(_DEALT), _DEALT)[place]
        return [example for group in drawn[hand * groups : (hand + 1) * groups] for example in group]

    def groups(self, count: int) -> Iterator[list[Example]]:
        """So many groups that no step draws, for what is fitted at once; texts by others as often as in the steps."""
        for place in range(count):
            rng = random.Random(f"groups {self.config.seed} {place}")
            free = bool(self.free) and rng.random() < self.config.free_share
            yield self.by_others(rng) if free else self.group(rng)

    def by_others(self, rng: random.Random) -> list[Example]:
        """One text by somebody else, sound and damaged, without its picture."""
        return [self._asked(made, True, rng) for made in self._sides(rng.choice(self.free), rng, blind=True)]

    def group(self, rng: random.Random) -> list[Example]:
        """One text of ours in one style, sound and damaged."""
        blind = rng.random() < self.config.blind_share
        subject = rng.choices(self.ours, self.weight)[0]
        subject = styled(subject, rng.choice([s for s in STYLES if s != HELD_OUT_STYLE]), rng.randrange(2**31))
        return [self._asked(made, blind, rng) for made in self._sides(subject, rng, blind)]

    def _sides(self, subject: Subject, rng: random.Random, blind: bool) -> list[Degraded]:
        """The sound text first; then damages, without a picture only those that the text itself shows."""
        kinds = [kind for kind in trained_kinds() if kind.sees == TEXT or not blind]
        return [sound(subject), *(self._spoilt(subject, kinds, rng) for _ in range(self.config.group - 1))]

    def _spoilt(self, subject: Subject, kinds: Sequence[Damage], rng: random.Random) -> Degraded:
        for _ in range(_TRIES):
            chosen = rng.sample(kinds, 2 if rng.random() < self.config.second_share else 1)
            made = degraded(subject, [(k.name, rng.choice(k.severities)) for k in chosen], rng, self.pool)
            if made is not None:
                return made
        return sound(subject)

    def _asked(self, made: Degraded, blind: bool, rng: random.Random) -> Example:
        question, critique = self.question(made, blind), Critique(made.remarks, self._scores(made, rng))
        if rng.random() < self.config.addressed_share:
            text, critique = addressed(question.text, critique, rng)
            question = dataclasses.replace(question, text=text)
        return Example(question, critique)

    def _scores(self, made: Degraded, rng: random.Random) -> tuple[int, ...]:
        """Whole numbers; what lies between two is rounded either way, as often as it is near."""
        people = self.human.get(made.id)
        if people is None:
            return made.scores
        return tuple(min(ours, int(theirs + rng.random())) for ours, theirs in zip(made.scores, people, strict=True))


def addressed(text: str, critique: Critique, rng: random.Random) -> tuple[str, Critique]:
    """The same text with words to the evaluator: they are noted, and no score moves, whatever they ask for."""
    kind = rng.choice([m for m in MANIPULATIONS.values() if m.trainable])
    changed = kind.work(text, rng)
    remark = Remark(kind.name, Fault.ADDRESSED)
    return changed, Critique((*critique.remarks[:3], remark), critique.scores)


def pictures(subjects: Iterable[Subject]) -> list[str]:
    """The pictures of all subjects, each once, in order."""
    return list(dict.fromkeys(s.image for s in subjects if s.image is not None))
