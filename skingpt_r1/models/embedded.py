"""The embedded scale: EfficientNet-Lite2 and SmolLM2-135M, both frozen, joined by our adapters.

A picture becomes visual patches, the patches become a few soft words in front of the question, and
an embedding of them becomes a bias over the vocabulary at every written position. Several views of one
picture (its mirror images) are read as one longer list of patches: the connector does not know
where a patch lies, so that nothing else changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.encoder import CHANNELS, IMAGE_SIZE, LOWER_CHANNELS, Encoder, Tuning, to_pixels
from skingpt_r1.models.heads import Connector, VisualHead, VisualOutput, VocabularyBias
from skingpt_r1.models.language import HIDDEN, LORA_RANK, Language
from skingpt_r1.models.precision import STORED_ADAPTER
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.models.weights import encoder_weights
from skingpt_r1.records import History, SkinGPTError

_T = TypeVar("_T", bound=Tensor)
EMBED = 1024
SOFT_WORDS = (
    "modality", "size", "symmetry", "border", "edge", "first colour", "second colour", "third colour", "variety",
    "category", "diagnosis",
)  # fmt: skip
"""What each soft word is taught to say, in the reading order of a narrative."""
SAYING = ("language.", "vocabulary.")
"""How the names of the adapters that speak begin; the others see."""


class Embedded(nn.Module):
    """Backbone and adapters. With `language=False` only the visual branch is built. rank: of LoRA."""

    def __init__(self, language: bool = True, use_bias: bool = True, rank: int = LORA_RANK) -> None:
        super().__init__()
        self.encoder = Encoder(adapted=True)
        self.encoder.load_published(encoder_weights())
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.visual = VisualHead(CHANNELS, EMBED, EMBED)
        self.connector = Connector(EMBED, LOWER_CHANNELS, HIDDEN, len(SOFT_WORDS))
        self.vocabulary = VocabularyBias(EMBED, HIDDEN)
        self.use_bias = use_bias
        self.language = Language(rank) if language else None

    def trained(self) -> dict[str, nn.Parameter]:
        """All adapter parameters by name; everything else is frozen."""
        own = {f"encoder.{n}": p for n, p in self.encoder.trainable(Tuning.ADAPTERS)}
        for name in ("visual", "connector", "vocabulary"):
            own |= {f"{name}.{n}": p for n, p in getattr(self, name).named_parameters()}
        if self.language is not None:
            own |= {f"language.{n}": p for n, p in self.language.trained().items()}
        return own

    def preprocess(self, pixels: Pixels) -> Tensor:
        """One picture -> four views [4, 3, 260, 260]: the centre square and its mirror images."""
        square = to_pixels(torch.from_numpy(centre_square(pixels, IMAGE_SIZE).copy())[None])
        return torch.cat([square, square.flip(3), square.flip(2), square.flip((2, 3))]).contiguous(
            memory_format=torch.channels_last
        )

    def look(self, lower: Tensor, views: int = 1) -> VisualOutput:
        """Lower maps [B * views, 88, 17, 17] -> VisualOutput of B pictures."""
        upper = self.encoder.upper(lower)  # [B * views, 1280, 9, 9]
        early = F.adaptive_avg_pool2d(lower, (upper.shape[2], upper.shape[3]))
        return self.visual(_patches(upper, views), _patches(early, views))  # type: ignore[no-any-return]

    def bias(self, visual: VisualOutput) -> Tensor | None:
        """[B, V], or None where this run trains without it."""
        return self.vocabulary(visual.embed, self.speaker.head) if self.use_bias else None

    @property
    def speaker(self) -> Language:
        """The language half. Raises ValueError where it was not built."""
        if self.language is None:
            raise ValueError("built without a language model")
        return self.language

    def prompts(self, visual: VisualOutput, histories: Sequence[History]) -> list[Tensor]:
        """Embedded prompts, one [T_i, H] a picture: question, soft words, history."""
        words = self.connector(visual)
        embedded = []
        for word, history in zip(words, histories, strict=True):
            before, after = self.speaker.prompt(history)
            ids = torch.tensor([*before, *after])
            tokens = self.speaker.embed(ids)
            embedded.append(torch.cat([tokens[: len(before)], word, tokens[len(before) :]]))
        return embedded


def _patches(maps: Tensor, views: int) -> Tensor:
    """[B * views, C, H, W] -> [B, views * H * W, C]."""
    return maps.flatten(2).transpose(1, 2).reshape(-1, views * maps.shape[2] * maps.shape[3], maps.shape[1])


def adapter_tensors(model: Embedded) -> dict[str, Tensor]:
    """What ships: every trained parameter in the storage format."""
    return {name: p.detach().to(STORED_ADAPTER) for name, p in model.trained().items()}


def load_adapter(model: Embedded, path: Path, sight_only: bool = False) -> dict[str, str]:
    """Read a shipped adapter into the model; returns its metadata. Raises SkinGPTError on a bad file.

    A model without a language half takes the visual half of it. sight_only: what speaks stays as it is.
    """
    tensors = _tensors(path)
    parameters = model.trained()
    if sight_only:
        tensors, parameters = _seeing(tensors), _seeing(parameters)
    elif model.language is None:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("language.")}
    wrong = sorted(parameters.keys() ^ tensors.keys())
    wrong += [n for n in parameters.keys() & tensors.keys() if parameters[n].shape != tensors[n].shape]
    if wrong:
        raise SkinGPTError(
            f"{path}: {len(wrong)} tensors do not fit this model, first: {wrong[0]}. It is of another version."
        )
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[name])
    return _metadata(path)


def lora_rank(path: Path) -> int:
    """The rank that a shipped adapter was trained with. Raises SkinGPTError on a bad file, or one without LoRA."""
    ranks = {len(tensor) for name, tensor in _tensors(path).items() if "lora_A" in name}
    if len(ranks) != 1:
        raise SkinGPTError(f"{path}: LoRA matrices of {len(ranks)} ranks; an adapter has one. Train it again.")
    return ranks.pop()


def visual_digest(path: Path) -> str:
    """Short digest of the visual half of a shipped adapter: whoever builds on what it sees names it.

    Raises SkinGPTError on a bad file.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(_seeing(_tensors(path)).items()):
        digest.update(name.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _seeing(named: Mapping[str, _T]) -> dict[str, _T]:
    return {name: one for name, one in named.items() if not name.startswith(SAYING)}


def _tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise SkinGPTError(
            f"{path}: not a readable safetensors file ({error}). Reinstall, or train it again."
        ) from error


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
    found: dict[str, str] = header.get("__metadata__", {})
    return found
