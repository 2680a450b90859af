"""Qwen2.5-VL (Vision-R1-7B, Qwen2.5-VL-7B), frozen: it looks with its own tower, LoRA sits on its language layers.

The tower's tokens are computed apart from the prompt, so that a picture is looked at once however many texts it is
judged with. Prompts then go in as embeddings, where the model cannot see what was a picture: their positions are asked
of the model's own rule beforehand, and given along.

float32 on a processor, bfloat16 on a GPU. In training the language layers are checkpointed: a layer's insides are
computed again for its gradient instead of being kept, so that no cache of keys survives `train()`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.adapted import END, Adapted
from skingpt_r1.models.prompts import Prompt, Shown
from skingpt_r1.records import CaseError, SkinGPTError

PICTURE_TOKENS: Final = 256  # at most, 448 x 448 pixels: at 7B 1.8 MB of features a picture in the cache
_LEAST_TOKENS: Final = 4
_LAYERS: Final = r".*\.language_model\.layers\.\d+\..*_proj"
_FILES: Final = ["*.safetensors", "*.json", "*.txt", "*.jinja"]  # of a repository: no code, no pickles
_KIND: Final = "qwen2_5_vl"
_FIRST_BYTES: Final = 512  # of each tensor, for the digest
_NAME_ONE: Final = "Name the folder, or the id on the model hub, of a Qwen2.5-VL in safetensors: --backbone FOLDER."


class Qwen(Adapted):
    """The model with its adapters. name: its folder or id. digest: of the weights and of how pictures are shown."""

    def __init__(self, name: str, rank: int) -> None:
        from transformers import AutoTokenizer, GenerationConfig, Qwen2VLImageProcessorPil
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        folder = _folder(name)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            shrinker = Qwen2VLImageProcessorPil.from_pretrained(folder)
            base = _weights(folder)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise SkinGPTError(f"{name}: cannot be loaded ({error}). {_NAME_ONE}") from error
        super().__init__(base, tokenizer, _LAYERS, rank)
        if self.tokens(END) != [self.end]:
            raise SkinGPTError(f"{name}: its tokenizer has no {END}. {_NAME_ONE}")
        base.model.language_model.activation_checkpointing_enable()
        base.model.language_model.disable_input_require_grads()  # what older checkpointing needed: prompts are data
        # The checkpoint's own (a penalty for repetition, say) would move scores; what is wanted is said at each call.
        base.generation_config = GenerationConfig()
        self.name = str(folder.resolve()) if Path(name).is_dir() else name
        self.digest, self.shrinker = _digest(folder), shrinker
        self.breaks = [i for token, i in tokenizer.get_vocab().items() if "Ċ" in token]  # byte-level for a line break
        self._looking = threading.Lock()

    def merge(self) -> None:
        """Fold LoRA into the weights, unless they are bfloat16: rounding would lose most of what was learnt."""
        if self.model.dtype == torch.float32:
            super().merge()

    @torch.no_grad()
    def look(self, pixels: Pixels) -> Shown:
        """The tower's tokens of a picture, at most PICTURE_TOKENS. Raises CaseError where it is too narrow."""
        cell = (self.shrinker.patch_size * self.shrinker.merge_size) ** 2  # pixels that become one token
        size = {"shortest_edge": _LEAST_TOKENS * cell, "longest_edge": PICTURE_TOKENS * cell}  # areas, in spite of it
        try:
            seen = self.shrinker(pixels, size=size, input_data_format="channels_last", return_tensors="pt")
        except ValueError as error:  # its limit is 200 to 1
            raise CaseError(f"cannot judge: the picture is {pixels.shape[1]} x {pixels.shape[0]}, a line.") from error
        patches, grid = (seen[key].to(self.model.device) for key in ("pixel_values", "image_grid_thw"))
        with self._looking:  # the cache of sights asks from several threads
            (words,) = self.model.get_image_features(patches, grid).pooler_output
        time, height, width = grid[0].tolist()
        return Shown(words.cpu(), (time, height, width))

    def ask(self, before: str, shown: Shown | None, after: str) -> Prompt:
        """The picture between two texts, as the model's own template puts it."""
        first, last = self.tokens(before), self.tokens(after)
        if shown is None:
            return self._prompt([*first, *last], [0] * (len(first) + len(last)))
        if shown.grid is None:
            raise ValueError("these are another backbone's words of a picture: look at it with this one")
        config, count = self.model.config, len(shown.words)
        picture = [config.vision_start_token_id, *[config.image_token_id] * count, config.vision_end_token_id]
        kinds = [0] * (len(first) + 1) + [1] * count + [0] * (len(last) + 1)
        prompt = self._prompt([*first, *picture, *last], kinds, shown.grid)
        start = len(first) + 1
        prompt.embedded[start : start + count] = shown.words.to(prompt.embedded)
        return prompt

    @torch.no_grad()
    def _prompt(self, tokens: list[int], kinds: list[int], *grids: tuple[int, int, int]) -> Prompt:
        """kinds: 1 where a picture's token is to stand, 0 elsewhere. grids: one a picture."""
        ids = torch.tensor(tokens)
        places, _ = self.model.model.get_rope_index(ids[None], torch.tensor([kinds]), torch.tensor(grids))
        embedded = self.embed(ids)
        return Prompt(embedded, places[:, 0].to(embedded.device))


def _folder(name: str) -> Path:
    """Where the files are, fetched if need be. Raises SkinGPTError where they are not of a Qwen2.5-VL."""
    folder = Path(name) if Path(name).is_dir() else _fetched(name)
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SkinGPTError(f"{name}: no readable config.json ({error!r}). {_NAME_ONE}") from error
    if kind != _KIND or not any(folder.glob("*.safetensors")):
        raise SkinGPTError(f"{name}: is a {kind}, or holds no safetensors. {_NAME_ONE}")
    return folder


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SkinGPTError(f"{name}: no folder here, and the model hub gives none ({reason}). {_NAME_ONE}") from error


def _weights(folder: Path) -> Any:
    """The model on this machine's GPU, else its processor. Raises ValueError where the files lack tensors."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    model, found = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, device_map=device, use_safetensors=True, output_loading_info=True
    )
    if missing := sorted(found["missing_keys"]):  # transformers would go on with random ones
        raise ValueError(f"{len(missing)} tensors are missing, first: {missing[0]}")
    return model


def _digest(folder: Path) -> str:
    """Of each tensor's name, shape and beginning, whatever file it is in, and of the picture's size.

    To read 16 GB through takes longer than to load them, and two models of one kind differ in the beginnings, too.
    """
    told: dict[str, bytes] = {}
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(size))
            header.pop("__metadata__", None)
            for name, tensor in header.items():
                start, end = tensor["data_offsets"]
                stream.seek(8 + size + start)
                beginning = stream.read(min(_FIRST_BYTES, end - start))
                told[name] = f"{tensor['dtype']} {tensor['shape']}".encode() + beginning
    digest = hashlib.sha256(f"{PICTURE_TOKENS}".encode())
    for name, content in sorted(told.items()):
        digest.update(name.encode() + content)
    return digest.hexdigest()[:16]
