"""The adapters between a frozen vision encoder and a frozen language model.

`VisualHead` is the visual branch of SkinGPT-R1 (section 2 of the paper): project the patches, adapt
them with residual bottlenecks, average to `vision_embed`, compare `vision_proj` with the teacher.
`VocabularyBias` turns that embedding into a bias over the vocabulary through the frozen output head.
`Connector` is what the embedded scale adds, because its language model has never seen an image: one
soft word a slot.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class VisualOutput(NamedTuple):
    """patches [B, P, E] after adaptation; embed [B, E] their mean; proj [B, T] compared with the teacher.

    early [B, P, C]: the encoder's frozen middle layer at the same places, where colour and size are still told.
    """

    patches: Tensor
    embed: Tensor
    proj: Tensor
    early: Tensor


class PatchAdapter(nn.Module):
    """x + up(relu(down(x))) over the last axis, zero at initialisation."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(F.relu(self.down(x)))


class VisualHead(nn.Module):
    """Patches [B, P, D] -> VisualOutput. `out_proj` is the identity where widths agree; `early` is passed through."""

    def __init__(
        self, patch: int, embed: int = 1024, teacher: int = 1024, layers: int = 4, bottleneck: int = 64
    ) -> None:
        super().__init__()
        self.in_proj = nn.Linear(patch, embed, bias=False)
        self.adapters = nn.ModuleList(PatchAdapter(embed, bottleneck) for _ in range(layers))
        self.out_proj = nn.Identity() if teacher == embed else nn.Linear(embed, teacher, bias=False)

    def forward(self, patches: Tensor, early: Tensor) -> VisualOutput:
        x = self.in_proj(patches)
        for adapter in self.adapters:
            x = adapter(x)
        embed = x.mean(1)
        return VisualOutput(x, embed, self.out_proj(embed), early)


class Connector(nn.Module):
    """Adapted patches [B, P, E] and early ones [B, P, C], each with its mean -> soft words [B, K, H].

    Each of the K slots looks with its own query at the patches, so that one can follow the border
    while another follows the colours. The early patches are read too because the encoder was trained, and adapted,
    to forget what does not tell diagnoses apart: from its last layer a lesion's first colour is named right in 0.30,
    from the middle one in 0.55 (mean recall of nine colours on val rows).
    """

    def __init__(self, embed: int, early: int, hidden: int, slots: int = 8, inner: int = 256) -> None:
        super().__init__()
        self.norm, self.early_norm = nn.LayerNorm(embed), nn.LayerNorm(early)
        self.key = nn.Linear(embed + early, 64, bias=False)
        self.query = nn.Parameter(torch.randn(slots, 64) * 0.02)
        self.inner = nn.Linear(2 * (embed + early), inner)
        self.word = nn.Parameter(torch.randn(slots, inner, hidden) * inner**-0.5)
        self.shift = nn.Parameter(torch.zeros(slots, hidden))

    def forward(self, visual: VisualOutput) -> Tensor:
        early = self.early_norm(visual.early)
        patches = torch.cat([self.norm(visual.patches), early], 2)  # [B, P, E + C]
        weight = (self.key(patches) @ self.query.T / 8).softmax(1)  # [B, P, K]
        looked = torch.einsum("bpk,bpe->bke", weight, patches)
        mean = torch.cat([self.norm(visual.embed), early.mean(1)], 1).unsqueeze(1).expand_as(looked)
        inner = F.gelu(self.inner(torch.cat([looked, mean], 2)))  # [B, K, I]
        return torch.einsum("bki,kih->bkh", inner, self.word) + self.shift


class VocabularyBias(nn.Module):
    """vision_embed [B, E] -> hidden direction [B, H]; the frozen output head turns it into a bias [B, V].

    The scale is learned, from 2.5 (the published value).
    """

    def __init__(self, embed: int, hidden: int, rank: int = 64) -> None:
        super().__init__()
        self.down = nn.Linear(embed, rank, bias=False)
        self.up = nn.Linear(rank, hidden, bias=False)
        self.scale = nn.Parameter(torch.tensor(2.5))
        nn.init.normal_(self.up.weight, std=1e-3)

    def forward(self, embed: Tensor, head: Tensor) -> Tensor:
        """head: the output head's weight [V, H]. Returns [B, V], scale included."""
        return self.scale * F.linear(self.up(torch.tanh(self.down(embed))), head)
