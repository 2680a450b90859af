"""What a language model reads before it answers: embedded tokens, and where each is counted to stand.

A backbone that looks with its own tower counts a picture's tokens in rows and columns, the words around it one by one.
Whoever pads and continues prompts does both here, and need not know which backbone reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Shown(NamedTuple):
    """What a language model is shown of a picture.

    words: [K, H]. grid: patches in time, height and width that they were merged from; None: they lie in no grid.
    """

    words: Tensor
    grid: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Prompt:
    """embedded: [T, H]. positions: [3, T] in time, height and width, [1, T] for a model that has one of them.

    None: one after another, as the model counts.
    """

    embedded: Tensor
    positions: Tensor | None = None

    def __len__(self) -> int:
        return self.embedded.shape[0]

    def followed(self, *answers: Tensor) -> Prompt:
        """The same and then one answer [N, H], or several, each of which counts its places from the prompt's end."""
        positions = self.positions
        if positions is None and len(answers) > 1:
            positions = torch.arange(len(self), device=self.embedded.device)[None]
        if positions is not None:
            first, axes = positions.max() + 1, len(positions)
            counted = [(first + torch.arange(len(a), device=positions.device)).expand(axes, -1) for a in answers]
            positions = torch.cat([positions, *counted], 1)
        return Prompt(torch.cat([self.embedded, *answers]), positions)


def padded(prompts: Sequence[Prompt], left: bool) -> dict[str, Tensor]:
    """Prompts of one backbone as arguments of its model, with nothing before (left) or after the shorter ones.

    inputs_embeds: [B, T, H]. attention_mask: [B, T]. position_ids: [3, B, T] or [B, T], where they have positions.
    """
    first, longest = prompts[0], max(map(len, prompts))
    made = {
        "inputs_embeds": first.embedded.new_zeros(len(prompts), longest, first.embedded.shape[1]),
        "attention_mask": torch.zeros(len(prompts), longest, dtype=torch.long, device=first.embedded.device),
    }
    if first.positions is not None:
        made["position_ids"] = first.positions.new_zeros(len(first.positions), len(prompts), longest)
    for i, prompt in enumerate(prompts):
        place = slice(longest - len(prompt), None) if left else slice(len(prompt))
        made["inputs_embeds"][i, place] = prompt.embedded
        made["attention_mask"][i, place] = 1
        if prompt.positions is not None:
            made["position_ids"][:, i, place] = prompt.positions
    if first.positions is not None and len(first.positions) == 1:
        made["position_ids"] = made["position_ids"][0]
    return made
