"""A Qwen2.5-VL of 200,000 random numbers, saved as the published ones are: same classes, same rules for words."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
)

_SPECIAL = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
_TEXT = (
    "[scores] 2 3 4 5 5 3\n[critique] irregular border: not in the picture. melanoma: not what it speaks for. no fault "
    "found.\nuser\nassistant\n\nDermoscopic image. It shows an irregular border and dark brown areas. History: age 60."
)


def tiny_qwen(folder: Path, seed: int = 0, shard: str = "1GB") -> Path:
    """Written to the folder, which is returned. Its own way of generating is one that would spoil scores."""
    tokenizer = Qwen2Tokenizer().train_new_from_iterator([_TEXT] * 8, vocab_size=420, new_special_tokens=_SPECIAL)
    ids = dict(zip(_SPECIAL, tokenizer.convert_tokens_to_ids(_SPECIAL), strict=True))
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 448, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]},
            "initializer_range": 0.2, "bos_token_id": None, "eos_token_id": ids["<|im_end|>"],
        },
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 64,
            "fullatt_block_indexes": [1], "initializer_range": 0.2,
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(repetition_penalty=1.5, do_sample=True, temperature=2.0)
    model.save_pretrained(folder, max_shard_size=shard)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil().save_pretrained(folder)
    return folder
