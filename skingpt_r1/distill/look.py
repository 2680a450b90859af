"""First phase: the visual branch learns the teacher's embedding, no language model in sight.

The student's encoder stays frozen; the adapters inside its upper blocks and the visual head follow the teacher
(cosine), whose frozen head also says how far the student's embedding names the right label.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps
from skingpt_r1.distill.losses import distillation_loss
from skingpt_r1.distill.run import Loop, RunFolder, data_hash
from skingpt_r1.distill.teacher import label_loss, sampling, scores
from skingpt_r1.models.embedded import Embedded
from skingpt_r1.models.teacher import Teacher

log = logging.getLogger(__name__)
EVALUATE_EVERY = 105


@torch.inference_mode()
def teacher_embeddings(teacher: Teacher, data: LabelledMaps) -> Tensor:
    """[N, 1024], of the plain pictures. The published teacher, too, is asked once a picture."""
    teacher.eval()
    return torch.cat([teacher.embedding(lower) for _, lower in data.plain()])


@torch.inference_mode()
def visual_scores(model: Embedded, head: nn.Linear, data: LabelledMaps) -> dict[str, float]:
    """Balanced accuracy by label set when the teacher's frozen head reads the student's embedding."""
    model.eval()
    return scores(torch.cat([head(model.look(lower).proj) for _, lower in data.plain()]), data)


def visual_parameters(model: Embedded) -> dict[str, nn.Parameter]:
    """The adapters inside the encoder and the visual head, by name."""
    return {n: p for n, p in model.trained().items() if n.startswith(("encoder.", "visual."))}


def look(
    config: DistillConfig,
    model: Embedded,
    teacher: Teacher,
    train: LabelledMaps,
    val: LabelledMaps,
    out: Path,
    resume: bool,
) -> None:
    """Train the visual branch in place.

    The last parameters are kept, not the best on val: the rate has come down to zero by then, and a choice among
    a handful of noisy scores (some 100 rows a set) once picked a half-trained one.
    """
    run = RunFolder(out, config.of_phase("look"), data_hash([*train.cases, *val.cases]), resume)
    parameters = visual_parameters(model)
    teacher.requires_grad_(False)
    optimiser = torch.optim.AdamW(list(parameters.values()), lr=config.look_rate, weight_decay=0.01)
    loop = Loop(run, parameters, optimiser, config.look_steps, config.seed, warmup=0.1)
    if loop.step >= config.look_steps:
        return
    target = teacher_embeddings(teacher, train)
    weight, prior = sampling(train.columns, train.space)
    columns, mask = train.columns, train.spaces.mask(train.space)
    for step in loop:
        model.train()
        rng = np.random.default_rng([config.seed, 1, step])
        rows = rng.choice(len(weight), config.look_batch, p=weight)
        proj = model.look(train.batch(rows.tolist(), rng.integers(0, train.maps.shape[1], len(rows)).tolist())).proj
        distil = distillation_loss(proj, target[rows])
        label = label_loss(teacher.head(proj) + prior, columns[rows], mask[rows], 0.1)
        loop.update(distil + config.label_weight * label, distil=float(distil.detach()), label=float(label.detach()))
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == config.look_steps:
            found = visual_scores(model, teacher.head, val)
            run.journal(step=step, **{f"val_{name}": round(score, 4) for name, score in found.items()})
            log.info("look %d val %s", step + 1, {k: round(v, 3) for k, v in found.items()})
