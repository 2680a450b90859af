"""Calm plain English for people who are no doctors: what the result means and when to be seen.

No sentence here tells anyone that no doctor is needed: a photo cannot know that. Cancer is named where it is
meant, with when to be seen and without alarm. The limits are the model's, not the reader's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skingpt_r1.knowledge.diagnoses import lineage, table
from skingpt_r1.records import Claim, Status, Urgency

DISCLAIMER: Final = (
    "For research and education only. This is not a medical device and not a diagnosis: "
    "it does not replace an examination by a doctor."
)

WHEN: Final[dict[Urgency, str]] = {
    Urgency.URGENT: "Within two weeks",
    Urgency.SOON: "Within the next few weeks",
    Urgency.ROUTINE: "At your next visit to a doctor",
    Urgency.SELF_WATCH: "Keep an eye on it",
}
ADVICE: Final[dict[Urgency, str]] = {
    Urgency.URGENT: "Please have a dermatologist look at this within two weeks. If it bleeds, hurts or grows "
    "quickly, call sooner. Even if it is a cancer, it can be treated best when it is seen early.",
    Urgency.SOON: "Please have a doctor, best a dermatologist, look at this within the next few weeks. "
    "Go sooner if it bleeds, grows or changes.",
    Urgency.ROUTINE: "Show this to a doctor at your next visit. Go sooner if it grows, bleeds or changes.",
    Urgency.SELF_WATCH: "The model sees nothing here that calls for haste. Compare the spot with this photo "
    "each month, and see a doctor if it grows, changes shape or colour, itches, bleeds, or worries you.",
}

OUTSIDE: Final = (
    "The model cannot judge this picture: it is unlike the photos of single skin spots that it knows. "
    "What it wrote of it all the same means nothing."
)
LIMITS: Final = (
    "It sees one photo of one spot. It cannot feel the skin, see your other spots, or look closer.",
    "It knows pigmented spots and common skin tumours. It was not trained on rashes, infections, or nail, "
    "mouth and genital disease, and can be wrong there without noticing.",
    "Its training pictures show mostly light skin; on brown and black skin it is less reliable.",
    '"Supported" means that an independent check agrees with a statement. It does not prove the statement, '
    "and true statements can still lead to a wrong diagnosis.",
    "A good photo helps: sharp, in daylight, with the whole spot and some skin around it.",
)

_LAY: Final = {
    "melanoma": "a skin cancer that starts in pigment cells",
    "melanocytic nevus": "a common mole, usually harmless",
    "dysplastic nevus": "a mole that looks unusual, usually harmless",
    "basal cell carcinoma": "a common, slow-growing skin cancer that rarely spreads and is well treatable",
    "squamous cell carcinoma": "a skin cancer of the upper skin layer, well treatable when found early",
    "Bowen disease": "a very early skin cancer that stays in the upper skin layer",
    "actinic keratosis": "a patch of sun-damaged skin that can, over years, turn into a skin cancer",
    "seborrheic keratosis": "a wart-like growth that comes with age, usually harmless",
    "solar lentigo": "a sun spot, usually harmless",
    "benign keratosis": "a growth of the upper skin layer, such as an age wart or sun spot, usually harmless",
    "dermatofibroma": "a firm, scar-like lump, usually harmless",
    "vascular lesion": "a mark made of small blood vessels, usually harmless",
}
_KIND: Final = {
    "malignant": "a kind of cancer",
    "precancer": "a change that can turn into cancer",
    "benign": "not a cancer",
}
_LIKELIER: Final = 1.1  # times as probable as the diagnosis that was named
_WORTH_SAYING: Final = 0.05  # probability from which a serious alternative is named


def meaning(diagnosis: str) -> str | None:
    """What a diagnosis is, in a few plain words; None where the knowledge table does not hold it."""
    row = table().get(diagnosis)
    if row is None:
        return None
    return next((_LAY[n] for n in lineage(diagnosis) if n in _LAY), _KIND[row.malignant])


def kind(diagnosis: str) -> str | None:
    """ "cancer", "precancer" or "benign"; None where the knowledge table does not hold the diagnosis."""
    row = table().get(diagnosis)
    return {"malignant": "cancer"}.get(row.malignant, row.malignant) if row else None


def outside_advice(urgency: Urgency) -> str:
    """What to do where the picture was refused; `urgency` is what the model would have said of it."""
    told = (
        "This says nothing about your skin, neither good nor bad. If something on your skin worries you, show it to a "
        "doctor; go soon if it bleeds, grows or changes."
    )
    if urgency not in (Urgency.URGENT, Urgency.SOON):
        return told
    return f"{told} If the photo does show a spot on your skin: {ADVICE[urgency]}"


def among(names: Sequence[str], coverage: float, diagnosis: str | None = None) -> str:
    """What a prediction set is and what it promises. coverage: 0..1. diagnosis: the one named beside it."""
    told = (
        f"The set of this photo, made for {coverage:.0%} coverage: {_joined(names)}. Over all photos like those it was "
        f"fitted on, such sets hold the right diagnosis for about {coverage * 100:.0f} of 100; how sure the model is "
        "of this one, the confidence says."
    )
    if diagnosis is None or diagnosis in names:
        return told
    return f"{told} The best match, {diagnosis}, is not in it: the two disagree, so read neither as a result."


def red_flags(diagnosis: str | None, claims: Sequence[Claim]) -> tuple[str, ...]:
    """The warning signs of the diagnosis that the narrative tells and no check contradicts."""
    row = table().get(diagnosis or "")
    held = {(c.concept, c.value) for c in claims if c.polarity and c.status is not Status.CONTRADICTED}
    return tuple(flag.text for flag in row.red_flags if flag.claims & held) if row else ()


def percent(share: float) -> str:
    """ "83%"; never 0 or 100, which no photo can earn."""
    return "under 1%" if share < 0.01 else "over 99%" if share > 0.99 else f"{share:.0%}"


def summary(
    diagnosis: str | None,
    confidence: float,
    differential: Sequence[tuple[str, float]],
    claims: Sequence[Claim],
    abstained: bool,
) -> tuple[str, ...]:
    """Two to four sentences for a reader who has never heard of any of it."""
    told = f"{diagnosis}, {known}" if (known := meaning(diagnosis or "")) else diagnosis
    if diagnosis is None:
        lines = ["The model names no diagnosis for this photo."]
    elif abstained:
        lines = [
            "The model is not sure enough to name a diagnosis for this photo.",
            f"The closest match is {told}; please do not read it as a result.",
        ]
    else:
        lines = [
            f"The best match for this photo is {told}.",
            f"Of 100 photos that the model rates like this one, it expects about {_of_hundred(confidence)} "
            "to be what it names. That is itself an estimate, and a rougher one for photos unlike those it was "
            "tested on.",
        ]
        lines += [
            f"By its own numbers {name} ({percent(p)}) is {_rival(p, confidence)}, and a doctor would weigh both."
            for name, p in differential[:2]
            if name != diagnosis and p >= confidence
        ]
    serious = [
        f"{name} ({percent(p)})"
        for name, p in differential
        if name != diagnosis and p >= _WORTH_SAYING and kind(name) in ("cancer", "precancer")
    ]
    if serious:
        lines.append(f"This photo alone cannot rule out {_joined(serious)}.")
    return (*lines, *([checks(claims)] if claims else []))


def checks(claims: Sequence[Claim]) -> str:
    """How the checks of all statements came out, in one sentence."""
    supported, contradicted, open_ = (
        sum(c.status is status for c in claims)
        for status in (Status.SUPPORTED, Status.CONTRADICTED, Status.NOT_CHECKABLE)
    )
    statements = "1 statement" if len(claims) == 1 else f"{len(claims)} statements"
    return (
        f"Its reasoning makes {statements}: independent checks agree with {supported}, "
        f"contradict {contradicted} and cannot settle {open_}."
    )


def _rival(share: float, confidence: float) -> str:
    return "likelier" if share >= _LIKELIER * confidence else "as likely"


def _of_hundred(confidence: float) -> int:
    return min(99, max(1, round(100 * confidence)))


def _joined(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
