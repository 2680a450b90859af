"""Fine-tune the teacher on all label sets jointly, from cached lower maps.

Sampling is by the square root of class frequency and a fixed share for each source; the loss adds
the logarithm of what was really sampled (Menon et al. 2021), so that the raw logits are balanced.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from skingpt_r1.distill.data import LabelledMaps
from skingpt_r1.distill.run import Loop, RunFolder, data_hash
from skingpt_r1.models.teacher import Teacher
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TeacherConfig:
    """Fine-tuning of the upper blocks and the classification columns."""

    steps: int = field(default=780, metadata={"help": "optimiser steps"})
    batch: int = field(default=64, metadata={"help": "pictures a step"})
    rate: float = field(default=4e-4, metadata={"help": "peak learning rate of the encoder's blocks"})
    head_rate: float = field(default=2e-3, metadata={"help": "peak learning rate of the embedding and the head"})
    decay: float = field(default=0.05, metadata={"help": "weight decay"})
    smoothing: float = field(default=0.1, metadata={"help": "label smoothing"})
    mixup: float = field(default=0.2, metadata={"help": "Beta parameter of mixing lower maps, 0 for none"})
    evaluate_every: int = field(default=65, metadata={"help": "steps between evaluations on val"})
    seed: int = field(default=0, metadata={"help": "seed of sampling and initialisation"})


SHARE = {"ham10000": 0.5, "isic2017": 0.25, "pad_ufes_20": 0.25}  # of a batch


def sampling(columns: Tensor, space: Sequence[str], power: float = 0.5) -> tuple[NDArray[np.float64], Tensor]:
    """Probability of drawing each row, and log share of each column within its own set.

    power: 0 draws rows alike, 1 draws classes alike.
    """
    count = Counter(columns.tolist())
    weight = np.array([count[c] ** -power for c in columns.tolist()])
    names = np.array(space)
    for name, share in SHARE.items():
        mine = names == name
        if mine.any():
            weight[mine] *= share / weight[mine].sum()
    weight /= weight.sum()
    drawn = torch.zeros(int(columns.max()) + 1).index_add_(0, columns, torch.from_numpy(weight).float())
    total = {name: float(weight[names == name].sum()) for name in set(space)}
    of = dict(zip(columns.tolist(), space, strict=True))
    within = torch.tensor([float(drawn[c]) / total[of[c]] if c in of else 1.0 for c in range(len(drawn))])
    return weight, within.clamp_min(1e-6).log()


def balanced_accuracy(predicted: Tensor, truth: Tensor) -> float:
    """Mean recall over the classes that occur in `truth`."""
    recalls = [(predicted[truth == c] == c).float().mean() for c in truth.unique()]
    return float(torch.stack(recalls).mean())


@torch.inference_mode()
def evaluate(teacher: Teacher, data: LabelledMaps) -> dict[str, float]:
    """Balanced accuracy by label set, on the plain copies."""
    teacher.eval()
    return scores(torch.cat([teacher(lower)[1] for _, lower in data.plain()]), data)


def chosen(logits: Tensor, data: LabelledMaps) -> Tensor:
    """[N] the likeliest column of each case within its own label set. logits [N, C]."""
    return logits.masked_fill(~data.spaces.mask(data.space), -torch.inf).argmax(1)


def scores(logits: Tensor, data: LabelledMaps) -> dict[str, float]:
    """Balanced accuracy by label set of logits [N, C], each case within its own set."""
    said = chosen(logits, data)
    names, columns = np.array(data.space), data.columns
    return {
        n: balanced_accuracy(said[m], columns[m])
        for n in sorted(set(data.space))
        if (m := torch.from_numpy(names == n)).any()
    }


@torch.inference_mode()
def confusion(teacher: Teacher, data: LabelledMaps) -> dict[str, dict[str, float]]:
    """Mean probability that each diagnosis is given where another is true: whom it is really confused with."""
    labels, mask = data.spaces.labels, data.spaces.mask(data.space)
    logits = torch.cat([teacher(lower)[1] for _, lower in data.plain()])
    share = logits.masked_fill(~mask, -torch.inf).softmax(1)
    found: dict[str, dict[str, float]] = {}
    for column in data.columns.unique().tolist():
        space, label = labels[column]
        mean = share[data.columns == column].mean(0)
        found[f"{space}/{label}"] = {labels[i][1]: round(float(mean[i]), 4) for i in data.spaces.members(space)}
    return found


def train_teacher(
    config: TeacherConfig, train: LabelledMaps, val: LabelledMaps, out: Path, resume: bool = False
) -> Teacher:
    """Train, keep the best on val (mean over the sets), write `metrics.json`; returns the best."""
    run = RunFolder(out, asdict(config), data_hash([*train.cases, *val.cases]), resume)
    torch.manual_seed(config.seed)
    teacher = Teacher(len(train.spaces.labels))
    parameters = teacher.trained()
    encoder = [p for n, p in parameters.items() if n.startswith("encoder")]
    heads = [p for n, p in parameters.items() if not n.startswith("encoder")]
    groups = [{"params": encoder, "lr": config.rate}, {"params": heads, "lr": config.head_rate}]
    loop = Loop(
        run,
        parameters,
        torch.optim.AdamW(groups, weight_decay=config.decay),
        config.steps,
        config.seed,
        warmup=0.1,
    )
    weight, prior = sampling(train.columns, train.space)
    columns, mask = train.columns, train.spaces.mask(train.space)
    for step in loop:
        teacher.train()
        rng = np.random.default_rng([config.seed, step])
        rows = rng.choice(len(weight), config.batch, p=weight)
        lower = train.batch(rows.tolist(), rng.integers(0, train.maps.shape[1], config.batch).tolist())
        partner, share = torch.from_numpy(rng.permutation(config.batch)), 1.0
        if config.mixup:
            share = float(max(x := rng.beta(config.mixup, config.mixup), 1 - x))
            lower = share * lower + (1 - share) * lower[partner]
        logits = teacher(lower)[1] + prior
        target, allowed = columns[rows], mask[rows]
        loss = share * label_loss(logits, target, allowed, config.smoothing)
        loss = loss + (1 - share) * label_loss(logits, target[partner], allowed[partner], config.smoothing)
        loop.update(loss)
        if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
            found = evaluate(teacher, val)
            best = loop.keep_if_best(sum(found.values()) / len(found))
            log.info(
                "step %d val %s%s",
                step + 1,
                {k: round(v, 3) for k, v in found.items()},
                " (best)" if best else "",
            )
    loop.load_best()
    write_text(
        run.file("metrics.json"),
        json.dumps({"val": evaluate(teacher, val), "confusion": confusion(teacher, val)}, indent=1),
    )
    return teacher.eval()


def label_loss(logits: Tensor, target: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Cross entropy within each case's own label set, smoothed over that set. logits [B, C]."""
    logs = logits.masked_fill(~allowed, -1e4).log_softmax(1)
    hard = F.nll_loss(logs, target)
    soft = -(logs.masked_fill(~allowed, 0).sum(1) / allowed.sum(1)).mean()
    return (1 - smoothing) * hard + smoothing * soft
