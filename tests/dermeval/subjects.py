"""Subjects as a corpus has them, without a corpus: drafts of our own about described findings, and prose by others."""

import random

from skingpt_r1.dermcot.draft import ScoredClaim, draft
from skingpt_r1.dermeval.degrade.styles import GRAMMAR
from skingpt_r1.dermeval.degrade.subject import Pool, Subject, styled
from skingpt_r1.narrative import vocabulary
from skingpt_r1.narrative.render import render
from skingpt_r1.records import Claim, History, Modality

DIAGNOSES = (
    "melanoma", "melanocytic nevus", "basal cell carcinoma", "seborrheic keratosis", "actinic keratosis",
    "squamous cell carcinoma",
)  # fmt: skip
_PAIRS = {
    "symmetry": ("symmetric", "asymmetric"),
    "border": ("regular", "irregular"),
    "edge": ("sharp", "blurred"),
    "variety": ("uniform", "varied"),
}
PROSE = (
    "<think> First, I observe a solitary, raised red plaque with fine white scaling on the elbow. The border is "
    "well-demarcated and the surface is dry. There are multiple small papules at the rim. </think>\n\n"
    "The category is likely inflammatory. Several conditions come into question:\n\n"
    "- **Nummular eczema**: it typically oozes more.\n- **Tinea corporis**: central clearing would be expected.\n\n"
    "The dry scaling and the sharp border favour psoriasis. The redness fits as well.\n\n"
    "In conclusion, the most likely diagnosis is **psoriasis**.\n\n"
    "I recommend consulting a dermatologist for treatment within the next weeks.",
    "The photograph shows a single brown nodule on the back, about 8 mm across, with an irregular border and black "
    "areas. The surface is rough and the colour is dark.\n\n"
    "Melanoma, seborrheic keratosis and melanocytic nevus were weighed. Seborrheic keratosis would look more waxy.\n\n"
    "The irregular border and the black areas speak for melanoma. The final diagnosis is melanoma.\n\n"
    "The patient should see a dermatologist within two weeks for a biopsy.",
)


def subject(number: int, style: str = GRAMMAR) -> Subject:
    """The number draws everything: diagnosis, findings, history, wording."""
    rng = random.Random(number)
    diagnosis = DIAGNOSES[number % len(DIAGNOSES)]
    modality = rng.choice(list(Modality))
    shape = [Claim("size", rng.choice(("small", "medium", "large")))]
    shape += [Claim(c, rng.choice(pair)) for c, pair in _PAIRS.items()]
    there = rng.sample(vocabulary.COLOURS, 2)
    colours = [Claim("colour", c, c in there) for c in vocabulary.COLOURS]
    history = History(
        age=float(rng.randint(20, 88)), sex=rng.choice(("female", "male")),
        site=rng.choice(("back", "forearm", "nose")), itch=rng.choice((True, False)), bleed=rng.choice((True, False)),
    )  # fmt: skip
    described = [Claim("modality", modality.value), *shape, *colours]
    scored = [ScoredClaim(c, rng.uniform(0.75, 1)) for c in (*described, *vocabulary.history_claims(history))]
    rivals = [name for name in DIAGNOSES if name != diagnosis]
    narrative = draft(scored, diagnosis, rng.sample(rivals, len(rivals)), rng)
    made = Subject(
        id=f"made/{number}",
        text=render(narrative, number),
        image=f"{number}.jpg",
        dataset="made",
        modality=modality,
        diagnosis=diagnosis,
        history=history,
        recorded=history,
        described=tuple(Claim(*s.claim.key, support=s.support) for s in scored),
        split="train",
        told=narrative,
        seed=number,
    )
    return styled(made, style, number)


def by_others(number: int) -> Subject:
    """Free prose, no picture, nothing described."""
    return Subject(id=f"certified/{number}", text=PROSE[number % len(PROSE)], dataset="certified")


def pool() -> Pool:
    """Pictures to swap in."""
    return Pool(subject(number) for number in range(300))
