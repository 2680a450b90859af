"""Where the lesion is: a small decoder on the frozen encoder's maps at strides 4, 8 and 16.

The whole photo is squashed to a square, whatever its shape, and the answer is stretched back: a lesion at
the rim is never cropped away. The decoder shares no trained weight with the writer of narratives (the
maps come from blocks that nobody trains), so that a measurement on its outline is independent evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.encoder import IMAGE_SIZE, PYRAMID_CHANNELS, Encoder, to_pixels
from skingpt_r1.models.weights import encoder_weights
from skingpt_r1.records import SkinGPTError

WIDTHS = (32, 64, 128)  # of the decoder at strides 4, 8 and 16
KERNELS = ((3,), (3, 5), (5, 5))  # of each level's blocks; wide ones only where maps are small
OUTPUT_SIDE = IMAGE_SIZE // 2
SHIPPED = "segmenter.safetensors"


class Separable(nn.Module):
    """Residual depthwise k x k, norm, pointwise. [B, C, H, W] -> [B, C, H, W]."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.norm = nn.GroupNorm(4, channels)
        self.point = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.point(F.relu(self.norm(self.depth(x))))
        return x + change


class SegmentationHead(nn.Module):
    """Frozen maps [B, 24, 65, 65], [B, 48, 33, 33], [B, 88, 17, 17] -> lesion logits [B, 130, 130].

    The maps are standardised with the channel statistics of the training pictures (buffers `mean<i>`,
    `deviation<i>`); the coarsest level also sees its own average, so that "darker than the rest" can be
    expressed.
    """

    def __init__(self) -> None:
        super().__init__()
        for i, channels in enumerate(PYRAMID_CHANNELS):
            self.register_buffer(f"mean{i}", torch.zeros(channels))
            self.register_buffer(f"deviation{i}", torch.ones(channels))
        self.enter = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(PYRAMID_CHANNELS, WIDTHS, strict=True))
        self.overall = nn.Linear(PYRAMID_CHANNELS[-1], WIDTHS[-1])
        self.down = nn.ModuleList(nn.Conv2d(WIDTHS[i + 1], WIDTHS[i], 1, bias=False) for i in range(2))
        self.levels = nn.ModuleList(
            nn.Sequential(*(Separable(w, k) for k in kernels)) for w, kernels in zip(WIDTHS, KERNELS, strict=True)
        )
        self.leave = nn.Conv2d(WIDTHS[0], 4, 1)

    def standardise_by(self, maps: Sequence[Tensor]) -> None:
        """Take channel statistics from a sample of training maps, one [N, C, H, W] a level."""
        for i, sample in enumerate(maps):
            deviation, mean = torch.std_mean(sample.float(), (0, 2, 3))
            getattr(self, f"mean{i}").copy_(mean)
            getattr(self, f"deviation{i}").copy_(deviation.clamp_min(1e-3))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        shape = (1, -1, 1, 1)
        scaled = [
            (x - getattr(self, f"mean{i}").view(shape)) / getattr(self, f"deviation{i}").view(shape)
            for i, x in enumerate(maps)
        ]
        x = self.enter[2](scaled[2]) + self.overall(scaled[2].mean((2, 3)))[:, :, None, None]
        x = self.levels[2](F.relu(x))
        for i in (1, 0):
            wide = F.interpolate(self.down[i](x), size=scaled[i].shape[2:], mode="bilinear", align_corners=False)
            x = self.levels[i](F.relu(self.enter[i](scaled[i]) + wide))
        logits: Tensor = F.pixel_shuffle(self.leave(F.relu(x)), 2)[:, 0]
        return logits


class Segmenter:
    """Lesion probability of a photo of any shape."""

    def __init__(self, head: SegmentationHead, encoder: Encoder) -> None:
        self.head, self.encoder = head.eval(), encoder

    @torch.inference_mode()
    def probability(self, pixels: Pixels) -> NDArray[np.float32]:
        """uint8 [H, W, 3] -> probability that each pixel is lesion, float32 [H, W]."""
        square = torch.from_numpy(squashed(pixels).copy())[None]
        views = to_pixels(torch.cat([square, square.flip(2)]))
        plain, mirrored = self.head(self.encoder.pyramid(views))
        logits = (plain + mirrored.flip(1)) / 2
        full = F.interpolate(logits[None, None], size=pixels.shape[:2], mode="bilinear", align_corners=False)
        return full[0, 0].sigmoid().numpy()


def squashed(pixels: Pixels) -> Pixels:
    """The whole photo as the square that the encoder reads, [260, 260, 3]; its shape is lost."""
    photo = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(photo.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC, reducing_gap=2.0))


def frozen_encoder() -> Encoder:
    """The encoder as published, without adapters."""
    encoder = Encoder()
    encoder.load_published(encoder_weights())
    encoder.requires_grad_(False)
    return encoder.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def shipped_adapter(name: str) -> Path:
    """Path of a file in the package's `adapters` folder."""
    return Path(str(resources.files("skingpt_r1") / "adapters" / name))


def load_segmenter(path: Path | None = None, encoder: Encoder | None = None) -> Segmenter:
    """The shipped segmenter, or the one at `path`; `encoder` shares one that is loaded already."""
    place = path or shipped_adapter(SHIPPED)
    head = SegmentationHead()
    try:
        head.load_state_dict({name: value.float() for name, value in load_file(place).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise SkinGPTError(
            f"{place}: not a segmenter of this version ({error}). Reinstall, or train it again."
        ) from error
    head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Segmenter(head, encoder or frozen_encoder())
