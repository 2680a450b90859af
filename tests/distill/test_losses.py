"""The objective, with numbers small enough to check by hand."""

from __future__ import annotations

import math

import pytest
import torch

from skingpt_r1.distill.losses import Alignment, bias_positions, distillation_loss, language_loss, total_loss

LABELS = torch.tensor([[-100, -100, 1, 0]])


def test_bias_goes_to_the_positions_that_predict() -> None:
    assert bias_positions(LABELS).tolist() == [[False, True, True, False]]


def test_published_alignment_is_one_later() -> None:
    assert bias_positions(LABELS, Alignment.PUBLISHED).tolist() == [[False, False, True, True]]


def test_language_loss_of_flat_logits_is_the_logarithm_of_the_vocabulary() -> None:
    assert language_loss(torch.zeros(1, 4, 2), None, LABELS).item() == pytest.approx(math.log(2))


def test_bias_reaches_the_first_answer_token_only_when_aligned_with_prediction() -> None:
    bias = torch.tensor([[0.0, 4.0]])  # for token 1, the first supervised one
    first_only = torch.tensor([[-100, -100, 1, -100]])
    aligned = language_loss(torch.zeros(1, 4, 2), bias, first_only).item()
    published = language_loss(torch.zeros(1, 4, 2), bias, first_only, Alignment.PUBLISHED).item()
    assert aligned == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-4)
    assert published == pytest.approx(math.log(2))


def test_distillation_is_ten_times_one_minus_cosine() -> None:
    ours = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    teacher = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    assert distillation_loss(ours, teacher).item() == pytest.approx(10 * (0 + 1) / 2)


def test_a_missing_teacher_feature_is_an_error_not_zeros() -> None:
    with pytest.raises(ValueError, match="missing"):
        distillation_loss(torch.ones(2, 3), torch.tensor([[1.0, 0, 0], [0, 0, 0]]))


def test_total_uses_the_published_weight() -> None:
    assert total_loss(torch.tensor(2.0), torch.tensor(5.0)).item() == pytest.approx(2.5)
    assert total_loss(None, torch.tensor(5.0)).item() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="nothing to train"):
        total_loss(None, None)
