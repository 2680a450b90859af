"""Losses and rewards of DermEval's training, as pure functions.

SOREB (score-oriented REINFORCE with an exponential-moving-average baseline): the model samples a critique with
scores, earns minus the mean squared error of the scores, and each token of the sample is made likelier by as
much as the reward exceeds the baseline. The leash to the supervised model, an exact Kullback-Leibler divergence at
every written token, is ours: the paper does not tell how it keeps the text readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from skingpt_r1.dermeval.rubric import HIGHEST, LOWEST

WORST: Final = -((HIGHEST - LOWEST) ** 2)
"""The reward of an answer whose scores cannot be read: that of scores that are all as wrong as can be."""


def weighted_cross_entropy(
    logits: Tensor,  # [N, V]
    labels: Tensor,  # [N]
    weight: Tensor,  # [N]
) -> Tensor:
    """Weighted mean of the tokens' cross entropy."""
    loss = torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")
    return (loss * weight).sum() / weight.sum()


def expected_error(
    logits: Tensor,  # [N, 6] of the points 0 .. 5
    target: Tensor,  # [N]
) -> Tensor:
    """Mean squared error of the mean score, in points squared: a near miss costs less than a far one."""
    points = torch.arange(logits.shape[1], dtype=torch.float32, device=logits.device)
    return ((logits.float().softmax(1) @ points - target) ** 2).mean()


def reward(scores: Sequence[float] | None, target: Sequence[float]) -> float:
    """Minus the mean squared error, 0 at best; WORST where there are no scores."""
    if scores is None:
        return WORST
    return -sum((s - t) ** 2 for s, t in zip(scores, target, strict=True)) / len(target)


def moved(baseline: float | None, mean: float, momentum: float) -> float:
    """The baseline after a step with this mean reward: an exponential moving average that starts at the first one."""
    return mean if baseline is None else momentum * baseline + (1 - momentum) * mean


def policy_loss(
    log_probability: Tensor,  # [N] of each sampled token
    owner: Tensor,  # [N] which sample of the batch a token belongs to
    advantage: Tensor,  # [B] reward less baseline
) -> Tensor:
    """REINFORCE: minus the mean over samples of advantage times the log probability of the whole sample."""
    return -(advantage[owner] * log_probability).sum() / advantage.numel()


def divergence(logits: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) in nats, mean over tokens. logits, reference: [N, V]."""
    ours, theirs = logits.float().log_softmax(1), reference.float().log_softmax(1)
    return (ours.exp() * (ours - theirs)).sum(1).mean()
