"""SmolLM2-135M-Instruct, frozen, with LoRA by PEFT; the tokens and the prompt it is spoken to with."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.adapted import END, Adapted
from skingpt_r1.models.prompts import Prompt, Shown
from skingpt_r1.models.weights import language_folder
from skingpt_r1.narrative.question import QUESTION, history_text
from skingpt_r1.records import History

EMBEDDED: Final = "embedded"
HIDDEN = 576
LORA_RANK = 16
_MARKS = "Ċč<>["  # of byte-level tokens the first two are a line's ends
_BEFORE = "<|im_start|>user\n"
_AFTER = f" {QUESTION}{{history}}{END}\n<|im_start|>assistant\n"


class Language(Adapted):
    """The language model with its adapters. `lora` is the PEFT model, `head` the frozen output matrix [V, H].

    It is the embedded backbone (see `backbones`), and what it is shown of a picture are soft words by others.
    """

    name = EMBEDDED
    digest = ""  # nothing to tell apart: the package pins these weights

    def __init__(self, rank: int = LORA_RANK) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        folder = language_folder()
        base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        super().__init__(base, AutoTokenizer.from_pretrained(folder), "all-linear", rank)
        self.breaks = self.tokens("\n")

    @property
    def head(self) -> Tensor:
        """[V, H] the frozen output head, tied to the input embeddings."""
        weight: Tensor = self.model.lm_head.weight
        return weight

    @functools.cached_property
    def within_a_line(self) -> Tensor:
        """[V] 0, and -inf at the tokens that hold a line's end or a sign that blocks are marked with."""
        bars = torch.zeros(self.head.shape[0])
        bars[[i for token, i in self.tokenizer.get_vocab().items() if set(_MARKS) & set(token)]] = -torch.inf
        return bars

    def tokens_within(self, text: str, spans: Sequence[tuple[int, int]]) -> list[bool]:
        """Which of `tokens(text)` have a character in one of the [start, end) spans."""
        places = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return [any(first < end and start < last for start, end in spans) for first, last in places]

    def look(self, pixels: Pixels) -> None:
        """It has no eye of its own."""

    def ask(self, before: str, shown: Shown | None, after: str) -> Prompt:
        """The soft words between two texts."""
        first, last = (self.embed(torch.tensor(self.tokens(part))) for part in (before, after))
        return Prompt(torch.cat([first, *([] if shown is None else [shown.words.to(first)]), last]))

    def prompt(self, history: History) -> tuple[list[int], list[int]]:
        """Tokens before and after the soft words of the image."""
        return self.tokens(_BEFORE), self.tokens(_AFTER.format(history=history_text(history)))
