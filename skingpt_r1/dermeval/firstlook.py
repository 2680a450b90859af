"""A first look at a narrative: six scores from what can be counted, before anything is read.

A small network over the numbers of `counts`. Its probabilities of 0 .. 5 are multiplied into those of the language
model where the scores are written, so that the reader has to learn only what counting does not tell. Alone it is
the baseline that the reader must beat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skingpt_r1.dermeval.rubric import DIMENSIONS, HIGHEST, LOWEST
from skingpt_r1.dermeval.training.losses import expected_error

_POINTS: Final = int(HIGHEST - LOWEST) + 1
_HIDDEN: Final = 96
_DROPPED: Final = 0.3
_FARTHEST: Final = 5.0  # deviations from the mean, so that an odd text cannot carry a number away
_LEAST_DEVIATION: Final = 0.02
_BATCH: Final = 64
_LAYERS: Final = ("0", "1", "2")

Counts = Mapping[str, float]


class FirstLook:
    """names: of the numbers, F of them. tensors: mean, deviation [F]; three layers' weight and bias."""

    def __init__(self, names: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
        self.names = tuple(names)
        wanted = {"mean", "deviation", *(f"{part}{layer}" for layer in _LAYERS for part in ("weight", "bias"))}
        self.tensors = {name: tensors[name].float() for name in sorted(wanted)}

    def logits(self, counted: Sequence[Counts]) -> Tensor:
        """[B, 6, 6]: log probability of 0 .. 5 in each dimension, in the rubric's order."""
        t = self.tensors
        x = _scaled(_vectors(counted, self.names), t["mean"], t["deviation"])
        for layer in _LAYERS:
            x = F.linear(x, t[f"weight{layer}"], t[f"bias{layer}"])
            x = F.gelu(x) if layer != _LAYERS[-1] else x
        return x.view(len(counted), len(DIMENSIONS), _POINTS).log_softmax(2)


def fit_first_look(
    counted: Sequence[Counts], scores: Sequence[Sequence[int]], seed: int = 0, epochs: int = 40
) -> FirstLook:
    """The network that finds the scores (0 .. 5, six each) of these narratives; the same seed fits the same one."""
    names = sorted({name for counts in counted for name in counts})
    x, target = _vectors(counted, names), torch.tensor([list(s) for s in scores])
    mean, deviation = x.mean(0), x.std(0).clamp_min(_LEAST_DEVIATION)
    x = _scaled(x, mean, deviation)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        linear = [
            nn.Linear(len(names), _HIDDEN),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.Linear(_HIDDEN, len(DIMENSIONS) * _POINTS),
        ]
        hidden = [module for layer in linear[:-1] for module in (layer, nn.GELU(), nn.Dropout(_DROPPED))]
        net = nn.Sequential(*hidden, linear[-1])
        steps = epochs * max(1, len(x) // _BATCH)
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.03)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for _ in range(steps):
            rows = torch.randint(len(x), (_BATCH,))
            logits, wanted = net(x[rows]).view(-1, _POINTS), target[rows].flatten()
            loss = F.cross_entropy(logits, wanted) + 0.3 * expected_error(logits, wanted.float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    tensors = {"mean": mean, "deviation": deviation}
    for name, layer in zip(_LAYERS, linear, strict=True):
        tensors |= {f"weight{name}": layer.weight.detach(), f"bias{name}": layer.bias.detach()}
    return FirstLook(names, tensors)


def _vectors(counted: Sequence[Counts], names: Sequence[str]) -> Tensor:
    """[B, F]; a name that was not counted is 0, one that the network does not know is passed over."""
    return torch.tensor([[float(counts.get(name, 0.0)) for name in names] for counts in counted])


def _scaled(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return ((x - mean) / deviation).clamp(-_FARTHEST, _FARTHEST)
