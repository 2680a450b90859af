"""Second phase: each soft word learns to resemble the words that name what it should show.

The language model can only read its own vocabulary. So, before it is asked to write, the connector is
pulled towards the mean input embedding of a phrase of each slot ("irregular border", "melanoma"),
which needs no pass through the language model and takes a minute instead of an hour.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

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
COPIES = 2  # of each picture, the plain one included


@torch.inference_mode()
def word_targets(model: Embedded, lessons: Lessons, rows: int) -> tuple[Tensor, Tensor]:
    """([N, K, H] mean word embeddings, [N, K] bool where one is known)."""
    target = torch.zeros(rows, len(SOFT_WORDS), HIDDEN)
    known = torch.zeros(rows, len(SOFT_WORDS), dtype=torch.bool)
    embedded = {phrase: _embedded(model, phrase) for phrase in {p for r in range(rows) for p in lessons.words(r) if p}}
    for row in range(rows):
        for slot, phrase in enumerate(lessons.words(row)):
            if phrase is not None:
                target[row, slot], known[row, slot] = embedded[phrase], True
    return target, known


def _embedded(model: Embedded, phrase: str) -> Tensor:
    return model.speaker.embed(torch.tensor(model.speaker.tokens(f" {phrase}"))).mean(0)


@torch.inference_mode()
def understood(model: Embedded, data: LabelledMaps, lessons: Lessons) -> dict[str, dict[str, float]]:
    """Of each soft word on plain pictures: mean recall over its phrases when the nearest one is taken, chance, rows."""
    model.eval()
    words = torch.cat([model.connector(model.look(lower)) for _, lower in data.plain(64)])
    told = [lessons.words(row) for row in range(len(data.cases))]
    found: dict[str, dict[str, float]] = {}
    for slot, name in enumerate(SOFT_WORDS):
        rows = [row for row, words_ in enumerate(told) if words_[slot] is not None]
        phrases = sorted({str(told[row][slot]) for row in rows})
        if not phrases:
            continue
        truth = torch.tensor([phrases.index(str(told[row][slot])) for row in rows])
        nearest = nn.functional.cosine_similarity(
            words[rows, slot].unsqueeze(1), torch.stack([_embedded(model, p) for p in phrases]), dim=2
        ).argmax(1)
        recall = balanced_accuracy(nearest, truth)
        found[name] = {"recall": round(recall, 4), "chance": round(1 / len(phrases), 4), "rows": len(rows)}
    return found


@torch.inference_mode()
def seen(model: Embedded, data: LabelledMaps, copies: int) -> Tensor:
    """[N, copies, 81, E] adapted patches: the visual branch does not move in this phase."""
    parts: list[Tensor] = []
    model.eval()
    for rows, _ in data.plain(64):
        views = [model.look(data.batch(rows, [copy] * len(rows))).patches for copy in range(copies)]
        parts.append(torch.stack(views, 1).to(CACHED_FEATURES))
    return torch.cat(parts)


def word_loss(words: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """1 - cosine plus the squared relative error of the length, mean over known slots. [B, K, H]."""
    cosine = nn.functional.cosine_similarity(words, target, dim=2)
    length = words.norm(dim=2) / target.norm(dim=2).clamp_min(1e-6)
    return ((1 - cosine) + 0.1 * (length - 1) ** 2)[known].mean()


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
    target, known = word_targets(model, lessons, len(train.cases))
    patches = seen(model, train, min(COPIES, train.maps.shape[1]))
    weight, _ = sampling(train.columns, train.space, power=1.0)
    for step in loop:
        rng = np.random.default_rng([config.seed, 2, step])
        rows = rng.choice(len(weight), config.name_batch, p=weight)
        picked = patches[torch.from_numpy(rows), torch.from_numpy(rng.integers(0, patches.shape[1], len(rows)))].float()
        words = model.connector(VisualOutput(picked, picked.mean(1), picked.mean(1)))
        loop.update(word_loss(words, target[rows], known[rows]))
    found = understood(model, *val)
    log.info("soft words on val: %s", {slot: (told["recall"], told["chance"]) for slot, told in found.items()})
    write_text(run.file("metrics.json"), json.dumps(found, indent=1))
