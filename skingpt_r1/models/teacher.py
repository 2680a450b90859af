"""The embedded scale's dermatology teacher: the same encoder, upper blocks fine-tuned on labels.

It stands where PanDerm-Large stands at the 7B scale: a 1024-d image embedding, computed once a
picture. It is needed to train, never to diagnose, and does not ship.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skingpt_r1.models.encoder import CHANNELS, Encoder, Tuning
from skingpt_r1.models.weights import encoder_weights

EMBEDDING = 1024


@dataclass(frozen=True, slots=True)
class LabelSpaces:
    """The labels of all data sets in one row of columns; a case only competes within its own set."""

    labels: tuple[tuple[str, str], ...]  # (space, label) a column

    def column(self, space: str, label: str) -> int:
        """Column of a label. Raises ValueError if it is unknown."""
        return self.labels.index((space, label))

    def members(self, space: str) -> list[int]:
        """The columns of one label set, in its own order."""
        return [i for i, (name, _) in enumerate(self.labels) if name == space]

    def mask(self, spaces: list[str]) -> Tensor:
        """[B, C] bool: which columns compete, a row a case."""
        return torch.tensor([[name == space for name, _ in self.labels] for space in spaces])


class Teacher(nn.Module):
    """Lower map [B, 88, 17, 17] -> embedding [B, 1024] and logits over all label columns."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.encoder.load_published(encoder_weights())
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.embed = nn.Linear(CHANNELS, EMBEDDING)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(EMBEDDING, columns)

    def embedding(self, lower: Tensor) -> Tensor:
        """[B, 88, H, W] -> [B, 1024]."""
        features: Tensor = self.embed(self.drop(self.encoder.upper(lower).mean((2, 3))))
        return features

    def forward(self, lower: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.embedding(lower)
        return embedding, self.head(embedding)

    def trained(self) -> dict[str, nn.Parameter]:
        """Parameters that fine-tuning changes, by name."""
        own = {f"encoder.{n}": p for n, p in self.encoder.trainable(Tuning.ALL)}
        return own | {n: p for n, p in self.named_parameters() if n.startswith(("embed", "head"))}
