"""Backbones behind one interface: the embedded one, and Qwen2.5-VL by its folder or its id on the model hub.

What is trained on a backbone's answers (see `dermeval`) asks for no more than this, and never which one it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.language import EMBEDDED, LORA_RANK, Language
from skingpt_r1.models.prompts import Prompt, Shown
from skingpt_r1.models.qwen import Qwen


class Backbone(Protocol):
    """A frozen language model with LoRA, and maybe an eye of its own.

    name: what `open_backbone` opens it by. digest: of its weights, empty where the package pins them. end: the token
    that closes an answer. breaks: tokens that would break a line.
    """

    name: str
    digest: str
    end: int
    breaks: list[int]

    @property
    def model(self) -> Any:
        """The causal model of transformers: `generate`, `model` up to the last states [B, T, H], `lm_head`."""
        ...

    def trained(self) -> dict[str, nn.Parameter]:
        """The adapters by name."""
        ...

    def merge(self) -> None:
        """Make ready to be used, and no longer trained."""
        ...

    def tokens(self, text: str) -> list[int]:
        """Token ids without special additions."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens dropped."""
        ...

    def embed(self, ids: Tensor) -> Tensor:
        """[...] ids -> [..., H], where the model is."""
        ...

    def look(self, pixels: Pixels) -> Shown | None:
        """What it sees of a picture itself; None where others look for it."""
        ...

    def ask(self, before: str, shown: Shown | None, after: str) -> Prompt:
        """A picture, if any, between two texts."""
        ...


def open_backbone(name: str = EMBEDDED, rank: int = LORA_RANK) -> Backbone:
    """With new adapters, on this machine's GPU if it has one. name: "embedded", a folder, or an id on the hub.

    Raises SkinGPTError where there is none.
    """
    if name != EMBEDDED:
        return Qwen(name, rank)
    return Language(rank).to("cuda" if torch.cuda.is_available() else "cpu")
