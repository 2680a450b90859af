"""The evidence map finds the part that the diagnosis rests on, and only that part."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skingpt_r1.models import occlusion


def test_the_map_is_highest_where_the_push_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "push", lambda model, lower, names: lower[:, 0, 8, 8])
    lower = torch.zeros(1, 88, 17, 17)
    lower[0, 0, 8, 8] = 5.0
    found = occlusion.evidence_map(None, lower, "melanoma", ["melanoma", "melanocytic nevus"])
    assert found.shape == (17, 17)
    assert found[8, 8] == found.max() == 1
    assert found[0, 0] == found[16, 16] == 0


def test_a_part_that_speaks_against_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "push", lambda model, lower, names: -lower[:, 0, 8, 8])
    lower = torch.zeros(1, 88, 17, 17)
    lower[0, 0, 8, 8] = 5.0
    assert not occlusion.evidence_map(None, lower, "melanoma", ["melanoma"]).any()


def test_every_position_is_covered_by_some_window() -> None:
    covered, where = occlusion._covered(torch.rand(1, 88, 17, 17))
    assert covered.shape == (25, 88, 17, 17)
    assert bool((where.sum(0) > 0).all())


@pytest.mark.slow
@torch.inference_mode()
def test_the_push_compares_the_named_diagnosis_with_the_others() -> None:
    from skingpt_r1.models.embedded import Embedded

    torch.manual_seed(0)
    model = Embedded().eval()
    model.vocabulary.up.weight.normal_(std=0.1)
    lower: Tensor = torch.rand(1, 88, 17, 17)
    names = ["melanoma", "melanocytic nevus", "basal cell carcinoma"]
    pushes = [float(occlusion.push(model, lower, [n, *(o for o in names if o != n)])) for n in names]
    assert sum(pushes) == pytest.approx(0, abs=1e-3)  # what one gains over the others, they lose
    assert len({round(p, 4) for p in pushes}) == 3
