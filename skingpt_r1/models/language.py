"""SmolLM2-135M-Instruct, frozen, with LoRA by PEFT; the tokens and the prompt it is spoken to with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skingpt_r1.models.weights import language_folder
from skingpt_r1.records import History

HIDDEN = 576
LORA_RANK = 16
_BEFORE = "<|im_start|>user\n"
QUESTION = "What does this lesion look like, and what is it?"
_AFTER = f" {QUESTION}{{history}}<|im_end|>\n<|im_start|>assistant\n"
END = "<|im_end|>"


def history_text(history: History) -> str:
    """The history as the prompt gives it; empty when nothing is recorded."""
    said = [f"{k} {_word(v)}" for k, v in history.known().items() if k not in ("skin_type",)]
    return f" History: {', '.join(said)}." if said else ""


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Language(nn.Module):
    """The language model with its adapters. `lora` is the PEFT model, `head` the frozen output matrix [V, H]."""

    def __init__(self, rank: int = LORA_RANK) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")
        folder = language_folder()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        base.requires_grad_(False)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0)
        self.lora: Any = get_peft_model(base, config)
        self.end: int = self.tokenizer.convert_tokens_to_ids(END)

    @property
    def model(self) -> Any:
        """The causal language model that PEFT wraps."""
        return self.lora.get_base_model()

    @property
    def head(self) -> Tensor:
        """[V, H] the frozen output head, tied to the input embeddings."""
        weight: Tensor = self.model.lm_head.weight
        return weight

    def trained(self) -> dict[str, nn.Parameter]:
        """LoRA matrices by their names inside the language model."""
        return {n.replace(".default", ""): p for n, p in self.lora.named_parameters() if "lora_" in n}

    def merge(self) -> None:
        """Fold LoRA into the weights: faster decoding, no further training."""
        self.lora.merge_adapter()

    def tokens(self, text: str) -> list[int]:
        """Token ids without special additions."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def tokens_within(self, text: str, spans: Sequence[tuple[int, int]]) -> list[bool]:
        """Which of `tokens(text)` have a character in one of the [start, end) spans."""
        places = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return [any(first < end and start < last for start, end in spans) for first, last in places]

    def text(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens dropped, spaces as they were."""
        said: str = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return said

    def embed(self, ids: Tensor) -> Tensor:
        """[...] ids -> [..., H]."""
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        return embedded

    def prompt(self, history: History) -> tuple[list[int], list[int]]:
        """Tokens before and after the soft words of the image."""
        return self.tokens(_BEFORE), self.tokens(_AFTER.format(history=history_text(history)))
