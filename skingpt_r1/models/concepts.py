"""The verifier's other network: dermoscopic criteria and picture type, from features that nobody adapted.

Linear heads on pooled maps of the published encoder, trained on experts' annotations (Chanda et al. 2024)
and never shown a narrative, so that they can contradict the writer. Mind two limits. The experts were offered
melanoma criteria only for melanomas and nevus criteria only for nevi: a probability here is
P(criterion | that diagnosis, picture), and means nothing beside another hypothesis. And many heads are not
good enough: `usable` names those whose cross-validated precision was at least the bar written in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.encoder import IMAGE_SIZE, to_pixels
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.models.segmenter import Segmenter, load_segmenter, shipped_adapter
from skingpt_r1.records import SkinGPTError

SHIPPED: Final = "concepts.safetensors"
MODALITY: Final = "modality"  # name of the head for dermoscopy against clinical
CLAMP: Final = 8.0  # of standardised features: a picture unlike all others must not decide by one channel


@dataclass(frozen=True, slots=True)
class ConceptQuality:
    """How far one head may be believed; every number from rows of its own hypothesis only.

    n, positives: annotated training rows, and those with the criterion. threshold: probability from which it
    is called present. precision, recall, auc: cross-validated on the training rows, folds apart by lesion.
    called: how many of them are at or above the threshold. val_*: on the official val rows. usable: whether
    a verifier may use it.
    """

    n: int
    positives: int
    threshold: float
    precision: float
    recall: float
    auc: float
    called: int
    val_n: int
    val_positives: int
    val_called: int
    val_precision: float | None
    val_recall: float | None
    usable: bool


def pooled(lower: Tensor, last: Tensor, lesion: Tensor) -> Tensor:
    """lower [B, 88, 17, 17], last [B, 1280, 9, 9], lesion probability [B, 130, 130] -> [B, D].

    Mean and maximum of both maps, and their means over lesion, rim and surround.
    """
    parts: list[Tensor] = []
    for maps in (lower, last):
        parts += [maps.mean((2, 3)), maps.amax((2, 3))]
        inside = F.interpolate(lesion[:, None], size=maps.shape[2:], mode="area")
        rim = 4 * inside * (1 - inside)
        for weight in (inside, rim, 1 - inside) if maps is lower else (inside,):
            total = weight.sum((2, 3)) + 1e-3
            parts.append((maps * weight).sum((2, 3)) / total)
    return torch.cat(parts, 1)


class ConceptHeads:
    """One logistic head a criterion, and one for the picture type.

    weight: [D, heads] on standardised features, bias: [heads], in the order of `names`.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        quality: Mapping[str, ConceptQuality],
        segmenter: Segmenter,
    ) -> None:
        self.mean, self.deviation = tensors["mean"].float(), tensors["deviation"].float()
        self.weight, self.bias = tensors["weight"].float(), tensors["bias"].float()
        self.quality = dict(quality)
        self.names = [*self.quality, MODALITY]
        self._segmenter = segmenter

    @property
    def precision(self) -> dict[str, float]:
        """Cross-validated precision by code."""
        return {code: q.precision for code, q in self.quality.items()}

    @property
    def threshold(self) -> dict[str, float]:
        """Probability from which a criterion is called present, by code."""
        return {code: q.threshold for code, q in self.quality.items()}

    @property
    def usable(self) -> frozenset[str]:
        """The codes that a verifier may use."""
        return frozenset(code for code, q in self.quality.items() if q.usable)

    def probabilities(self, pixels: Pixels) -> dict[str, float]:
        """P(criterion | its hypothesis, picture) by code."""
        return {name: p for name, p in self.ask(pixels).items() if name != MODALITY}

    def modality_probability(self, pixels: Pixels) -> float:
        """Probability that the picture was taken through a dermatoscope."""
        return self.ask(pixels)[MODALITY]

    def ask(self, pixels: Pixels) -> dict[str, float]:
        """All heads at once, the picture type under the name `MODALITY`."""
        return self.of_features(self.features(pixels))

    def of_features(self, features: Tensor) -> dict[str, float]:
        """The same of features [D] that are computed already."""
        found = ((features - self.mean) / self.deviation).clamp(-CLAMP, CLAMP)
        values = (found @ self.weight + self.bias).sigmoid().tolist()
        return dict(zip(self.names, values, strict=True))

    @torch.inference_mode()
    def features(self, pixels: Pixels) -> Tensor:
        """Pooled frozen features of the photo's centre square, uint8 [H, W, 3] -> [D]."""
        square = torch.from_numpy(centre_square(pixels, IMAGE_SIZE).copy())[None]
        maps = self._segmenter.encoder.pyramid(to_pixels(square))
        lesion = self._segmenter.head(maps).sigmoid()
        return pooled(maps[-1], self._segmenter.encoder.upper(maps[-1]), lesion)[0]


def concept_metadata(quality: Mapping[str, ConceptQuality], **more: Any) -> dict[str, str]:
    """The table of qualities as a safetensors header."""
    return {"quality": json.dumps({code: asdict(q) for code, q in quality.items()}), "more": json.dumps(more)}


def load_concepts(path: Path | None = None, segmenter: Segmenter | None = None) -> ConceptHeads:
    """The shipped heads, or those at `path`. segmenter: shares a loaded one and its encoder."""
    place = path or shipped_adapter(SHIPPED)
    segmenter = segmenter or load_segmenter()
    if segmenter.encoder.adapters is not None:
        raise ValueError("concept heads need the published encoder, not an adapted one")
    try:
        with safe_open(place, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in ("mean", "deviation", "weight", "bias")}
            table = json.loads((file.metadata() or {})["quality"])
    except (OSError, SafetensorError, KeyError) as error:
        raise SkinGPTError(
            f"{place}: no concept heads of this version ({error}). Reinstall, or train them again."
        ) from error
    return ConceptHeads(tensors, {code: ConceptQuality(**row) for code, row in table.items()}, segmenter)
