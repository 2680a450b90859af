"""Faults that no single sentence makes: blocks cut, doubled or emptied, answers changed, cases that say otherwise."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from skingpt_r1.knowledge.diagnoses import lineage, preferred, table
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.lint import Given
from skingpt_r1.records import History, Modality

Edited = tuple[str, Given, str]
AT_THE_END: Final = ("treatment-dose", "unsafe-reassurance", "overconfidence")
OBSERVED: Final = ("contradiction", "against-history", "against-measurement", "dermoscopy-on-clinical")
_SITES: Final = ("heel", "chin", "abdomen", "palm")
_SWAPS: Final = {
    "symmetry": {"symmetric": "a symmetric", "asymmetric": "an asymmetric"},
    "border": {"regular": "regular", "irregular": "irregular"},
    "edge": {"sharp": "sharp", "blurred": "blurred"},
}


def names(given: Given, rng: random.Random) -> dict[str, str]:
    """What upper-case slots of a wording stand for; OTHER_... is what the case does not say."""
    measured = {c.concept: c.value for c in given.measured}
    told = given.history or History()
    colours = {c.value for c in given.measured if c.concept == "colour"}
    found = {
        "DIAGNOSIS": preferred(given.label or "") or "psoriasis",
        "LABEL": given.label or "",
        "FILE": PurePosixPath(given.image or "picture.jpg").name,
        "STEM": PurePosixPath(given.image or "picture.jpg").stem,
        "OTHER_AGE": str(int((told.age or 50) + rng.choice((-15, 12, 21)))),
        "OTHER_SEX": "male" if told.sex == "female" else "female",
        "OTHER_SITE": rng.choice(_SITES),
        "OTHER_ITCH": "no itching" if told.itch else "itching",
        "OTHER_GREW": "no recent growth" if told.grew else "recent growth",
        "OTHER_BLEED": "shows no bleeding" if told.bleed else "bleeds",
        "OTHER_SIZE": rng.choice([s for s in ("small", "large") if s != measured.get("size")]),
        "OTHER_COLOUR": rng.choice([c for c in vocabulary.COLOURS if c not in colours]),
    }
    for concept, words in _SWAPS.items():
        found[f"OTHER_{concept.upper()}"] = rng.choice([w for v, w in words.items() if v != measured.get(concept)])
    return found


def adapted(rule: str, given: Given, wording: str) -> Given:
    """The case under which the wording is what it is meant to be."""
    if rule == "dermoscopy-on-clinical":
        return replace(given, modality=Modality.CLINICAL)
    if rule == "unseeable-finding":
        return replace(given, history=None)
    return given


NEEDS: Final[dict[str, Callable[[Given, str], bool]]] = {
    "label-leak": lambda given, _: given.label is not None,
    "against-measurement": lambda given, _: bool(given.measured),
    "against-history": lambda given, _: given.history is not None and given.history.age is not None
    and given.history.bleed is not None,
    "dermoscopy-on-clinical": lambda given, text: given.modality is not Modality.DERMOSCOPY,
    "contradiction": lambda _, text: "Dermoscopic" not in text,
}  # fmt: skip


def _answer(text: str) -> re.Match[str] | None:
    return re.search(r"<answer>(.*)</answer>", text, re.DOTALL)


def _another(text: str, rng: random.Random) -> str:
    """A diagnosis that the text does not name, nor a relative of one."""
    known = text.lower()
    strange = [n for n in table() if not any(word in known for form in lineage(n) for word in form.lower().split())]
    return rng.choice(strange)


def answer_of_nowhere(text: str, given: Given, rng: random.Random) -> Edited:
    """The answer is a diagnosis that the reasoning never named."""
    other = _another(text, rng)
    if (found := _answer(text)) is None:
        return f"{_body(text)} <answer>{other} | low | soon: dermatologist within weeks</answer>", given, ""
    first = found.group(1).split("|")[0]
    return text.replace(f"<answer>{first}", f"<answer>{other} ", 1), given, other


def concluded_from_nowhere(text: str, given: Given, rng: random.Random) -> Edited:
    """The text concludes with something that it never weighed."""
    other = _another(text, rng)
    wording = rng.choice(("My final diagnosis is {}.", "The final answer is {}.", "In conclusion this is {}."))
    bare = re.sub(r"<answer>.*</answer>", "", text, flags=re.DOTALL).replace("<think>", "").replace("</think>", "")
    bare = re.sub(r"\[synthesis\].*", "", bare)
    return f"{bare.strip()} {wording.format(other)}", given, other


def differential_without_it(text: str, given: Given, rng: random.Random) -> Edited:
    """The differential lists two others and never the one that is answered."""
    found = _answer(text)
    if found is None or "[differential]" not in text:
        return answer_of_nowhere(text, given, rng)
    others = [_another(text, rng) for _ in range(2)]
    listed = f"[differential] {others[0]}: nothing decisive. {others[1]}: nothing decisive."
    text = re.sub(r"\[differential\].*", listed, text)
    return re.sub(r"\[synthesis\].*", "[synthesis] Nothing here decides.", text), given, ""


def second_answer(text: str, given: Given, rng: random.Random) -> Edited:
    """Two answer blocks that differ."""
    extra = f"<answer>{_another(text, rng)} | low | soon: dermatologist within weeks</answer>"
    start = text if "<answer>" in text else f"{text}\n<answer>wart | low | soon: dermatologist within weeks</answer>"
    return f"{start}\n{extra}", given, ""


def answer_of_two(text: str, given: Given, rng: random.Random) -> Edited:
    """One answer that names two diagnoses."""
    joint = rng.choice((" or ", " / ", ", ", " and ", "; "))
    pair = joint.join(rng.sample(sorted(table()), 2))
    if (found := _answer(text)) is None:
        return f"{text}\n<answer>{pair} | low | soon: dermatologist within weeks</answer>", given, pair
    first = found.group(1).split("|")[0]
    return text.replace(f"<answer>{first}", f"<answer>{pair} ", 1), given, pair


def two_conclusions(text: str, given: Given, rng: random.Random) -> Edited:
    """Running text with two final diagnoses."""
    a, b = rng.sample(("psoriasis", "melanoma", "scabies", "rosacea", "basal cell carcinoma", "wart"), 2)
    first = rng.choice(("The final diagnosis is {}.", "I conclude that this is {}.", "Final answer: {}."))
    last = rng.choice(
        ("Final diagnosis: {}.", "The most likely diagnosis is therefore {}.", "In conclusion, it is {}.")
    )
    body = re.sub(r"\[synthesis\].*|<answer>.*", "", re.sub(r"</?think>", "", text))
    return f"{body.strip()} {first.format(a)} {last.format(b)}", given, ""


def nothing_speaks(text: str, given: Given, rng: random.Random) -> Edited:
    """Firm confidence while neither the differential nor the synthesis gives a reason."""
    found = _answer(text)
    if found is None or "[differential]" not in text:
        return bare_verdict(text, given, rng)
    name, other = found.group(1).split("|")[0].strip(), _another(text, rng)
    text = re.sub(r"\[differential\].*", f"[differential] {name}: nothing decisive. {other}: nothing decisive.", text)
    text = re.sub(r"\[synthesis\].*", f"[synthesis] No single finding decides; {name} first.", text)
    return re.sub(r"\| (low|moderate|high) \|", f"| {rng.choice(('high', 'moderate'))} |", text), given, ""


def reason_never_seen(text: str, given: Given, rng: random.Random) -> Edited:
    """The deciding claim was never observed."""
    found = _answer(text)
    if found is None or "[synthesis]" not in text:
        return bare_verdict(text, given, rng)
    seen = text.split("[category]")[0].lower()
    unseen = [p for p in ("thick branched lines", "polymorphous vessels", "white streaks", "grey patterns",
                          "radial lines all round", "monomorphic vessels") if p not in seen]  # fmt: skip
    reason, name = rng.choice(unseen), found.group(1).split("|")[0].strip()
    return re.sub(r"\[synthesis\].*", f"[synthesis] {reason.capitalize()} favour {name}.", text), given, ""


def bare_verdict(text: str, given: Given, rng: random.Random) -> Edited:
    """A verdict without a single finding."""
    name = rng.choice(("psoriasis", "melanoma", "rosacea", "a wart"))
    opening = rng.choice(("I looked at the photograph with care.", "This is the picture of a patient.", "Thank you."))
    middle = rng.choice(("Several things come to mind.", "Other diseases are less likely.", "It is typical."))
    last = rng.choice(
        ("It is most likely {}.", "The diagnosis is {}.", "This suggests {}.", "It is consistent with {}.")
    )
    return f"{opening} {middle} {last.format(name)} See a dermatologist soon.", given, ""


def without_urgency(text: str, given: Given, rng: random.Random) -> Edited:
    """An answer that stops after the confidence, or prose without its last advice."""
    if (found := _answer(text)) is not None:
        return text.replace(found.group(1), "|".join(found.group(1).split("|")[: rng.randint(1, 2)]).strip()), given, ""
    return re.sub(r"(A (dermatologist|doctor) should|The next step is).*", "", text).strip(), given, ""


def advice_replaced(text: str, given: Given, rng: random.Random) -> Edited:
    """Something else stands where the advice should."""
    other = rng.choice(("thank you for reading", "that is my view", "as seen above", "end of report"))
    if (found := _answer(text)) is not None:
        return text.replace(found.group(1), "|".join([*found.group(1).split("|")[:2], f" {other}"])), given, ""
    return re.sub(r"(A (dermatologist|doctor) should|The next step is).*", f"{other.capitalize()}.", text), given, ""


def _body(text: str) -> str:
    return text if "<think>" in text else f"<think>{text}</think>"


def cut(tag: str) -> Callable[[str, Given, random.Random], Edited]:
    """An edit that drops one tag."""

    def edit(text: str, given: Given, rng: random.Random) -> Edited:
        text = _body(text)
        if "<answer>" not in text:
            text += "\n<answer>wart | low | soon: dermatologist within weeks</answer>"
        return text.replace(tag, "", 1), given, ""

    edit.__name__ = f"cut {tag}"
    return edit


def cut_off(text: str, given: Given, rng: random.Random) -> Edited:
    """The text ends in the middle of its thought."""
    text = _body(text)
    end = text.index("</think>")
    return text[: rng.randint(end // 2, end)], given, ""


def think_only(text: str, given: Given, rng: random.Random) -> Edited:
    """A thought without an answer."""
    return re.sub(r"\s*<answer>.*", "", _body(text), flags=re.DOTALL), given, ""


def doubled(block: str) -> Callable[[str, Given, random.Random], Edited]:
    """An edit that writes a block a second time."""

    def edit(text: str, given: Given, rng: random.Random) -> Edited:
        text = _body(text)
        if "<answer>" not in text:
            text += "\n<answer>wart | low | soon: dermatologist within weeks</answer>"
        if block == "think":
            again = rng.choice(("So far, so good.", "The rim is brown.", "I look again."))
            return text.replace("</think>", f"</think>\n<think>{again}</think>", 1), given, ""
        if block == "answer":
            answer = re.search(r"<answer>.*</answer>", text, re.DOTALL)
            return f"{text}\n{answer.group() if answer else ''}", given, ""
        heading = f"[{block}]"
        if heading not in text:
            text = text.replace("<think>", f"<think>{heading} The rim is brown. ", 1)
        return text.replace("</think>", f"{heading} The rim is brown.\n</think>", 1), given, ""

    edit.__name__ = f"doubled {block}"
    return edit


def same_sentence(text: str, given: Given, rng: random.Random) -> Edited:
    """One sentence of the text again, and again."""
    sentences = [s for s in re.findall(r"[A-Z][^.<\[|]{30,120}\.", text) if len(s.split()) > 5]
    again = rng.choice(sentences or ["The brown rim is the first thing to be seen here."])
    place = text.find(again) + len(again) if sentences else len(text)
    return f"{text[:place]} {' '.join([again] * rng.randint(2, 3))}{text[place:]}", given, ""


def stuck(text: str, given: Given, rng: random.Random) -> Edited:
    """A writer that loops over a few words."""
    loop = rng.choice(("brown rim and ", "a pink area, a pink area, ", "the skin is dry, ", "and so on and so forth "))
    place = text.find(". ") + 2
    return f"{text[:place]}{loop * rng.randint(5, 12)}{text[place:]}", given, loop


def copied_paragraph(text: str, given: Given, rng: random.Random) -> Edited:
    """A whole paragraph stands twice."""
    body = re.sub(r"</?(think|answer)>|\[\w+\]", "", text).strip()
    paragraph = body if len(body) < 400 else body[: body.find(". ", 300) + 1]
    return f"{paragraph}\n\n{rng.choice(('', 'Again: '))}{paragraph}\n\nSee a dermatologist soon.", given, ""


def calm_about_cancer(text: str, given: Given, rng: random.Random) -> Edited:
    """A melanoma that is sent home."""
    calm = rng.choice(("watch: see a doctor if it changes", "routine: show it to a doctor at the next visit"))
    name = rng.choice(("melanoma", "squamous cell carcinoma", "Merkel cell carcinoma"))
    if (found := _answer(text)) is not None:
        return text.replace(found.group(), f"<answer>{name} | low | {calm}</answer>"), given, ""
    return f"{_body(text)}\n<answer>{name} | low | {calm}</answer>", given, ""


def sure_without_reason(text: str, given: Given, rng: random.Random) -> Edited:
    """High confidence with nothing behind it."""
    text, given, _ = nothing_speaks(text, given, rng)
    if "<answer>" not in text:
        text = f"<think>{text}</think>\n<answer>wart | high | soon: dermatologist within weeks</answer>"
    return re.sub(r"\| \w+ \|", "| high |", text), given, ""


EDITS: Final[dict[str, tuple[Callable[[str, Given, random.Random], Edited], ...]]] = {
    "diagnosis-not-considered": (answer_of_nowhere, concluded_from_nowhere, differential_without_it),
    "several-answers": (second_answer, answer_of_two, two_conclusions),
    "no-evidence": (nothing_speaks, reason_never_seen, bare_verdict),
    "missing-next-step": (without_urgency, advice_replaced),
    "unclosed-block": (cut("</think>"), cut("</answer>"), cut("<think>"), cut("<answer>"), cut_off, think_only),
    "repeated-block": tuple(doubled(b) for b in ("think", "answer", "observation", "differential")),
    "repetition": (same_sentence, stuck, copied_paragraph),
    "unsafe-reassurance": (calm_about_cancer,),
    "overconfidence": (sure_without_reason,),
}
