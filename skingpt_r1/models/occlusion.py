"""Where the evidence for a diagnosis lies: cover one part of the picture after another, and look again.

What is watched is the push that the picture gives to the words of the diagnosis (the vocabulary bias), against that
of the other diagnoses that were possible. Windows of the lower map are covered, not of the photo: a sixteenth
of the work, and a position there still sees little but its own surroundings, which no longer holds for
the last map (its attention was tried first, and lay outside the lesion).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skingpt_r1.models.embedded import Embedded

WINDOW, STRIDE = 5, 3  # of 17 positions: five by five windows
_TOGETHER = 8  # maps looked at together: more do not stay in the processor's cache, and take a quarter longer


@torch.inference_mode()
def evidence_map(model: Embedded, lower: Tensor, diagnosis: str, candidates: Sequence[str]) -> Tensor:
    """[H, W], 0..1: how much the push falls where a part is covered, highest 1; all zero where it never falls.

    lower: the plain view's map [1, 88, H, W]. candidates: what could have been named, the diagnosis among them.
    """
    names = [diagnosis, *(name for name in candidates if name != diagnosis)]
    covered, where = _covered(lower)
    pushes = push(model, torch.cat([lower, covered]), names)
    fall = (pushes[0] - pushes[1:]).clamp_min(0)
    total, times = torch.einsum("n,nhw->hw", fall, where), where.sum(0)
    mean = total / times
    return mean / mean.max().clamp_min(1e-9)


def push(model: Embedded, lower: Tensor, names: Sequence[str]) -> Tensor:
    """[B]: mean bias of the first name's tokens, less the mean of the other names'."""
    language = model.speaker
    tokens = [language.tokens(f" {name}") for name in names]
    rows = language.head[torch.tensor([token for t in tokens for token in t])]
    embed = torch.cat([model.look(part).embed for part in lower.split(_TOGETHER)])
    bias = model.vocabulary(embed, rows)  # [B, all tokens]
    each = torch.stack([part.mean(1) for part in bias.split([len(t) for t in tokens], dim=1)], 1)
    return each[:, 0] - each[:, 1:].mean(1) if len(names) > 1 else each[:, 0]


def _covered(lower: Tensor) -> tuple[Tensor, Tensor]:
    """The map with each window set to the picture's mean, [N, C, H, W], and where each window is, [N, H, W]."""
    height, width = lower.shape[2:]
    where = []
    for top in range(0, height - WINDOW + 1, STRIDE):
        for left in range(0, width - WINDOW + 1, STRIDE):
            window = torch.zeros(height, width)
            window[top : top + WINDOW, left : left + WINDOW] = 1
            where.append(window)
    windows = torch.stack(where)
    hidden = windows.bool().unsqueeze(1)
    return torch.where(hidden, lower.mean((2, 3), keepdim=True), lower), windows
