"""Train the segmenter's decoder on frozen maps, and measure it on lesions it has never seen.

Expert masks of HAM10000 teach the outline; students' boxes of PAD-UFES-20 teach, weakly, what a lesion on a
clinical photo is. The official `val` rows are the test here, because no `test` row has a mask; stopping
is decided on a tenth of the training lesions that is kept back.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from skingpt_r1.distill.drawn import DATASET, drawn_cases
from skingpt_r1.distill.masked import Batch, MaskedMaps, Outlined, held_out, outlined_cases, rows_of
from skingpt_r1.distill.run import Loop, RunFolder, data_hash
from skingpt_r1.models.precision import STORED_ADAPTER
from skingpt_r1.models.segmenter import SHIPPED, SegmentationHead, frozen_encoder
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentConfig:
    """Training of the segmentation head.

    The shipped one has these settings but for `pictures` (2,752 drawn at random); its header says so.
    """

    steps: int = field(default=700, metadata={"help": "optimiser steps"})
    batch: int = field(default=16, metadata={"help": "pictures a step"})
    rate: float = field(default=3e-3, metadata={"help": "peak learning rate"})
    decay: float = field(default=0.02, metadata={"help": "weight decay"})
    copies: int = field(default=1, metadata={"help": "augmented copies of each picture"})
    pictures: int = field(default=0, metadata={"help": "use only so many training pictures, 0 for all"})
    drawn: int = field(default=192, metadata={"help": "drawn lesions beside the photos"})
    box_weight: float = field(default=0.5, metadata={"help": "weight of the loss of rows with a box only"})
    held_out: int = field(default=10, metadata={"help": "percent of training lesions that decide when to stop"})
    evaluate_every: int = field(default=100, metadata={"help": "steps between evaluations on them"})
    seed: int = field(default=0, metadata={"help": "seed of order, augmentation and initialisation"})


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy plus one minus soft Dice, a row each. logits, target [B, H, W] -> [B]."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2))
    chance = logits.sigmoid()
    shared = (chance * target).sum((1, 2))
    dice = (2 * shared + 1) / (chance.sum((1, 2)) + target.sum((1, 2)) + 1)
    return entropy + 1 - dice


def box_loss(logits: Tensor, box: Tensor, area: Tensor) -> Tensor:
    """What a box and an area tell of a mask, a row each. logits, box [B, H, W], area [B] -> [B].

    Nothing outside the box; every row and column of the box touched somewhere (projections, Tian et
    al. 2021, BoxInst); the lesion's share of the picture as told.
    """
    chance = logits.sigmoid()
    outside = F.softplus(logits) * (1 - box)
    loss = outside.mean((1, 2)) + (chance.mean((1, 2)) - area).abs() * 2
    for axis in (1, 2):
        seen, told = chance.amax(axis), box.amax(axis)
        shared = (seen * told).sum(1)
        loss = loss + 0.5 * (1 - (2 * shared + 1) / (seen.square().sum(1) + told.square().sum(1) + 1))
    return loss


def loss_of(logits: Tensor, batch: Batch, box_weight: float) -> Tensor:
    """Mean over the rows, each judged by what is known of it."""
    boxed = batch.area >= 0
    total = logits.new_zeros(())
    if (~boxed).any():
        total = total + mask_loss(logits[~boxed], batch.target[~boxed]).sum()
    if boxed.any():
        total = total + box_weight * box_loss(logits[boxed], batch.target[boxed], batch.area[boxed]).sum()
    return total / len(boxed)


def dice_and_iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Overlap of two masks of one shape; two empty ones agree."""
    shared, sizes = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    if sizes == 0:
        return 1.0, 1.0
    return 2 * shared / sizes, shared / (sizes - shared)


def box_iou(found: NDArray[np.bool_], box: Sequence[float]) -> float:
    """IoU of the box around a mask with a box in shares of the picture; 0 for an empty mask."""
    if not found.any():
        return 0.0
    height, width = found.shape
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    mine = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    w = min(mine[2], box[2]) - max(mine[0], box[0])
    h = min(mine[3], box[3]) - max(mine[1], box[1])
    shared = float(max(w, 0.0) * max(h, 0.0))
    areas = [float((b[2] - b[0]) * (b[3] - b[1])) for b in (mine, box)]
    return shared / (sum(areas) - shared)


@torch.inference_mode()
def score(head: SegmentationHead, data: Batch, rows: Tensor) -> dict[str, float]:
    """Over `rows`: mean Dice of those with a mask, mean box IoU of those with a box, on the small grid."""
    head.eval()
    dices, boxes = [], []
    for part in torch.split(rows, 32):
        batch = rows_of(data, part)
        for found, target, area in zip(head(batch.maps) > 0, batch.target, batch.area, strict=True):
            if area < 0:
                dices.append(dice_and_iou(found.numpy(), target.numpy() >= 0.5)[0])
                continue
            down, across = (torch.nonzero((target > 0).any(axis)).flatten() / target.shape[0] for axis in (1, 0))
            step = 1 / target.shape[0]
            box = (float(across[0]), float(down[0]), float(across[-1]) + step, float(down[-1]) + step)
            boxes.append(box_iou(found.numpy(), box))
    told = {"dice": dices, "box_iou": boxes}
    return {name: float(np.mean(values)) for name, values in told.items() if values}


def training_order(cases: Sequence[Outlined], seed: int) -> list[Outlined]:
    """By hash: any first part is a fair sample, and dropping a case moves no other."""
    return sorted(cases, key=lambda o: hashlib.sha256(f"{seed} {o.case.dataset}/{o.case.id}".encode()).digest())


def train_segmenter(
    config: SegmentConfig,
    out: Path,
    resume: bool = False,
    *,
    cache: Path | None = None,
    root: Path | None = None,
    dropped: frozenset[str] = frozenset(),
) -> Path:
    """Train, keep the best on the held-out lesions; returns the file with the weights (in `out`).

    cache: where the frozen maps are kept, `out`/maps by default. dropped: "dataset/id" of rows to leave out.
    """
    cases = training_order(outlined_cases("train", root, dropped), config.seed)
    cases = cases[: config.pictures] if config.pictures else cases
    cases += [Outlined(case) for case in drawn_cases(config.drawn)]
    run = RunFolder(out, asdict(config), data_hash(o.case for o in cases), resume)
    maps = MaskedMaps(cache or out / "maps", cases, range(1, config.copies + 1), config.seed)
    data = maps.build(frozen_encoder()).load()
    kept_back = torch.tensor(
        [o.case.dataset != DATASET and held_out(o.case.group or o.case.id, config.held_out) for o in cases]
    )
    stopping = torch.nonzero(kept_back).flatten()
    learning = torch.nonzero((~kept_back).repeat(config.copies)).flatten()
    torch.manual_seed(config.seed)
    head = SegmentationHead().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head.standardise_by([m[learning[:512]] for m in data.maps])
    parameters = dict(head.named_parameters())
    optimiser = torch.optim.AdamW(parameters.values(), config.rate, weight_decay=config.decay)
    loop = Loop(run, parameters, optimiser, config.steps, config.seed, save_every=config.evaluate_every)
    for step in loop:
        head.train()
        rng = np.random.default_rng([config.seed, step])
        batch = rows_of(data, learning[torch.from_numpy(rng.integers(0, len(learning), config.batch))])
        loop.update(loss_of(head(batch.maps), batch, config.box_weight))
        if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
            found = score(head, data, stopping)
            best = loop.keep_if_best(found.get("dice", 0.0) + 0.2 * found.get("box_iou", 0.0))
            log.info("step %d held out %s%s", step + 1, found, " (best)" if best else "")
    loop.load_best()
    write_text(
        run.file("metrics.json"),
        json.dumps({"held_out": score(head, data, stopping), "n": int(kept_back.sum())}),
    )
    target = run.file(SHIPPED)
    stored = {name: value.to(STORED_ADAPTER) for name, value in head.state_dict().items()}
    save_tensors(target, stored, {"kind": "segmenter", "pictures": str(len(cases)), "config": json.dumps(vars(config))})
    return target
