"""The joint objective really trains what it should, on three real pictures' worth of tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch

from skingpt_r1.distill.lessons import Lesson, decisions, findings
from skingpt_r1.distill.losses import Alignment, distillation_loss, total_loss
from skingpt_r1.distill.write import narrative_loss
from skingpt_r1.models.embedded import Embedded
from skingpt_r1.records import History

TEXT = (
    "<think>\n[observation] Dermoscopic image of a small lesion.\n[category] melanocytic, malignant suspected.\n"
    "[differential] melanoma: for small size. melanocytic nevus: nothing decisive.\n"
    "[synthesis] Nothing here decides.\n</think>\n<answer>melanoma | low | soon</answer>"
)


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
    language, _ = narrative_loss(model, visual, lessons, decision_weight=8)
    loss = total_loss(language, distillation_loss(visual.proj, torch.randn(2, 1024)))
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
    ours, _ = narrative_loss(model, visual, lesson)
    published, _ = narrative_loss(model, visual, lesson, Alignment.PUBLISHED)
    assert not torch.isclose(ours, published)


def test_decisions_are_the_category_the_first_hypothesis_and_the_answer() -> None:
    assert [TEXT[start:end] for start, end in decisions(TEXT)] == [
        "melanocytic, malignant suspected", "melanoma", "melanoma",
    ]  # fmt: skip
    given = TEXT.replace("suspected.", "suspected given small size.")
    assert next(given[start:end] for start, end in decisions(given)) == "melanocytic, malignant suspected"


def test_findings_are_the_claims_of_the_observation_denials_included() -> None:
    text = TEXT.replace("lesion.", "lesion. It shows no black areas and a regular border. History: no itching.", 1)
    assert [text[start:end] for start, end in findings(text)] == [
        "Dermoscopic image", "small lesion", "no black areas", "regular border", "no itching",
    ]  # fmt: skip


@pytest.mark.slow
@torch.inference_mode()
def test_a_large_weight_leaves_the_loss_of_the_deciding_tokens(model: Embedded) -> None:
    torch.manual_seed(3)
    visual = model.look(torch.randn(1, 88, 17, 17))
    lesson = [Taught().narrative(0, random.Random(0), False)]
    plain, decision = narrative_loss(model, visual, lesson)
    weighted, _ = narrative_loss(model, visual, lesson, decision_weight=1e6)
    assert torch.isclose(weighted, decision, rtol=1e-3)
    assert not torch.isclose(plain, decision, rtol=1e-2)
