"""What a training run sees: cases kept apart from the test rows, and their cached lower maps."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from skingpt_r1.distill.features import FeatureCache
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.embedding import embedder
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.models.teacher import LabelSpaces
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.clustering import Pair, key
from skingpt_r1.sources.duplicates import Thresholds, find_duplicates
from skingpt_r1.sources.registry import SOURCES, available, load
from skingpt_r1.sources.splits import keep_apart
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
COPIES = 4  # augmented, beside the plain one, of every training picture
ORDER = ("ham10000", "isic2017", "pad_ufes_20", "ham10000_hires")  # of rows in the feature cache


@dataclass(frozen=True)
class Gathered:
    """All rows of the sources that are there, and which of them a run may use.

    Features are cached for all of them, in one order, so that a change of the rule does not spoil the cache.
    """

    cases: Sequence[Case]
    usable: frozenset[int]
    pairs: Sequence[Pair]

    @property
    def dropped(self) -> frozenset[str]:
        """ "dataset/id" of the rows that no run may use."""
        return frozenset(key(case) for i, case in enumerate(self.cases) if i not in self.usable)


def gather(root: Path | None, runs: Path) -> Gathered:
    """Rows that touch a test row (or, for train, a val row) are found, counted and not usable.

    runs: the folder that caches hashes, embeddings and pairs of the pictures.
    """
    names = [s.name for s in available(root)]
    cases = [case for name in ORDER if name in names for case in load(name, root)]
    pairs = _pairs(cases, runs)
    kept, dropped = keep_apart(cases, [pair[:2] for pair in pairs])
    log.info("%d cases, %d dropped because they touch another split", len(kept), len(dropped))
    keys = {id(case) for case in kept}
    return Gathered(cases, frozenset(i for i, case in enumerate(cases) if id(case) in keys), pairs)


def _pairs(cases: Sequence[Case], runs: Path) -> list[Pair]:
    """Near-duplicates, read back while no picture has changed: the search takes minutes, and every training asks."""
    path = runs / "duplicates.json"
    stats = [(key(case), _stamp(Path(case.image))) for case in cases]
    of = hashlib.sha256(repr((stats, Thresholds())).encode()).hexdigest()
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("of") == of:
        return [(a, b, score) for a, b, score in kept["pairs"]]
    pairs = find_duplicates(cases, embedder(runs / "embeddings.safetensors"), runs / "hashes.json")
    write_text(path, json.dumps({"of": of, "pairs": pairs}))
    return pairs


def _stamp(path: Path) -> tuple[int, int] | None:
    stat = path.stat() if path.exists() else None
    return stat and (stat.st_size, stat.st_mtime_ns)


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


@dataclass(frozen=True)
class CorpusMaps(LabelledMaps):
    """The same of a corpus' cases, whose data sets may be anybody's: a column for each data set and diagnosis.

    What bites: were a diagnosis one column in all data sets, drawing the columns alike would draw what is common
    elsewhere seldom here.
    """

    @property
    def space(self) -> list[str]:
        """Data set of each case."""
        return [case.dataset for case in self.cases]

    @property
    def columns(self) -> Tensor:
        """[N] the column of each case's diagnosis in its data set."""
        kinds = [(case.dataset, case.diagnosis or "") for case in self.cases]
        column = {kind: i for i, kind in enumerate(sorted(set(kinds)))}
        return torch.tensor([column[kind] for kind in kinds])


def corpus_maps(cases: Sequence[Case], folder: Path) -> CorpusMaps:
    """Maps of the plain pictures; computes what is missing. Raises CaseError on a picture that cannot be read."""
    cache = FeatureCache(folder, [case.image for case in cases], copies=0)
    if not cache.complete():
        cache.build(frozen_encoder(), read_pixels)
    return CorpusMaps(cases, cache.load(), cache.hashes, spaces())


def selected(data: LabelledMaps, rows: Sequence[int]) -> LabelledMaps:
    """Some rows of the data, in the given order."""
    cases, hashes = [data.cases[i] for i in rows], [data.hashes[i] for i in rows]
    return LabelledMaps(cases, data.maps[torch.as_tensor(rows)], hashes, data.spaces)


def capped(data: LabelledMaps, most: int) -> LabelledMaps:
    """At most `most` rows of each source and label, chosen by picture hash: the language phases need no 1,900 nevi."""
    taken: Counter[tuple[str, str | None]] = Counter()
    rows = []
    for row in sorted(range(len(data.cases)), key=lambda i: data.hashes[i]):
        kind = (data.cases[row].dataset, data.cases[row].label)
        taken[kind] += 1
        if taken[kind] <= most:
            rows.append(row)
    return selected(data, sorted(rows))


def read_pixels(path: str) -> Pixels:
    """Decoded sRGB pixels of a trusted or untrusted photo."""
    return read_photo(path).pixels


def labelled_maps(gathered: Gathered, split: str, folder: Path, part: tuple[int, int] = (0, 1)) -> LabelledMaps:
    """Cached maps of the usable rows of a split; computes what is missing. Training rows have COPIES more.

    part: see FeatureCache.build; several processes may share the work of computing.
    """
    together = ("train",) if split == "train" else ("val", "test")
    mine = [i for i, case in enumerate(gathered.cases) if case.split in together]
    images = [gathered.cases[i].image for i in mine]
    cache = FeatureCache(folder, images, COPIES if split == "train" else 0)
    if not cache.complete():
        cache.build(frozen_encoder(), read_pixels, part)
    everything = LabelledMaps([gathered.cases[i] for i in mine], cache.load(), cache.hashes, spaces())
    wanted = [row for row, i in enumerate(mine) if i in gathered.usable and gathered.cases[i].split == split]
    return selected(everything, wanted)
