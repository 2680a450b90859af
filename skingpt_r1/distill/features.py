"""The lower blocks' maps of every picture, computed once: plain, and in several augmented copies.

The encoder's lower half is frozen, so its output for a fixed picture never changes; training reads
it from here and spends its time on the blocks that learn. Shards are named by the hash of what is
in them (pictures, copies, size, augmentation seed), so a moved folder stays valid and a changed picture does not
pass for the old one. A killed run resumes at the first missing shard.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.models.encoder import IMAGE_SIZE, LOWER_CHANNELS, Encoder, to_pixels
from skingpt_r1.models.precision import CACHED_FEATURES
from skingpt_r1.models.preprocess import augmented, centre_square
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.sources.streams import sha256_of

log = logging.getLogger(__name__)
SHARD = 256
Reader = Callable[[str], Pixels]


class FeatureCache:
    """Lower maps of a list of pictures: `maps[row, copy]` is [88, 17, 17]; copy 0 is the plain one.

    images: paths; their order is the row order. copies: how many augmented ones beside the plain.
    """

    def __init__(self, folder: Path, images: Sequence[str], copies: int, seed: int = 0) -> None:
        self.folder, self.images, self.copies, self.seed = folder, list(images), copies, seed
        with ThreadPoolExecutor(4) as pool:
            self.hashes = list(pool.map(lambda image: sha256_of(Path(image)), self.images))
        self.side = -(-IMAGE_SIZE // 16)

    def build(self, encoder: Encoder, read: Reader, part: tuple[int, int] = (0, 1)) -> FeatureCache:
        """Compute what is missing; logs rate and time left. Returns itself.

        part: (i, n) computes every n-th shard from the i-th, so that n processes share the work.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        mine = range(part[0] * SHARD, len(self.images), part[1] * SHARD)
        missing = [start for start in mine if not self._path(start).exists()]
        began = time.monotonic()
        for done, start in enumerate(missing, 1):
            self._write(start, encoder, read)
            spent = time.monotonic() - began
            rate = done * SHARD * (self.copies + 1) / spent
            log.info(
                "features %d/%d, %.0f maps/s, %.0f s left",
                done,
                len(missing),
                rate,
                spent / done * (len(missing) - done),
            )
        return self

    def complete(self) -> bool:
        """Whether every shard is there."""
        return all(self._path(start).exists() for start in range(0, len(self.images), SHARD))

    def load(self) -> Tensor:
        """All maps in memory, [N, 1 + copies, 88, 17, 17]. Raises FileNotFoundError before `build`."""
        shape = (len(self.images), self.copies + 1, LOWER_CHANNELS, self.side, self.side)
        maps = torch.empty(shape, dtype=CACHED_FEATURES)
        for start in range(0, len(self.images), SHARD):
            with safe_open(self._path(start), "pt") as shard:
                maps[start : start + SHARD] = shard.get_tensor("maps")
        return maps

    def _path(self, start: int) -> Path:
        key = "|".join([str(self.copies), str(self.seed), str(IMAGE_SIZE), *self.hashes[start : start + SHARD]])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"

    def _write(self, start: int, encoder: Encoder, read: Reader) -> None:
        rows = range(start, min(start + SHARD, len(self.images)))
        parts: list[Tensor] = []
        with ThreadPoolExecutor(1) as pool, torch.inference_mode():
            for squares in _ahead(pool, (partial(self._squares, row, read) for row in rows)):
                parts.append(encoder.lower(to_pixels(torch.from_numpy(squares))).to(CACHED_FEATURES))
        save_tensors(self._path(start), {"maps": torch.stack(parts)})

    def _squares(self, row: int, read: Reader) -> Pixels:
        pixels = read(self.images[row])
        copies = [centre_square(pixels, IMAGE_SIZE)]
        for copy in range(self.copies):
            copies.append(augmented(pixels, IMAGE_SIZE, random.Random(f"{self.hashes[row]} {copy} {self.seed}")))
        return np.stack(copies)


def _ahead(pool: ThreadPoolExecutor, work: Iterator[Callable[[], Pixels]], depth: int = 8) -> Iterator[Pixels]:
    """Results in order while up to `depth` later ones are being prepared."""
    waiting = [pool.submit(job) for _, job in zip(range(depth), work, strict=False)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(job) for _, job in zip(range(1), work, strict=False)]
