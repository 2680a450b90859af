"""SOREB's pure parts: eight numbers each, and the gradient against the analytic one of a toy policy."""

import math

import pytest
import torch

from skingpt_r1.dermeval.training.losses import (
    WORST,
    divergence,
    moved,
    policy_loss,
    reward,
    weighted_cross_entropy,
)


def test_the_reward_is_minus_the_mean_squared_error() -> None:
    assert reward((5, 4, 3, 2, 1, 0), (5, 5, 5, 5, 5, 5)) == pytest.approx(-(0 + 1 + 4 + 9 + 16 + 25) / 6)
    assert reward((3,) * 6, (3,) * 6) == 0


def test_nothing_is_rewarded_less_than_what_cannot_be_read() -> None:
    assert reward(None, (3,) * 6) == WORST == reward((0,) * 6, (5,) * 6)


def test_the_baseline_starts_at_the_first_mean_and_follows_slowly() -> None:
    first = moved(None, -4.0, 0.9)
    assert first == -4.0
    assert moved(first, -2.0, 0.9) == pytest.approx(-3.8)


def test_cross_entropy_counts_tokens_by_their_weight() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 3.0]])
    labels, weight = torch.tensor([0, 0, 1, 1]), torch.tensor([4.0, 1.0, 1.0, 2.0])
    each = [math.log(1 + math.exp(-2)), math.log(1 + math.e), math.log(2), math.log(1 + math.exp(-3))]
    wanted = (4 * each[0] + each[1] + each[2] + 2 * each[3]) / 8
    assert float(weighted_cross_entropy(logits, labels, weight)) == pytest.approx(wanted, rel=1e-5)


def test_the_divergence_is_nought_of_the_same_and_known_of_two_coins() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5, 0.0], [0.0, 0.0, 3.0, 1.0]])
    assert float(divergence(logits, logits)) == pytest.approx(0, abs=1e-7)
    fair, loaded = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])
    wanted = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert float(divergence(fair, loaded)) == pytest.approx(wanted, rel=1e-5)


def test_the_gradient_is_that_of_the_expected_reward() -> None:
    """Every answer of a two-token policy, each as often as it is sampled: no chance is left in the check."""
    torch.manual_seed(0)
    weights = torch.randn(2, 3, requires_grad=True)  # two places, three tokens
    rewards = torch.randn(3, 3)
    chances = weights.softmax(1)
    expected = (chances[0][:, None] * chances[1][None, :] * rewards).sum()
    (analytic,) = torch.autograd.grad(expected, weights, retain_graph=True)
    total = torch.zeros_like(weights)
    for first in range(3):
        for second in range(3):
            share = float((chances[0, first] * chances[1, second]).detach())
            logs = weights.log_softmax(1)
            said = torch.stack([logs[0, first], logs[1, second]])
            advantage = rewards[first, second][None] - 0.7  # any baseline: it changes no expectation
            (one,) = torch.autograd.grad(policy_loss(said, torch.tensor([0, 0]), advantage), weights)
            total -= share * one
    assert torch.allclose(total, analytic, atol=1e-6)


def test_samples_weigh_alike_whatever_their_length() -> None:
    said = torch.tensor([-1.0, -1.0, -1.0, -2.0])
    loss = policy_loss(said, torch.tensor([0, 0, 0, 1]), torch.tensor([1.0, -1.0]))
    assert float(loss) == pytest.approx(-((-3.0) - (-2.0)) / 2)
