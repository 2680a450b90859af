"""What may be written where: logits processors of transformers that give every answer its form and its first look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from skingpt_r1.dermeval.rubric import DIMENSIONS

if TYPE_CHECKING:
    from skingpt_r1.dermeval.reader import Asked, Reader

CRITIQUE_TOKENS: Final = 72
MOST_WRITTEN: Final = CRITIQUE_TOKENS + 32  # with scores and marks


class Outlook:
    """Adds each row's first look where a score is written; for `generate`, before the grammar."""

    def __init__(self, reader: Reader, prompts: Sequence[Asked]) -> None:
        self.places, self.digits = reader.score_places(), reader.digits
        self.outlooks = [p.outlook for p in prompts]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids: what is written so far [B, T]; scores: logits [B, V]."""
        if input_ids.shape[1] in self.places:
            scores = scores.clone()  # `generate` hands out these very logits as the model's own
            dimension = self.places.index(input_ids.shape[1])
            for row, outlook in zip(scores, self.outlooks, strict=True):
                if outlook is not None:
                    row[self.digits] += outlook[dimension].to(row)
        return scores


class Grammar:
    """Lets every row write six scores, and then its critique, one line of at most CRITIQUE_TOKENS; for `generate`."""

    def __init__(self, reader: Reader) -> None:
        tokens = reader.language.tokens
        self.breaks, self.space, self.end = reader.language.breaks, tokens(" ")[0], reader.language.end
        self.opening, self.digits = reader.opening, reader.digits
        self.heading = reader.heading

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids: what is written so far [B, T]; scores: logits [B, V]."""
        allowed = self._allowed(input_ids.shape[1])
        if allowed is None:
            scores[:, self.breaks] = -torch.inf  # a critique ends with its line
            return scores
        kept = scores[:, allowed].clone()
        scores[:] = -torch.inf
        scores[:, allowed] = kept
        return scores

    def _allowed(self, written: int) -> list[int] | None:
        """Tokens that may follow so many; None: anything but a line break."""
        if written < len(self.opening):
            return [self.opening[written]]
        place = written - len(self.opening)
        if place < 2 * len(DIMENSIONS):
            return [self.space] if place % 2 == 0 else self.digits
        place -= 2 * len(DIMENSIONS)
        if place < len(self.heading):
            return [self.heading[place]]
        return None if place < len(self.heading) + CRITIQUE_TOKENS else [self.end]
