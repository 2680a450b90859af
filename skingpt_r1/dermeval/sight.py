"""What DermEval sees of a picture before it reads a word about it.

The writer's visual branch gives soft words and an embedding; the segmenter's outline gives measurements; the
picture-type head says how it was taken. A backbone with an eye of its own gives its words in place of the soft ones,
and nothing else changes. All of it is one record, so that a picture that is judged with many narratives (as in
training) is looked at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from skingpt_r1.images.findings import support
from skingpt_r1.images.measure import measure_lesion
from skingpt_r1.images.reading import Photo, read_photo
from skingpt_r1.models.backbones import Backbone
from skingpt_r1.models.concepts import load_concepts
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import Embedded, load_adapter, visual_digest
from skingpt_r1.models.prompts import Shown
from skingpt_r1.models.segmenter import load_segmenter
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.narrative.vocabulary import WRITINGS, Key
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
_CHUNK: Final = 128  # pictures between two saves of the cache


@dataclass(frozen=True)
class Sight:
    """One picture. words: [K, H], soft ones or the backbone's; embed: [E]. Both None where there is no picture.

    dermoscopy: chance that it is a dermoscopic picture, None without one. supports: how far each claim that can be
    measured is supported, 0..1; empty where no lesion was found. grid: the backbone's patches in time, height and
    width that the words were merged from, None for soft words.
    """

    words: Tensor | None = None
    embed: Tensor | None = None
    dermoscopy: float | None = None
    supports: Mapping[Key, float] = field(default_factory=dict)
    grid: tuple[int, int, int] | None = None

    @property
    def shown(self) -> Shown | None:
        """The picture as the language model is shown it."""
        return None if self.words is None else Shown(self.words, self.grid)


class Eye:
    """Looks at photos with the shipped adapters. adapters: folder of other ones. backbone: who is to be shown them."""

    def __init__(self, adapters: Path = ADAPTERS, backbone: Backbone | None = None) -> None:
        self.backbone = backbone
        self.seer = Embedded(language=False).eval()
        load_adapter(self.seer, adapters / "writer.safetensors")
        self.segmenter = load_segmenter(adapters / "segmenter.safetensors")
        self.concepts = load_concepts(adapters / "concepts.safetensors", self.segmenter)

    @torch.inference_mode()
    def look(self, photo: Photo) -> Sight:
        """One sight; a picture without a lesion has no supports. Raises CaseError where the backbone sees nothing."""
        lower = self.seer.encoder.lower(self.seer.preprocess(photo.pixels))
        visual = self.seer.look(lower, lower.shape[0])
        found = measure_lesion(photo.pixels, self.segmenter.probability(photo.pixels))
        known = {key: support(found, *key) for key in WRITINGS} if found is not None else {}
        own = None if self.backbone is None else self.backbone.look(photo.pixels)
        shown = Shown(self.seer.connector(visual)[0].clone()) if own is None else own
        return Sight(
            words=shown.words,
            embed=visual.embed[0].clone(),
            dermoscopy=self.concepts.modality_probability(photo.pixels),
            supports={key: round(share, 3) for key, share in known.items() if share is not None},
            grid=shown.grid,
        )


class SightCache:
    """Sights of many pictures in a folder, by the picture's path; a killed run resumes at the last chunk.

    Every name holds the digest of the adapters, and of the backbone where that has an eye of its own.
    change: what is done to a photo before it is looked at, to ask what an evaluator makes of another one.
    """

    def __init__(
        self,
        folder: Path,
        adapters: Path = ADAPTERS,
        backbone: Backbone | None = None,
        change: Callable[[Photo], Photo] | None = None,
    ) -> None:
        self.folder, self.adapters, self.backbone, self.change = folder, adapters, backbone, change
        self.digest = visual_digest(adapters / "writer.safetensors") + ("" if backbone is None else backbone.digest)
        self.digest += "" if change is None else f" {change.__name__}"

    def get(self, images: Sequence[str], workers: int = 2) -> dict[str, Sight]:
        """The sight of each picture, by path; looks at those that are new. Raises CaseError on an unreadable one."""
        wanted = list(dict.fromkeys(images))
        found: dict[str, Sight] = {}
        eye: Eye | None = None
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            path = self._path(part)
            if not path.with_suffix(".json").exists():
                eye = eye or Eye(self.adapters, self.backbone)
                with ThreadPoolExecutor(workers) as pool:
                    _save(path, list(pool.map(partial(self._seen, eye), part)))
                log.info("looked at %d/%d pictures", min(start + _CHUNK, len(wanted)), len(wanted))
            found |= zip(part, _load(path), strict=True)
        return found

    def _seen(self, eye: Eye, image: str) -> Sight:
        photo = read_photo(image)
        return eye.look(photo if self.change is None else self.change(photo))

    def _path(self, images: Sequence[str]) -> Path:
        stamps = [(image, Path(image).stat().st_size if Path(image).exists() else 0) for image in images]
        name = hashlib.sha256(repr((self.digest, stamps)).encode()).hexdigest()[:24]
        return self.folder / f"{name}.safetensors"


def _save(path: Path, sights: Sequence[Sight]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [s.words for s in sights if s.words is not None]
    save_tensors(
        path,
        {
            "words": torch.stack(words) if sights[0].grid is None else torch.cat(words),  # a grid has its own number
            "embed": torch.stack([s.embed for s in sights if s.embed is not None]),
        },
    )
    told = [
        {
            "dermoscopy": s.dermoscopy,
            "supports": [[*k, v] for k, v in s.supports.items()],
            "words": 0 if s.words is None else len(s.words),
            "grid": s.grid,
        }
        for s in sights
    ]
    write_text(path.with_suffix(".json"), json.dumps(told))  # last: its presence says that both are whole


def _load(path: Path) -> list[Sight]:
    tensors = load_file(path)
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    stored = tensors["words"]
    parts = stored if stored.ndim == 3 else stored.split([one["words"] for one in told])
    return [
        Sight(
            words,
            embed,
            one["dermoscopy"],
            {(c, v, p): share for c, v, p, share in one["supports"]},
            tuple(one["grid"]) if one.get("grid") else None,
        )
        for words, embed, one in zip(parts, tensors["embed"], told, strict=True)
    ]
