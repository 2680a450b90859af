"""SOREB's pure parts: eight numbers each, and the gradient against the analytic one of a toy policy."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from skingpt_r1.dermeval.training.losses import (
    WORST,
    credit,
    divergence,
    moved,
    policy_loss,
    reward,
    weighted_cross_entropy,
)

Worth = Callable[[float, float], Tensor]
"""Advantage of the tokens of an answer, from the reward of its scores and its whole reward."""


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


def test_a_token_is_told_what_it_could_still_change() -> None:
    readable = credit(8, 5, scores=-2.0, whole=-2.0, baseline=-3.5)
    assert readable.tolist() == [1.5] * 5 + [0.0] * 3
    spoilt = credit(8, 5, scores=-2.0, whole=WORST, baseline=-3.5)
    assert spoilt.tolist() == [-21.5] * 5 + [-23.0] * 3
    lost = credit(8, 8, scores=WORST, whole=WORST, baseline=-3.5)  # no scores: every token had a hand in it
    assert lost.tolist() == [-21.5] * 8


def gradients(worth: Worth) -> tuple[Tensor, Tensor, float]:
    """(Mean gradient of the loss, the analytic one of the expected reward, scatter of the first) of a toy policy.

    Its answers have two places of three tokens. The first is the scores, the second the critique, whose last token
    cannot be read and is rare. Every answer counts as often as it is sampled: no chance is left in the check.
    """
    torch.manual_seed(0)
    weights = torch.randn(3 + 9, requires_grad=True)  # the second token's chances depend on the first
    rare = torch.tensor([0.0, 0.0, -4.0])
    logs = [weights[:3].log_softmax(0), (weights[3:].view(3, 3) + rare).log_softmax(1)]
    scores = torch.tensor([-1.0, -4.0, -9.0])
    whole = torch.stack([scores, scores, torch.full((3,), float(WORST))], 1)  # [first, second]
    chances = (logs[0][:, None] + logs[1]).exp()
    (analytic,) = torch.autograd.grad((chances * whole).sum(), weights, retain_graph=True)
    mean, square = torch.zeros_like(weights), 0.0
    for first, second in itertools.product(range(3), range(3)):
        said = torch.stack([logs[0][first], logs[1][first, second]])
        loss = policy_loss(said, worth(float(scores[first]), float(whole[first, second])), samples=1)
        (one,) = torch.autograd.grad(loss, weights, retain_graph=True)
        share = float(chances[first, second].detach())
        mean, square = mean + share * one, square + share * float(one.square().sum())
    return mean, analytic, square - float(mean.square().sum())


BASELINE = -5.0  # any: it changes no expectation


def told_all(scores: float, whole: float) -> Tensor:
    """As published: each token is told the whole reward."""
    return torch.full((2,), whole - BASELINE)


def told_to_go(scores: float, whole: float) -> Tensor:
    return credit(2, 1, scores, whole, BASELINE)


@pytest.mark.parametrize("worth", [told_all, told_to_go])
def test_the_gradient_is_that_of_the_expected_reward(worth: Worth) -> None:
    mean, analytic, _ = gradients(worth)
    assert float(analytic.abs().max()) > 0.1
    assert torch.allclose(-mean, analytic, atol=1e-5)


def test_the_gradient_scatters_less_where_the_critique_is_not_told_of_the_scores() -> None:
    assert gradients(told_to_go)[2] < 0.9 * gradients(told_all)[2]


def test_samples_weigh_alike_whatever_their_length() -> None:
    said = torch.tensor([-1.0, -1.0, -1.0, -2.0])
    loss = policy_loss(said, torch.tensor([1.0, 1.0, 1.0, -1.0]), samples=2)
    assert float(loss) == pytest.approx(-((-3.0) - (-2.0)) / 2)
