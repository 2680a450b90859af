"""Which diagnosis a picture speaks for, by a logistic head on the writer's visual embedding.

It is asked when a narrative is judged, and never while one is written: the writer's own text is what it is to judge.
What bites: on pictures that the visual branch was trained on it is nearly always right, so whoever learns how
far to trust it must be shown pictures of other splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from skingpt_r1.dermeval.sight import Sight

_DECAY = 1e-3  # on the weights, standardised features


class Naming:
    """names: preferred diagnoses. tensors: mean, deviation [E], weight [E, D], bias [D]."""

    def __init__(self, names: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
        self.names = tuple(names)
        self.tensors = {name: tensors[name].float() for name in ("mean", "deviation", "weight", "bias")}

    def of(self, sight: Sight) -> dict[str, float]:
        """Diagnosis -> probability by the picture; empty without one."""
        return {} if sight.embed is None else self.probabilities(sight.embed[None])[0]

    def probabilities(self, embed: Tensor) -> list[dict[str, float]]:
        """By diagnosis for each row of [B, E]; each sums to 1."""
        t = self.tensors
        scores = ((embed.float() - t["mean"]) / t["deviation"]) @ t["weight"] + t["bias"]
        return [dict(zip(self.names, row, strict=True)) for row in scores.softmax(1).tolist()]


def fit_naming(embed: Tensor, diagnoses: Sequence[str], steps: int = 60) -> Naming:
    """The head that tells these rows' diagnoses apart, every diagnosis weighing the same. embed: [N, E]."""
    names = sorted(set(diagnoses))
    truth = torch.tensor([names.index(d) for d in diagnoses])
    mean, deviation = embed.mean(0), embed.std(0).clamp_min(1e-3)
    x = (embed - mean) / deviation
    share = torch.bincount(truth, minlength=len(names)).float()
    balance = share.sum() / (len(names) * share)
    weight = torch.zeros(embed.shape[1], len(names), requires_grad=True)
    bias = torch.zeros(len(names), requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, truth, weight=balance) + _DECAY * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)
    found = {"mean": mean, "deviation": deviation, "weight": weight.detach(), "bias": bias.detach()}
    return Naming(names, found)
