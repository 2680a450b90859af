"""Dual distillation losses (SkinGPT-R1, section 3): pure functions of tensors.

The vocabulary bias is added at positions that *predict* a supervised token. The authors' code adds
it one position later, so that the first answer token never gets it; `Alignment.PUBLISHED` reproduces
that for reading their checkpoint.
"""

from __future__ import annotations

from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -100


class Alignment(StrEnum):
    """Where the vocabulary bias goes."""

    PREDICTING = "predicting"
    PUBLISHED = "published"


def bias_positions(labels: Tensor, alignment: Alignment = Alignment.PREDICTING) -> Tensor:
    """[B, T] labels (-100 = not supervised) -> [B, T] bool: positions whose logits get the bias."""
    supervised = labels != IGNORE
    if alignment is Alignment.PUBLISHED:
        return supervised
    return F.pad(supervised[:, 1:], (0, 1), value=False)


def language_loss(
    logits: Tensor, bias: Tensor | None, labels: Tensor, alignment: Alignment = Alignment.PREDICTING
) -> Tensor:
    """Mean next-token cross entropy. logits [B, T, V], bias [B, V] or None, labels [B, T]."""
    if bias is not None:
        logits = logits + bias.unsqueeze(1) * bias_positions(labels, alignment).unsqueeze(2)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORE)


def distillation_loss(projected: Tensor, teacher: Tensor) -> Tensor:
    """10 x mean(1 - cosine), both [B, T]. Raises ValueError where a teacher feature is missing (all zero)."""
    if bool((teacher == 0).all(1).any()):
        raise ValueError("a teacher feature is all zeros: it is missing, not an embedding")
    return 10 * (1 - F.cosine_similarity(projected.float(), teacher.float())).mean()


def total_loss(language: Tensor | None, distillation: Tensor | None, weight: float = 0.1) -> Tensor:
    """a L_sft + b L_distill with a = 1; either may be switched off, not both."""
    parts = [part for part in (language, None if distillation is None else weight * distillation) if part is not None]
    if not parts:
        raise ValueError("nothing to train: language and visual distillation are both off")
    return torch.stack(parts).sum()
