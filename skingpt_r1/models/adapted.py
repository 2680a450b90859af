"""A frozen language model with LoRA by PEFT, and the tokens it is spoken to with: what all backbones share."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor, nn

END: Final = "<|im_end|>"


class Adapted(nn.Module):
    """`lora` is the PEFT model around `base`; of all its parameters only the adapters are trained.

    targets: which linear layers are adapted, as PEFT takes it. end: the token that closes an answer.
    """

    def __init__(self, base: Any, tokenizer: Any, targets: str, rank: int) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")
        base.requires_grad_(False)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, lora_dropout=0.0)
        self.tokenizer = tokenizer
        self.lora: Any = get_peft_model(base, config)
        self.end: int = tokenizer.convert_tokens_to_ids(END)

    @property
    def model(self) -> Any:
        """The causal language model that PEFT wraps."""
        return self.lora.get_base_model()

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

    def text(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens dropped, spaces as they were."""
        said: str = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return said

    def embed(self, ids: Tensor) -> Tensor:
        """[...] ids -> [..., H], where the model is."""
        table = self.model.get_input_embeddings()
        embedded: Tensor = table(ids.to(table.weight.device))
        return embedded
