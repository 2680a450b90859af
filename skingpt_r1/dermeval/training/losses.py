"""Losses and rewards of DermEval's training, as pure functions.

SOREB (score-oriented REINFORCE with an exponential-moving-average baseline): the model samples scores with a
critique, earns minus the mean squared error of the scores, and each token of the sample is made likelier by as
much as the reward exceeds the baseline. Two things are ours. The leash to the supervised model, an exact
Kullback-Leibler divergence at every written token: the paper does not tell how it keeps the text readable. And the
credit of tokens after the scores (`credit`): they cannot change what the scores earn, so they are not told it.
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


def credit(length: int, scored: int, scores: float, whole: float, baseline: float) -> Tensor:
    """What each token of an answer is told that it was worth, [length]: what it could still change ("reward to go").

    scores: the reward of the first `scored` tokens, up to the last score, were the rest readable. whole: the reward.
    Those tokens get the whole reward less the baseline. The ones after them get what reading them cost: 0, or WORST
    less `scores`. They have no baseline: with a share p of answers spoilt, an average would take the variance from p
    to p(1 - p), and p is small.
    """
    worth = torch.full((length,), whole - scores)
    worth[:scored] = whole - baseline
    return worth


def policy_loss(
    log_probability: Tensor,  # [N] of each sampled token
    advantage: Tensor,  # [N]
    samples: int,
) -> Tensor:
    """REINFORCE: minus the sum over tokens of advantage times log probability, a mean over the sampled answers."""
    return -(advantage * log_probability).sum() / samples


def divergence(logits: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) in nats, mean over tokens. logits, reference: [N, V]."""
    ours, theirs = logits.float().log_softmax(1), reference.float().log_softmax(1)
    return (ours.exp() * (ours - theirs)).sum(1).mean()
