"""Is this a picture that the model may judge at all? Not skin, unusable, or skin without a spot: refused, and why.

Three things are asked. Quality (colour, texture, light), the segmenter (is there a lesion?), and the gate proper: how
far the picture's frozen features lie from those of training pictures, and on which side. It has three scores, each
with its own limit: the distance from the centre of the in-scope pictures within their plane (`PLANE` dimensions), the
distance from that plane, and a small logistic model of both and of the coordinates. The distances answer for kinds of
picture that nobody thought of; the coordinates tell skin with a lesion from skin without. Features are those that the
expert heads compute anyway, so a refusal costs nothing.

What bites: it knows what its training pictures are unlike, not what disease is. Rashes and infections look much like
skin with a lesion; no open pictures of them were there to fit or to test it on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from skingpt_r1.images.quality import QualityReport
from skingpt_r1.models.encoder import CHANNELS, LOWER_CHANNELS
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import SkinGPTError

SHIPPED: Final = "gate.safetensors"
PLANE: Final = 48
USED: Final = slice(5 * LOWER_CHANNELS, 5 * LOWER_CHANNELS + CHANNELS)  # of `concepts.pooled`: the last map's means
UNLIKE: Final = (
    "The picture is unlike all that the model was taught on: it may show no skin, or skin without a single spot, or a "
    "disease that the model does not know."
)
NO_LESION: Final = "No lesion could be outlined in this picture."
_NOT_SKIN: Final = frozenset({"no skin", "no colour"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """name: "quality", "no lesion" or "unlike". reason: a sentence. outside: no better photo of this would help."""

    name: str
    reason: str
    outside: bool


class Gate:
    """mean, deviation: of the features, [D]. plane: orthonormal rows [K, D]. spread: deviation along each row, [K].

    weight: [K + 2], bias: [1], on (coordinates / spread, log distance within, log distance from the plane). limits: of
    the logistic score and of both log distances, [3]: where one is reached, the picture is refused.
    """

    def __init__(self, tensors: Mapping[str, Tensor], limits: Sequence[float]) -> None:
        self.mean, self.deviation = tensors["mean"].float(), tensors["deviation"].float()
        self.plane, self.spread = tensors["plane"].float(), tensors["spread"].float()
        self.weight, self.bias = tensors["weight"].float(), tensors["bias"].float()
        self.limits = tuple(limits)

    def score(self, features: Tensor) -> float:
        """How far beyond the limit that it passes furthest, in logits or log distance; refused from 0 on.

        features: of `ConceptHeads.features`, [D'].
        """
        return float((scores(features[None, USED], self)[0] - torch.tensor(self.limits)).max())

    def refuses(self, features: Tensor) -> bool:
        """Whether a limit is reached."""
        return self.score(features) >= 0


def scores(features: Tensor, gate: Gate) -> Tensor:
    """[N, D] -> [N, 3]: the logistic score, the log distance within the plane, and that from it."""
    known = evidence(features, gate)
    return torch.cat([(known @ gate.weight + gate.bias)[:, None], known[:, -2:]], 1)


def evidence(features: Tensor, gate: Gate) -> Tensor:
    """[N, D] -> [N, K + 2], what the logistic model weighs."""
    scaled = (features - gate.mean) / gate.deviation
    inside = scaled @ gate.plane.T
    rest = (scaled.square().sum(1) - inside.square().sum(1)).clamp_min(1e-6)
    coordinates = inside / gate.spread
    within = coordinates.square().sum(1).clamp_min(1e-6)
    return torch.cat([coordinates, within.log()[:, None], rest.log()[:, None]], 1)


def refusals(quality: QualityReport, lesion: bool, features: Tensor, gate: Gate | None) -> tuple[Refusal, ...]:
    """Every reason not to judge a picture; none where it may be judged. lesion: whether one could be outlined.

    gate: None for adapters that come without one.
    """
    found = [Refusal("quality", i.advice, i.name in _NOT_SKIN) for i in quality.issues if i.blocking]
    if not lesion:
        found.append(Refusal("no lesion", NO_LESION, True))
    if gate is not None and gate.refuses(features):
        found.append(Refusal("unlike", UNLIKE, True))
    return tuple(found)


def save(path: Path, gate: Gate, about: Mapping[str, object]) -> None:
    """Write the gate in half precision with how it was fitted; `load` gives back exactly what later decides."""
    tensors = {name: getattr(gate, name).half() for name in ("mean", "deviation", "plane", "spread", "weight", "bias")}
    save_tensors(path, tensors, {"limits": json.dumps(gate.limits), "about": json.dumps(about)})


def load(path: Path) -> Gate | None:
    """The gate, None where there is no file: adapters of one's own need none. Raises SkinGPTError on another file."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Gate(tensors, json.loads((file.metadata() or {})["limits"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise SkinGPTError(
            f"{path}: no gate of this version ({error!r}). Reinstall, or fit it again: skingpt trust fit-gate."
        ) from error
