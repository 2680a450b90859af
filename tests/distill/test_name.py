"""The soft words: what they are pulled towards, and that they see what the encoder's last layer forgets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skingpt_r1.distill.name import Phrases, word_loss
from skingpt_r1.models.heads import Connector, VisualOutput

PHRASES = Phrases(
    embedded=[torch.eye(3, 5), torch.eye(2, 5)],
    chosen=torch.tensor([[0, -1], [2, 1]]),
    prior=[torch.zeros(3), torch.zeros(2)],
)
ROWS = torch.tensor([0, 1])


def said(*places: int) -> Tensor:
    """Soft words of two rows with two slots each that say the phrases at these places."""
    return torch.stack([PHRASES.embedded[i % 2][place] for i, place in enumerate(places)]).reshape(2, 2, 5)


def test_a_word_that_says_its_phrase_costs_next_to_nothing() -> None:
    assert float(word_loss(said(0, 0, 2, 1), PHRASES, ROWS)) == pytest.approx(0, abs=1e-5)


def test_an_unknown_slot_costs_nothing_whatever_it_says() -> None:
    assert word_loss(said(0, 1, 2, 1), PHRASES, ROWS) == word_loss(said(0, 0, 2, 1), PHRASES, ROWS)


def test_another_phrase_of_the_slot_costs_more_than_their_mean_and_that_more_than_the_phrase() -> None:
    right, wrong = said(0, 0, 2, 1), said(1, 0, 2, 1)
    mean = right.clone()
    mean[0, 0] = PHRASES.embedded[0].mean(0)
    losses = [float(word_loss(words, PHRASES, ROWS)) for words in (right, mean, wrong)]
    assert losses == sorted(losses)
    assert losses[1] > 0.3  # the mean says nothing, and cosine alone (0.42 away) would hardly mind


def test_a_rare_phrase_need_not_outdo_a_common_one() -> None:
    """With the prior added, a word that is undecided between the two pays less for the common one."""
    undecided = torch.tensor([[[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]])
    prior = torch.tensor([0.98, 0.01, 0.01]).log()
    phrases = [PHRASES._replace(chosen=torch.tensor([[place, -1]]), prior=[prior, prior]) for place in (0, 1)]
    losses = [float(word_loss(undecided, p, ROWS[:1])) for p in phrases]
    assert losses[1] - losses[0] == pytest.approx(float(prior[0] - prior[1]), rel=1e-4)


def test_a_slot_that_nobody_knows_is_left_out() -> None:
    nobody = PHRASES._replace(
        embedded=[torch.eye(3, 5), torch.zeros(0, 5)],
        chosen=torch.tensor([[0, -1], [2, -1]]),
        prior=[torch.zeros(3), torch.zeros(0)],
    )
    assert torch.isfinite(word_loss(said(0, 0, 2, 1), nobody, ROWS))


def test_soft_words_depend_on_the_early_patches() -> None:
    torch.manual_seed(0)
    connector = Connector(embed=8, early=4, hidden=6, slots=2, inner=5)
    patches, early = torch.randn(1, 9, 8), torch.randn(1, 9, 4)
    visual = VisualOutput(patches, patches.mean(1), patches.mean(1), early)
    words = connector(visual)
    assert words.shape == (1, 2, 6)
    assert not torch.allclose(words, connector(visual._replace(early=early.flip(2))))
