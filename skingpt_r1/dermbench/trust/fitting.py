"""Fitting the gate (models/gate.py) on training and validation rows, and on pictures that are none of its business.

In-scope training rows give the plane and its spread; other in-scope training rows and the pictures out of scope give
the logistic model; in-scope validation rows give the limits: of no data set does a score refuse more than a share
`REFUSED` of them. `PLANE` and `STIFFNESS` were chosen on the fitting's own pictures, by leaving out one kind after the
other. No test row, no kind and no source picture that is kept for the test is seen.
"""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from scipy.optimize import minimize
from torch import Tensor

from skingpt_r1.dermbench.trust.outside import Outside, Use, expert_outline, outside, plain_skin
from skingpt_r1.distill.data import gather
from skingpt_r1.models import gate as gates
from skingpt_r1.models.embedding import embedder
from skingpt_r1.models.encoder import IMAGE_SIZE, Encoder, to_pixels
from skingpt_r1.models.gate import Gate, evidence
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.models.weights import load_named, save_named
from skingpt_r1.records import Case

log = logging.getLogger(__name__)
REFUSED: Final = (0.006, 0.002, 0.002)  # of validation rows, by the logistic score and by each distance
STIFFNESS: Final = 3.0  # of the logistic weights towards zero
PLAIN: Final = 4  # times as many of plain skin, the hardest kind, as of each other
_BATCH: Final = 16


def fit_gate(out: Path, runs: Path, root: Path | None, each: int, seed: int = 0) -> dict[str, Any]:
    """Write OUT/gate.safetensors; returns what it was fitted on and how it does there.

    runs: the folder with the cached embeddings of all rows (made where they are missing). each: pictures a kind.
    """
    found = gather(root, runs)
    usable = [case for i, case in enumerate(found.cases) if i in found.usable]
    embed = embedder(runs / "embeddings.safetensors")
    sets = list(dict.fromkeys(c.dataset for c in usable if c.split == "val"))
    train = torch.from_numpy(embed([Path(c.image) for c in usable if c.split == "train"]))
    val = {
        name: torch.from_numpy(embed([Path(c.image) for c in usable if c.split == "val" and c.dataset == name]))
        for name in sets
    }
    families, foreign = _foreign([c for c in usable if c.split == "train"], each, seed, out / "outside.safetensors")
    gate = fitted(train, list(val.values()), foreign, seed)
    hit = refused(foreign, gate)
    about: dict[str, Any] = {
        "train rows": len(train),
        "val rows": {name: len(rows) for name, rows in val.items()},
        "outside": {name: families.count(name) for name in dict.fromkeys(families)},
        "passed of val": {name: round(float(1 - refused(rows, gate).mean()), 4) for name, rows in val.items()},
        "refused of what it was fitted on": {
            name: round(float(hit[[f == name for f in families]].mean()), 4) for name in dict.fromkeys(families)
        },
        "seed": seed,
    }
    gates.save(out / gates.SHIPPED, gate, about)
    return about


def fitted(train: Tensor, val: Sequence[Tensor], foreign: Tensor, seed: int = 0) -> Gate:
    """The gate from features [N, D], rounded as it ships. val: one tensor a data set, so that none is refused more."""
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    third = len(train) // 3
    base, rest = train[order[third:]], train[order[:third]]
    deviation, mean = torch.std_mean(base, 0)
    deviation = deviation.clamp_min(1e-3)
    scaled = (base - mean) / deviation
    directions = torch.linalg.eigh(scaled.T @ scaled / len(scaled))[1].flip(1)[:, : gates.PLANE].T
    spread = (scaled @ directions.T).std(0)
    start = {
        "mean": mean, "deviation": deviation, "plane": directions, "spread": spread,
        "weight": torch.zeros(gates.PLANE + 2), "bias": torch.zeros(1),
    }  # fmt: skip
    half = {name: tensor.half() for name, tensor in start.items()}
    flat = Gate(half, (0.0, 0.0, 0.0))
    weight, bias = _logistic(evidence(rest, flat).numpy(), evidence(foreign, flat).numpy())
    half |= {"weight": torch.from_numpy(weight).half(), "bias": torch.tensor([bias]).half()}
    found = [gates.scores(rows, Gate(half, flat.limits)).numpy() for rows in val]
    limits = [max(float(np.quantile(s[:, i], 1 - share)) for s in found) for i, share in enumerate(REFUSED)]
    return Gate(half, limits)


def _logistic(inside: np.ndarray, outside_: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights [K] and bias; both sides weigh the same, and weights are kept small in units of each column's spread."""
    columns = np.concatenate([inside, outside_]).astype(float)
    middle, scale = inside.mean(0), inside.std(0) + 1e-9
    columns = (columns - middle) / scale
    sign = np.concatenate([-np.ones(len(inside)), np.ones(len(outside_))])
    share = np.where(sign > 0, 1 / len(outside_), 1 / len(inside)) * 500

    def cost(x: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (columns @ x[1:] + x[0])
        pull = -share * sign / (1 + np.exp(np.clip(margin, -500, 500)))
        gradient = np.concatenate([[pull.sum()], columns.T @ pull + STIFFNESS * x[1:]])
        return float((share * np.logaddexp(0, -margin)).sum() + STIFFNESS / 2 * (x[1:] ** 2).sum()), gradient

    found = minimize(cost, np.zeros(columns.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    weight = found[1:] / scale
    return weight.astype(np.float32), float(found[0] - weight @ middle)


def refused(features: Tensor, gate: Gate) -> np.ndarray:
    """Which of [N, D] reach a limit, bool [N]."""
    hit: np.ndarray = (gates.scores(features, gate) >= torch.tensor(gate.limits)).any(1).numpy()
    return hit


def _foreign(train: Sequence[Case], each: int, seed: int, cache: Path) -> tuple[list[str], Tensor]:
    """(family, features [N, D]) of pictures out of scope; kept in `cache` under the settings they were drawn with."""
    about = f"{each} {seed} {len(train)}"
    try:
        names, tensors = load_named(cache)
        if names[0] == about:
            return names[1:], tensors["features"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        pass
    masked = [case for case in train if case.mask is not None]
    random.Random(seed).shuffle(masked)
    skin = itertools.islice(plain_skin(masked, expert_outline, "plain skin", True, seed), PLAIN * each)
    families: list[str] = []
    parts: list[Tensor] = []
    encoder = frozen_encoder()
    for batch in _batches(itertools.chain(outside(Use.FIT, each, seed), skin)):
        families += [picture.family for picture in batch]
        parts.append(_features(encoder, [picture.pixels for picture in batch]))
        log.info("%d pictures out of scope, last: %s", len(families), families[-1])
    features = torch.cat(parts)
    save_named(cache, [about, *families], {"features": features})
    return families, features


def _batches(pictures: Iterator[Outside]) -> Iterator[list[Outside]]:
    while batch := list(itertools.islice(pictures, _BATCH)):
        yield batch


@torch.inference_mode()
def _features(encoder: Encoder, pictures: Sequence[np.ndarray]) -> Tensor:
    """What `ConceptHeads.features` has at `gate.USED`, of many pictures: [N, 1280]."""
    squares = np.stack([centre_square(pixels, IMAGE_SIZE) for pixels in pictures])
    maps: Tensor = encoder(to_pixels(torch.from_numpy(squares)))
    return maps.mean((2, 3))
