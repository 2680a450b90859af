"""The joint objective really trains what it should, on three real pictures' worth of tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch

from skingpt_r1.distill.lessons import Lesson
from skingpt_r1.distill.losses import Alignment, distillation_loss, total_loss
from skingpt_r1.distill.write import narrative_loss
from skingpt_r1.models.embedded import Embedded
from skingpt_r1.records import History

TEXT = "<think>\n[observation] Dermoscopic image of a small lesion.\n</think>\n<answer>melanoma | low | soon</answer>"


class Taught:
    def narrative(self, row: int, rng: random.Random, history: bool) -> Lesson:
        return Lesson(History(age=50) if history else History(), TEXT)

    def words(self, row: int) -> Sequence[str | None]:
        return ("melanoma",)


@pytest.fixture(scope="module")
def model() -> Embedded:
    torch.manual_seed(0)
    return Embedded()


@pytest.mark.slow
def test_one_step_moves_every_adapter_and_nothing_frozen(model: Embedded) -> None:
    trained = model.trained()
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    torch.manual_seed(1)
    visual = model.look(torch.randn(2, 88, 17, 17))
    lessons = [Taught().narrative(0, random.Random(0), history) for history in (True, False)]
    loss = total_loss(narrative_loss(model, visual, lessons), distillation_loss(visual.proj, torch.randn(2, 1024)))
    loss.backward()
    # LoRA's B starts at zero, so A gets no gradient at the first step (Hu et al. 2021)
    silent = [n for n, p in trained.items() if (p.grad is None or not p.grad.any()) and "lora_A" not in n]
    still = [n for n in silent if not n.startswith(("encoder.adapters", "visual.adapters"))]  # zero-initialised too
    assert still == []
    torch.optim.SGD(list(trained.values()), lr=0.1).step()
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)
    for p in trained.values():
        p.grad = None


@pytest.mark.slow
@torch.inference_mode()
def test_published_alignment_differs_only_at_the_first_answer_token(model: Embedded) -> None:
    torch.manual_seed(2)
    model.vocabulary.up.weight.normal_(std=0.1)
    visual = model.look(torch.randn(1, 88, 17, 17))
    lesson = [Taught().narrative(0, random.Random(0), False)]
    ours = narrative_loss(model, visual, lesson)
    published = narrative_loss(model, visual, lesson, Alignment.PUBLISHED)
    assert not torch.isclose(ours, published)
