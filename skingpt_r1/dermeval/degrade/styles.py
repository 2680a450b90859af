"""Tells a narrative in three styles: the grammar's form, prose without a heading, and a report in markdown.

All three keep claims, differential with its reasons, synthesis, diagnosis, confidence and advice, and use one phrase
for a claim throughout. The report is kept out of training altogether (`HELD_OUT_STYLE`): what the evaluator makes of it
says whether it judges what is told or how.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.render import joined, render
from skingpt_r1.narrative.vocabulary import Key, bare
from skingpt_r1.records import Hypothesis, Narrative, Urgency

GRAMMAR, PROSE, REPORT = "grammar", "prose", "report"
STYLES: Final = (GRAMMAR, PROSE, REPORT)
HELD_OUT_STYLE: Final = REPORT
ADVICE: Final[dict[Urgency, tuple[str, ...]]] = {
    Urgency.URGENT: (
        "A dermatologist should see this within two weeks.",
        "This is urgent: an appointment with a dermatologist within two weeks is needed.",
        "Please have a dermatologist examine it within two weeks.",
    ),
    Urgency.SOON: (
        "A dermatologist should see it within the next weeks.",
        "An appointment with a dermatologist within weeks is advised.",
        "It should be shown to a dermatologist soon, within weeks.",
    ),
    Urgency.ROUTINE: (
        "A doctor should look at it at the next visit.",
        "It can be shown to a doctor at the next routine visit.",
        "There is time until the next visit to the doctor, who should look at it then.",
    ),
    Urgency.SELF_WATCH: (
        "It can be watched; any change should be shown to a doctor.",
        "Watching it is enough for now, and a doctor should see it if it changes.",
        "No visit is needed now, but a doctor should see it if it changes.",
    ),
}
_PICTURE: Final = ("modality", "size", "site")
_OPENINGS: Final = ("{} of {}.", "This {} shows {}.", "On this {} we see {}.")
_SEEN: Final = ("It has {}.", "It shows {}.", "One sees {}.", "Visible: {}.", "We note {}.")
_TOLD: Final = ("The history notes {}.", "From the history: {}.", "On record: {}.", "The patient's history gives {}.")
_FAMILIES: Final = ("The family is {}{}.", "I would place it here: {}{}.", "By family it is {}{}.")
_FAMILY_REASONS: Final = (", given {}", ", because of {}", ", on account of {}")
_BOTH: Final = (
    "{name} is possible: {pro} would fit, {con} less so.",
    "{name} is supported by {pro} and opposed by {con}.",
    "One may think of {name}, with {pro} in favour and {con} against.",
)
_PRO: Final = (
    "{name} is possible: {pro} would fit.",
    "{name} is supported by {pro}.",
    "One may think of {name}, with {pro} in favour.",
)
_CON: Final = (
    "{name} is possible, but {con} would not fit.",
    "{name} is opposed by {con}.",
    "One may think of {name}, with {con} against.",
)
_NEITHER: Final = (
    "{name} is considered, with nothing decisive either way.",
    "Nothing here decides for or against {name}.",
)
_STEPS: Final = (
    "Taken together, {why} would make it {name}{over}.",
    "Because of {why}, I favour {name}{over}.",
    "On the strength of {why}, this is {name}{over}.",
)
_NO_STEPS: Final = (
    "No single finding decides; I favour {name}{over}.",
    "Nothing here decides; {name} is put first{over}.",
)
_DOUBTS: Final = ("Some doubt remains because of {}.", "What leaves doubt: {}.", "There is a doubt left: {}.")
_ENDS: Final = (
    "The diagnosis is {}, with {} confidence.",
    "I conclude that this is {}; my confidence is {}.",
    "Most likely diagnosis: {} ({} confidence).",
)


def tell(narrative: Narrative, style: str, seed: int = 0) -> str:
    """The text. The seed draws the wording, part by part, so that a change here leaves the words elsewhere alone.

    Raises ValueError, as `render`, on what our grammar has no words for, and on an unknown style.
    """
    if style == GRAMMAR:
        return render(narrative, seed)
    if style not in STYLES:
        raise ValueError(f"{style!r} is none of {', '.join(STYLES)}")
    render(narrative)  # refuses what no style can tell
    teller = _Teller(narrative, seed)
    return teller.prose() if style == PROSE else teller.report()


class _Teller:
    def __init__(self, narrative: Narrative, seed: int) -> None:
        self.n, self.seed = narrative, seed
        self.words = {c.key: self._drawn(vocabulary.phrases(c.key), c.key, plainest=0.6) for c in narrative.claims}

    def _drawn(self, forms: Sequence[str], part: object, plainest: float = 0.0) -> str:
        rng = random.Random(f"{self.seed}/{part}")
        return forms[0] if rng.random() < plainest else rng.choice(forms)

    def prose(self) -> str:
        """Four paragraphs: what is seen, what it may be, the step, what follows."""
        n = self.n
        family = self._drawn(_FAMILIES, "family").format(n.category, self._because(n.category_claims))
        paragraphs = (
            self._observation(),
            " ".join((family, *(_capital(self._argued(h)) for h in n.hypotheses))),
            self._synthesis(),
            f"{self._end()} {self._advice()}",
        )
        return "\n\n".join(paragraphs)

    def report(self) -> str:
        """Headings and bullets, as a ward's form would have them."""
        n = self.n
        findings = [self._picture(), *(self._listed([i]) for i in self._positions(history=False))]
        history = [self._listed([i]) for i in self._positions(history=True)]
        sections = [
            (self._drawn(("Findings", "Description", "What is seen"), "h1"), [f for f in findings if f]),
            ("History", history),
            ("Family", [f"{n.category}{self._because(n.category_claims)}"]),
            (self._drawn(("Differential diagnosis", "Differential"), "h2"), [self._entry(h) for h in n.hypotheses]),
            (self._drawn(("Assessment", "Discussion", "Synthesis"), "h3"), [self._synthesis()]),
            (self._drawn(("Conclusion", "Diagnosis and plan"), "h4"), [self._end(), self._advice()]),
        ]
        return "\n\n".join(
            f"## {title}\n" + "\n".join(f"- {_capital(line)}" for line in lines) for title, lines in sections if lines
        )

    def _positions(self, history: bool) -> list[int]:
        return [
            i
            for i, c in enumerate(self.n.claims)
            if c.concept not in _PICTURE and (c.concept in vocabulary.HISTORY_CONCEPTS) == history
        ]

    def _listed(self, positions: Sequence[int]) -> str:
        return joined([bare(self.words[self.n.claims[i].key]) for i in positions])

    def _observation(self) -> str:
        parts = [self._picture()]
        for history, frames in ((False, _SEEN), (True, _TOLD)):
            positions = self._positions(history)
            for start in range(0, len(positions), 3):
                run = [self.words[self.n.claims[i].key] for i in positions[start : start + 3]]
                frame = self._drawn(frames, f"observed {history} {start}")
                parts.append(frame.format(joined(run)))
        return " ".join(filter(None, parts))

    def _picture(self) -> str:
        keys: dict[str, Key] = {c.concept: c.key for c in self.n.claims if c.concept in _PICTURE}
        lesion = f"a {keys['size'][1]} lesion" if "size" in keys else "a lesion"
        if "site" in keys:
            place = vocabulary.phrases(keys["site"])[0]
            lesion += f" {place[place.index('on the ') :]}"
        if "modality" in keys:
            return _capital(self._drawn(_OPENINGS, "picture").format(self.words[keys["modality"]], lesion))
        return f"The picture shows {lesion}."

    def _because(self, positions: Sequence[int]) -> str:
        return self._drawn(_FAMILY_REASONS, "because").format(self._listed(positions)) if positions else ""

    def _argued(self, h: Hypothesis) -> str:
        pro, con = bool(h.speaks_for), bool(h.speaks_against)
        forms = {(True, True): _BOTH, (True, False): _PRO, (False, True): _CON}.get((pro, con), _NEITHER)
        return self._drawn(forms, f"argued {h.diagnosis}").format(
            name=h.diagnosis,
            pro=self._listed(h.speaks_for) if pro else "",
            con=self._listed(h.speaks_against) if con else "",
        )

    def _entry(self, h: Hypothesis) -> str:
        sides = [f"{w}: {self._listed(p)}" for w, p in (("for", h.speaks_for), ("against", h.speaks_against)) if p]
        return f"**{h.diagnosis}** - {'; '.join(sides) or 'nothing decisive'}"

    def _synthesis(self) -> str:
        n = self.n
        over = f" rather than {n.rival}" if n.rival else ""
        why = self._listed(n.deciding) if n.deciding else ""
        step = self._drawn(_STEPS if why else _NO_STEPS, "step").format(why=why, name=n.diagnosis, over=over)
        doubt = self._drawn(_DOUBTS, "doubt").format(self._listed(n.doubts)) if n.doubts else ""
        return " ".join(filter(None, (step, doubt)))

    def _end(self) -> str:
        return self._drawn(_ENDS, "end").format(self.n.diagnosis, self.n.confidence)

    def _advice(self) -> str:
        assert self.n.urgency is not None  # render() saw to it
        return self._drawn(ADVICE[self.n.urgency], "advice")


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
