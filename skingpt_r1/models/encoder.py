"""EfficientNet-Lite2, frozen, with residual bottleneck adapters inside its upper blocks.

The lower eleven blocks are never trained, so their output (stride 16, 88 channels) can be computed
once and cached; everything trained here starts from that map. Normalisation statistics stay those
of ImageNet: only scale and shift of the upper blocks' norms, and the adapters, are ours. `Tuning`
says which of the upper blocks' parameters a caller may train; the teacher trains them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (repeats, kernel, stride, expansion, channels out), Tan & Le 2019 scaled by 1.1 x 1.2, lite variant
STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
LOWER_BLOCKS = 11
LOWER_CHANNELS = 88
PYRAMID_BLOCKS = (3, 6, 10)  # the last at strides 4, 8 and 16
PYRAMID_CHANNELS = (24, 48, 88)
CHANNELS = 1280
IMAGE_SIZE = 260
_AT_ONCE = 2  # pictures; the large maps of more leave a processor's cache, and each takes three times as long


class Tuning(StrEnum):
    """What of the upper blocks is trained."""

    FROZEN = "frozen"
    ADAPTERS = "adapters"
    ALL = "all"


def _same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "same" padding: the odd pixel goes to the right and the bottom."""
    if stride == 1:
        return x
    pads: list[int] = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class FrozenNorm(nn.Module):
    """Batch normalisation with fixed statistics: one multiply and one add per channel."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, 1e-3)


class Block(nn.Module):
    """Mobile inverted bottleneck without squeeze-and-excitation. [B, C, H, W] -> [B, C', H/s, W/s]."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.kernel, self.stride = kernel, stride
        self.residual = stride == 1 and inside == outside
        self._expand_conv = nn.Conv2d(inside, wide, 1, bias=False) if expansion > 1 else None
        self._bn0 = FrozenNorm(wide) if expansion > 1 else None
        padding = kernel // 2 if stride == 1 else 0
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self._bn1 = FrozenNorm(wide)
        self._project_conv = nn.Conv2d(wide, outside, 1, bias=False)
        self._bn2 = FrozenNorm(outside)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self._expand_conv is not None and self._bn0 is not None:
            y = F.relu6(self._bn0(self._expand_conv(y)))
        y = F.relu6(self._bn1(self._depthwise_conv(_same(y, self.kernel, self.stride))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class BlockAdapter(nn.Module):
    """Residual bottleneck on a feature map, zero at initialisation. [B, C, H, W] -> [B, C, H, W]."""

    def __init__(self, channels: int, bottleneck: int = 32) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, bottleneck, 1, bias=False)
        self.norm = nn.GroupNorm(4, bottleneck)
        self.mix = nn.Conv2d(bottleneck, bottleneck, 3, padding=1, groups=bottleneck, bias=False)
        self.up = nn.Conv2d(bottleneck, channels, 1, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(F.relu(self.mix(self.norm(self.down(x)))))


class Encoder(nn.Module):
    """EfficientNet-Lite2 in two halves, `lower` (cached, frozen) and `upper` (adapted)."""

    def __init__(self, adapted: bool = False) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = FrozenNorm(32)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = nn.Conv2d(352, CHANNELS, 1, bias=False)
        self._bn1 = FrozenNorm(CHANNELS)
        widths = [channels for repeats, _, _, _, channels in STAGES for _ in range(repeats)]
        self.adapters = nn.ModuleList(BlockAdapter(c) for c in widths[LOWER_BLOCKS:]) if adapted else None

    def lower(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] in -1..1 -> the cacheable map [B, 88, H/16, W/16]."""
        return self.pyramid(pixels)[-1]

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """Pixels [B, 3, H, W] -> frozen maps at strides 4, 8 and 16, with 24, 48 and 88 channels.

        The last one is `lower`'s; no adapter is on the way, so that an adapted encoder gives the same.
        """
        several = pixels.shape[0] if pixels.is_cuda else _AT_ONCE
        parts = [self._pyramid(few) for few in pixels.split(several)]
        return [torch.cat(maps) for maps in zip(*parts, strict=True)]

    def _pyramid(self, pixels: Tensor) -> list[Tensor]:
        x = F.relu6(self._bn0(self._conv_stem(_same(pixels, 3, 2))))
        maps: list[Tensor] = []
        for i, block in enumerate(self._blocks[:LOWER_BLOCKS]):
            x = block(x)
            if i in PYRAMID_BLOCKS:
                maps.append(x)
        return maps

    def upper(self, x: Tensor) -> Tensor:
        """Lower map [B, 88, H/16, W/16] -> last map [B, 1280, H/32, W/32]."""
        for i, block in enumerate(self._blocks[LOWER_BLOCKS:]):
            x = block(x)
            if self.adapters is not None:
                x = self.adapters[i](x)
        return F.relu6(self._bn1(self._conv_head(x)))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.upper(self.lower(pixels))

    def trainable(self, tuning: Tuning) -> Iterator[tuple[str, nn.Parameter]]:
        """Switch gradients on for what `tuning` allows, off for the rest; yields what is on."""
        upper = (*(f"_blocks.{i}." for i in range(LOWER_BLOCKS, len(self._blocks))), "_conv_head", "_bn1")
        for name, parameter in self.named_parameters():
            above = name.startswith(upper)
            wanted = {
                Tuning.FROZEN: False,
                Tuning.ADAPTERS: name.startswith("adapters.") or (above and "_bn" in name),
                Tuning.ALL: above or name.startswith("adapters."),
            }[tuning]
            parameter.requires_grad_(wanted)
            if wanted:
                yield name, parameter

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Read the ImageNet checkpoint; its classifier is dropped, our adapters stay as they are."""
        own = {k: v for k, v in state.items() if not k.startswith("_fc.")}
        missing, unexpected = self.load_state_dict(own, strict=False)
        missing = [name for name in missing if not name.startswith("adapters.")]
        if missing or unexpected:
            raise ValueError(f"not an EfficientNet-Lite2 checkpoint: {(missing + unexpected)[:3]}")


def _blocks() -> Iterator[Block]:
    inside = 32
    for repeats, kernel, stride, expansion, outside in STAGES:
        for i in range(repeats):
            yield Block(inside, outside, kernel, stride if i == 0 else 1, expansion)
            inside = outside


def to_pixels(images: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] -> float [B, 3, H, W] as the checkpoint was trained, (x - 127) / 128."""
    scaled = (images.permute(0, 3, 1, 2).float() - 127.0) / 128.0
    return scaled.contiguous(memory_format=torch.channels_last)
