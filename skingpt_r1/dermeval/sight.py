"""What DermEval sees of a picture before it reads a word about it.

The writer's visual branch gives soft words and an embedding; the segmenter's outline gives measurements; the
picture-type head says how it was taken. All of it is one small record, so that a picture that is judged with many
narratives (as in training) is looked at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from skingpt_r1.images.findings import support
from skingpt_r1.images.measure import measure_lesion
from skingpt_r1.images.reading import Photo, read_photo
from skingpt_r1.models.concepts import load_concepts
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import Embedded, load_adapter, visual_digest
from skingpt_r1.models.segmenter import load_segmenter
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.narrative.vocabulary import WRITINGS, Key
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
_CHUNK: Final = 128  # pictures between two saves of the cache


@dataclass(frozen=True)
class Sight:
    """One picture. words: soft words [K, H]; embed: [E]. Both None where there is no picture.

    dermoscopy: chance that it is a dermoscopic picture, None without one. supports: how far each claim that can be
    measured is supported, 0..1; empty where no lesion was found.
    """

    words: Tensor | None = None
    embed: Tensor | None = None
    dermoscopy: float | None = None
    supports: Mapping[Key, float] = field(default_factory=dict)


class Eye:
    """Looks at photos with the shipped adapters. adapters: folder of other ones."""

    def __init__(self, adapters: Path = ADAPTERS) -> None:
        self.seer = Embedded(language=False).eval()
        load_adapter(self.seer, adapters / "writer.safetensors")
        self.segmenter = load_segmenter(adapters / "segmenter.safetensors")
        self.concepts = load_concepts(adapters / "concepts.safetensors", self.segmenter)

    @torch.inference_mode()
    def look(self, photo: Photo) -> Sight:
        """One sight; a picture without a lesion has no supports."""
        lower = self.seer.encoder.lower(self.seer.preprocess(photo.pixels))
        visual = self.seer.look(lower, lower.shape[0])
        found = measure_lesion(photo.pixels, self.segmenter.probability(photo.pixels))
        known = {key: support(found, *key) for key in WRITINGS} if found is not None else {}
        return Sight(
            words=self.seer.connector(visual)[0].clone(),
            embed=visual.embed[0].clone(),
            dermoscopy=self.concepts.modality_probability(photo.pixels),
            supports={key: round(share, 3) for key, share in known.items() if share is not None},
        )


class SightCache:
    """Sights of many pictures in a folder, by the picture's path; a killed run resumes at the last chunk.

    The folder belongs to one set of adapters: their digest is part of every name.
    """

    def __init__(self, folder: Path, adapters: Path = ADAPTERS) -> None:
        self.folder, self.adapters = folder, adapters
        self.digest = visual_digest(adapters / "writer.safetensors")

    def get(self, images: Sequence[str], workers: int = 2) -> dict[str, Sight]:
        """The sight of each picture, by path; looks at those that are new. Raises CaseError on an unreadable one."""
        wanted = list(dict.fromkeys(images))
        found: dict[str, Sight] = {}
        eye: Eye | None = None
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            path = self._path(part)
            if not path.with_suffix(".json").exists():
                eye = eye or Eye(self.adapters)
                with ThreadPoolExecutor(workers) as pool:
                    _save(path, list(pool.map(lambda image, e=eye: e.look(read_photo(image)), part)))  # type: ignore[misc]
                log.info("looked at %d/%d pictures", min(start + _CHUNK, len(wanted)), len(wanted))
            found |= zip(part, _load(path), strict=True)
        return found

    def _path(self, images: Sequence[str]) -> Path:
        stamps = [(image, Path(image).stat().st_size if Path(image).exists() else 0) for image in images]
        name = hashlib.sha256(repr((self.digest, stamps)).encode()).hexdigest()[:24]
        return self.folder / f"{name}.safetensors"


def _save(path: Path, sights: Sequence[Sight]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(
        path,
        {
            "words": torch.stack([s.words for s in sights if s.words is not None]),
            "embed": torch.stack([s.embed for s in sights if s.embed is not None]),
        },
    )
    told = [{"dermoscopy": s.dermoscopy, "supports": [[*k, v] for k, v in s.supports.items()]} for s in sights]
    write_text(path.with_suffix(".json"), json.dumps(told))  # last: its presence says that both are whole


def _load(path: Path) -> list[Sight]:
    tensors = load_file(path)
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return [
        Sight(words, embed, one["dermoscopy"], {(c, v, p): share for c, v, p, share in one["supports"]})
        for words, embed, one in zip(tensors["words"], tensors["embed"], told, strict=True)
    ]
