"""Pictures with a known lesion outline or box, turned into frozen maps and targets, once.

A mask is an expert's outline; a box (PAD-UFES-20) is what students drew around the lesion, with the share
of the picture that it takes: weak, but the only outline of clinical photos that we hold. Every picture is
framed, turned and lit at random before it passes the encoder, because turning the maps afterwards is
not the same: the encoder pads to the right and the bottom.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from safetensors.torch import load_file
from torch import Tensor

from skingpt_r1.distill.drawn import DATASET, draw
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.encoder import IMAGE_SIZE, Encoder, to_pixels
from skingpt_r1.models.precision import CACHED_FEATURES
from skingpt_r1.models.segmenter import OUTPUT_SIDE
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import Case
from skingpt_r1.sources.registry import SOURCES, data_root, load
from skingpt_r1.sources.tables import read_table

log = logging.getLogger(__name__)
MINUTE = 60.0
TARGET = OUTPUT_SIDE
Box = tuple[float, float, float, float]  # left, top, right, bottom, shares of the picture


@dataclass(frozen=True, slots=True)
class Outlined:
    """A case with a mask, or with a box and the lesion's share of the picture (area, 0..1)."""

    case: Case
    box: Box | None = None
    area: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Frozen maps and what is known of the lesion.

    maps: at strides 4, 8 and 16. target: [B, 130, 130] in 0..1, the filled box where only a box is known.
    area: [B], the lesion's share of the picture, -1 with a mask.
    """

    maps: list[Tensor]
    target: Tensor
    area: Tensor


def outlined_cases(split: str, root: Path | None = None, dropped: frozenset[str] = frozenset()) -> list[Outlined]:
    """Every case of `split` whose lesion is outlined; `dropped` holds "dataset/id" to leave out."""
    found = [Outlined(c) for name in ("ham10000", "ham10000_hires") for c in load(name, root) if c.mask]
    boxes = _boxes(root)
    for case in load("pad_ufes_20", root):
        if case.id in boxes:
            found.append(Outlined(case, *boxes[case.id]))
    return [o for o in found if o.case.split == split and f"{o.case.dataset}/{o.case.id}" not in dropped]


def _boxes(root: Path | None) -> dict[str, tuple[Box, float]]:
    table = read_table(data_root(root) / SOURCES["pad_ufes_20"].folder / "cases.csv")
    found: dict[str, tuple[Box, float]] = {}
    for _, row in table.rows:
        cells = [row.get(f"bbox_{name}", "") for name in ("x0", "y0", "x1", "y1")]
        if all(cells):
            left, top, right, bottom = (float(cell) for cell in cells)
            found[row["image_id"]] = (left, top, right, bottom), float(row["lesion_area_frac"])
    return found


def held_out(group: str, percent: int) -> bool:
    """Whether a lesion's pictures stop the training instead of feeding it; by hash, the same everywhere."""
    return int(hashlib.sha256(f"segment {group}".encode()).hexdigest()[:8], 16) % 100 < percent


def true_mask(case: Case, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The expert mask as bool [H, W] of `shape`. Raises ValueError for a case without one."""
    if case.mask is None:
        raise ValueError(f"{case.dataset}/{case.id} has no mask")
    return load_mask(case.mask, "centre-square" if case.dataset == "ham10000" else "full", shape)


def picture_and_target(outlined: Outlined, rng: random.Random | None) -> tuple[Pixels, Pixels, float]:
    """Square picture [260, 260, 3], target [130, 130] 0..255, area (-1 with a mask); plain without `rng`."""
    if outlined.case.dataset == DATASET:
        pixels, filled = draw(outlined.case.id)
    else:
        pixels = read_photo(outlined.case.image).pixels
    image = Image.fromarray(pixels)
    width, height = image.size
    if outlined.box is None and outlined.case.dataset != DATASET:
        filled = true_mask(outlined.case, (height, width))
    elif outlined.box is not None:
        rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
        left, top, right, bottom = outlined.box
        filled = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))[None]
    mask = Image.fromarray(filled.astype(np.uint8) * 255)
    window = (0.0, 0.0, float(width), float(height)) if rng is None else _window(outlined, width, height, rng)
    image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC, box=window)
    mask = mask.resize((TARGET, TARGET), Image.Resampling.BOX, box=window)
    if rng is not None:
        image, mask = _turned(image, mask, rng)
    area = -1.0
    if outlined.box is not None:
        area = min(1.0, outlined.area * width * height / ((window[2] - window[0]) * (window[3] - window[1])))
    return np.asarray(image), np.asarray(mask), area


def _window(outlined: Outlined, width: int, height: int, rng: random.Random) -> Box:
    """A random part of the picture; a box stays whole: the share of a part of it is unknown."""
    if rng.random() < 0.4:
        return (0.0, 0.0, float(width), float(height))
    w, h = width * rng.uniform(0.6, 1.0), height * rng.uniform(0.6, 1.0)
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    right, bottom = left + w, top + h
    if outlined.box is not None:
        x0, y0, x1, y1 = outlined.box
        left, top = min(left, x0 * width), min(top, y0 * height)
        right, bottom = max(right, x1 * width), max(bottom, y1 * height)
    return (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))


def _turned(image: Image.Image, mask: Image.Image, rng: random.Random) -> tuple[Image.Image, Image.Image]:
    turn = rng.choice([None, *Image.Transpose])
    if turn is not None:
        image, mask = image.transpose(turn), mask.transpose(turn)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.75, 1.25))
    return image, mask


class MaskedMaps:
    """Maps and targets of outlined cases, a file a picture: copy 0 plain, the others augmented."""

    def __init__(self, folder: Path, cases: Sequence[Outlined], copies: Sequence[int], seed: int = 0) -> None:
        self.folder, self.cases, self.copies, self.seed = folder, list(cases), list(copies), seed

    def build(self, encoder: Encoder) -> MaskedMaps:
        """Compute the missing ones; a killed build goes on where it stopped. Returns itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [job for job in self._jobs() if not self._path(*job).exists()]
        began = said = time.monotonic()
        for done, job in enumerate(missing, 1):
            self._write(*job, encoder)
            if time.monotonic() - said > MINUTE or done == len(missing):
                said = time.monotonic()
                left = (said - began) / done * (len(missing) - done)
                log.info("masked maps %d/%d, %.0f s left", done, len(missing), left)
        return self

    def load(self) -> Batch:
        """Everything in memory; row i of the k-th copy is at k * len(cases) + i."""
        rows = [load_file(self._path(*job)) for job in self._jobs()]
        joined = {name: torch.stack([r[name] for r in rows]) for name in rows[0]}
        return Batch([joined["s4"], joined["s8"], joined["s16"]], joined["target"], joined["area"])

    def _jobs(self) -> Iterator[tuple[Outlined, int]]:
        for copy in self.copies:
            for outlined in self.cases:
                yield outlined, copy

    def _path(self, outlined: Outlined, copy: int) -> Path:
        name = f"{outlined.case.dataset}/{outlined.case.id} {copy} {self.seed} {IMAGE_SIZE} {TARGET}"
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.safetensors"

    def _write(self, outlined: Outlined, copy: int, encoder: Encoder) -> None:
        rng = random.Random(f"{outlined.case.id} {copy} {self.seed}") if copy else None
        pixels, target, area = picture_and_target(outlined, rng)
        with torch.inference_mode():
            maps = encoder.pyramid(to_pixels(torch.from_numpy(pixels.copy())[None]))
        tensors = {name: m[0].to(CACHED_FEATURES) for name, m in zip(("s4", "s8", "s16"), maps, strict=True)}
        tensors |= {"target": torch.from_numpy(target.copy()), "area": torch.tensor(area)}
        save_tensors(self._path(outlined, copy), tensors)


def rows_of(data: Batch, rows: Tensor) -> Batch:
    """Some rows, as float32 and targets in 0..1."""
    maps = [m[rows].float().contiguous(memory_format=torch.channels_last) for m in data.maps]
    return Batch(maps, data.target[rows].float() / 255, data.area[rows])
