"""Second phase: each soft word learns to resemble the words that name what it should show.

The language model can only read its own vocabulary. So, before it is asked to write, the connector is
pulled towards the mean input embedding of a phrase of each slot ("irregular border", "melanoma"),
which needs no pass through the language model and takes a minute instead of an hour.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps
from skingpt_r1.distill.lessons import Lessons
from skingpt_r1.distill.run import Loop, RunFolder, data_hash
from skingpt_r1.distill.teacher import balanced_accuracy, sampling
from skingpt_r1.models.embedded import SOFT_WORDS, Embedded
from skingpt_r1.models.heads import VisualOutput
from skingpt_r1.models.language import HIDDEN
from skingpt_r1.models.precision import CACHED_FEATURES
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
EVALUATE_EVERY = 500
COPIES = 3  # of each picture, the plain one included
SHARPNESS = 16.0  # of the choice between the phrases of a slot, on cosines


class Phrases(NamedTuple):
    """What the soft words may say.

    embedded: [P_k, H] of each slot. chosen: [N, K], the place of a row's phrase, or -1. prior: [P_k], the log share
    of each phrase in its slot, as often as its rows are drawn.
    """

    embedded: list[Tensor]
    chosen: Tensor
    prior: list[Tensor]


@torch.inference_mode()
def phrases_of(model: Embedded, lessons: Lessons, rows: int, weight: NDArray[np.float64] | None = None) -> Phrases:
    """The phrases that the lessons of these rows use, as mean word embeddings. weight: how often a row is drawn."""
    told = list(zip(*(lessons.words(row) for row in range(rows)), strict=True))  # by slot
    names = [sorted({phrase for phrase in slot if phrase is not None}) for slot in told]
    embedded = [
        torch.stack([model.speaker.embed(torch.tensor(model.speaker.tokens(f" {n}"))).mean(0) for n in slot])
        if slot
        else torch.zeros(0, HIDDEN)
        for slot in names
    ]
    places = [
        [-1 if phrase is None else slot.index(phrase) for phrase in row] for slot, row in zip(names, told, strict=True)
    ]
    chosen = torch.tensor(places).T
    drawn = torch.ones(rows) if weight is None else torch.from_numpy(weight).float()
    shares = [
        torch.bincount(column[column >= 0], drawn[column >= 0], len(slot))
        for column, slot in zip(chosen.T, names, strict=True)
    ]
    return Phrases(embedded, chosen, [(share / share.sum()).log() for share in shares])


@torch.inference_mode()
def understood(model: Embedded, data: LabelledMaps, lessons: Lessons) -> dict[str, dict[str, float]]:
    """Of each soft word on plain pictures: mean recall over its phrases when the nearest one is taken, chance, rows."""
    model.eval()
    words = torch.cat([model.connector(model.look(lower)) for _, lower in data.plain(64)])
    phrases = phrases_of(model, lessons, len(data.cases))
    found: dict[str, dict[str, float]] = {}
    for slot, name in enumerate(SOFT_WORDS):
        rows = (phrases.chosen[:, slot] >= 0).nonzero()[:, 0]
        if not len(rows):
            continue
        nearest = _cosine(words[rows, slot], phrases.embedded[slot]).argmax(1)
        truth, several = phrases.chosen[rows, slot], len(phrases.embedded[slot])
        found[name] = {
            "recall": round(balanced_accuracy(nearest, truth), 4),
            "chance": round(1 / several, 4),
            "accuracy": round(float((nearest == truth).float().mean()), 4),
            "commonest": round(float(truth.bincount().max()) / len(rows), 4),
            "rows": len(rows),
        }
    return found


@torch.inference_mode()
def seen(model: Embedded, data: LabelledMaps) -> tuple[Tensor, Tensor]:
    """Adapted patches [N, copies, 81, E] and early ones [N, copies, 81, C]: the visual branch does not move here."""
    parts: list[tuple[Tensor, Tensor]] = []
    model.eval()
    for rows, _ in data.plain(64):
        copies = range(min(COPIES, data.maps.shape[1]))
        views = [model.look(data.batch(rows, [copy] * len(rows))) for copy in copies]
        patches, early = torch.stack([v.patches for v in views], 1), torch.stack([v.early for v in views], 1)
        parts.append((patches.to(CACHED_FEATURES), early.to(CACHED_FEATURES)))
    return torch.cat([patches for patches, _ in parts]), torch.cat([early for _, early in parts])


def _cosine(words: Tensor, embedded: Tensor) -> Tensor:
    """[B, H], [P, H] -> [B, P]."""
    return F.normalize(words, dim=1) @ F.normalize(embedded, dim=1).T


def word_loss(words: Tensor, phrases: Phrases, rows: Tensor) -> Tensor:
    """How far each soft word is from its phrase, and from saying that phrase rather than another of its slot.

    1 - cosine, a tenth of the squared relative error of the length, and cross entropy over the slot's phrases, mean
    over what is known. Without the last a word drifts to the mean of its phrases, which says nothing. The prior of
    a phrase is added there, so that the word need not say it: pink must not sound like the commoner light brown.
    words: [B, K, H] of `rows` [B].
    """
    losses = []
    for slot, embedded in enumerate(phrases.embedded):
        chosen = phrases.chosen[rows, slot]
        known = chosen >= 0
        if not known.any():
            continue
        said, target = words[known, slot], embedded[chosen[known]]
        cosine = _cosine(said, embedded)
        length = said.norm(dim=1) / target.norm(dim=1).clamp_min(1e-6)
        apart = F.cross_entropy(SHARPNESS * cosine + phrases.prior[slot], chosen[known], reduction="none")
        losses.append(1 - cosine.gather(1, chosen[known, None])[:, 0] + 0.1 * (length - 1) ** 2 + apart)
    return torch.cat(losses).mean()


def name(
    config: DistillConfig,
    model: Embedded,
    train: LabelledMaps,
    lessons: Lessons,
    val: tuple[LabelledMaps, Lessons],
    out: Path,
    resume: bool,
) -> None:
    """Train the connector in place; says in `metrics.json` how well the soft words name what val rows show."""
    run = RunFolder(out, config.of_phase("name"), data_hash(train.cases), resume)
    parameters = {n: p for n, p in model.trained().items() if n.startswith("connector.")}
    optimiser = torch.optim.AdamW(list(parameters.values()), lr=config.name_rate, weight_decay=0.01)
    loop = Loop(run, parameters, optimiser, config.name_steps, config.seed, save_every=200)
    if loop.step >= config.name_steps:
        return
    weight, _ = sampling(train.columns, train.space, power=1.0)
    phrases = phrases_of(model, lessons, len(train.cases), weight)
    patches, early = seen(model, train)
    for step in loop:
        rng = np.random.default_rng([config.seed, 2, step])
        rows = torch.from_numpy(rng.choice(len(weight), config.name_batch, p=weight))
        copies = torch.from_numpy(rng.integers(0, patches.shape[1], len(rows)))
        picked = patches[rows, copies].float()
        mean = picked.mean(1)
        words = model.connector(VisualOutput(picked, mean, mean, early[rows, copies].float()))
        loop.update(word_loss(words, phrases, rows))
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == config.name_steps:
            found = understood(model, *val)
            run.journal(step=step, **{f"val_{slot}": told["recall"] for slot, told in found.items()})
            log.info(
                "name %d val %s", step + 1, {slot: (told["recall"], told["chance"]) for slot, told in found.items()}
            )
            write_text(run.file("metrics.json"), json.dumps(found, indent=1))
