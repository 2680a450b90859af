"""What a training run sees: cases kept apart from the test rows, and their cached lower maps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from skingpt_r1.distill.features import FeatureCache
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.encoder import Encoder
from skingpt_r1.models.preprocess import Pixels
from skingpt_r1.models.teacher import LabelSpaces
from skingpt_r1.models.weights import encoder_weights
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.duplicates import find_duplicates
from skingpt_r1.sources.registry import SOURCES, available, load
from skingpt_r1.sources.splits import keep_apart

log = logging.getLogger(__name__)
COPIES = 4  # augmented, beside the plain one, of every training picture
ORDER = ("ham10000", "isic2017", "pad_ufes_20", "ham10000_hires")  # of rows in the feature cache


def gather(root: Path | None, hash_cache: Path) -> list[Case]:
    """All cases of the sources that are there, without rows that touch a test row or, for train, a val row."""
    names = [s.name for s in available(root)]
    cases = [case for name in ORDER if name in names for case in load(name, root)]
    pairs = find_duplicates(cases, cache=hash_cache)
    kept, dropped = keep_apart(cases, [pair[:2] for pair in pairs])
    log.info("%d cases, %d dropped because they touch another split", len(kept), len(dropped))
    return kept


def spaces() -> LabelSpaces:
    """The columns of all built-in label sets, in a fixed order."""
    names = dict.fromkeys(SOURCES[name].label_set for name in ORDER)
    return LabelSpaces(tuple((name, label) for name in names for label in label_set(name).labels))


def space_of(case: Case) -> str:
    """Name of the label set that a case competes in. Raises SkinGPTError for a foreign source."""
    if case.dataset not in SOURCES:
        raise SkinGPTError(f"{case.id}: the source {case.dataset!r} has no label set. Use a diagnosis column.")
    return SOURCES[case.dataset].label_set


@dataclass(frozen=True)
class LabelledMaps:
    """Cases with their cached lower maps [N, K, 88, 17, 17]; copy 0 is the plain picture."""

    cases: Sequence[Case]
    maps: Tensor
    hashes: Sequence[str]
    spaces: LabelSpaces

    @property
    def space(self) -> list[str]:
        """Label set of each case."""
        return [space_of(c) for c in self.cases]

    @property
    def columns(self) -> Tensor:
        """[N] the column of each case's label."""
        return torch.tensor([self.spaces.column(space_of(c), c.label or "") for c in self.cases])

    def batch(self, rows: Sequence[int], copies: Sequence[int]) -> Tensor:
        """float32 channels-last lower maps [B, 88, 17, 17] of rows in the given copies."""
        picked = self.maps[torch.as_tensor(rows), torch.as_tensor(copies)].float()
        return picked.contiguous(memory_format=torch.channels_last)

    def plain(self, size: int = 128) -> list[tuple[list[int], Tensor]]:
        """(rows, lower maps) of the plain pictures, `size` at a time."""
        starts = range(0, len(self.cases), size)
        chunks = [list(range(start, min(start + size, len(self.cases)))) for start in starts]
        return [(rows, self.batch(rows, [0] * len(rows))) for rows in chunks]


def read_pixels(path: str) -> Pixels:
    """Decoded sRGB pixels of a trusted or untrusted photo."""
    return read_photo(path).pixels


def labelled_maps(
    cases: Sequence[Case],
    splits: Collection[str],
    folder: Path,
    part: tuple[int, int] = (0, 1),
    read: Callable[[str], Pixels] = read_pixels,
) -> LabelledMaps:
    """Cached maps of the cases of some splits; computes what is missing. Training rows have COPIES more."""
    mine = [case for case in cases if case.split in splits]
    cache = FeatureCache(folder, [case.image for case in mine], COPIES if "train" in splits else 0)
    encoder = Encoder().eval()
    encoder.load_published(encoder_weights())
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = cache.build(encoder, read, part).load()
    return LabelledMaps(mine, maps, cache.hashes, spaces())
