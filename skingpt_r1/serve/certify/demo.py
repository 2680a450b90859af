"""A small queue to try the page with: the example photos turned and cropped, with drafts in our grammar.

No network is loaded: the lesion is found by a brightness threshold (Otsu), which does for a demo
and nothing else. Every third draft argues for another diagnosis than the true one: something to reject.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab
from skimage.filters import gaussian, threshold_otsu

from skingpt_r1.dermcot.describing import Measured
from skingpt_r1.dermcot.scoring import LintScorer
from skingpt_r1.dermcot.stages import BuildConfig, Entry, Tools, as_line, entry_of
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import Case, History, Modality, SkinGPTError
from skingpt_r1.sources.streams import write_text

TRUTH: Final = {"ISIC_0012395": "melanoma", "ISIC_0012551": "melanocytic nevus"}  # see examples/CREDITS.md
_WRONG: Final = ("seborrheic keratosis", "dermatofibroma", "basal cell carcinoma", "melanoma", "melanocytic nevus")
_SITES: Final = ("back", "forearm", "calf", "shoulder", "abdomen")
_SIDE: Final = 900  # pixels


def make(folder: Path, pictures: Path, n: int, seed: int = 0) -> Path:
    """A corpus folder with n cases. Raises SkinGPTError where the example photos are not."""
    photos = [(path, TRUTH[path.stem]) for path in sorted(pictures.glob("*.jpg")) if path.stem in TRUTH]
    if not photos:
        raise SkinGPTError(f"{pictures}: the example photos are not here; give their folder with --pictures.")
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    tools = Tools(Measured(outline), LintScorer(), {})
    rng = random.Random(seed)
    lines: list[str] = []
    for number, (pixels, truth) in zip(range(4 * n), _variants(photos, rng), strict=False):
        if len(lines) == n:
            break
        path = folder / "pictures" / f"{number:03d}.jpg"
        Image.fromarray(pixels).save(path, quality=92)
        entry = _entry(number, path, truth, tools, rng)
        if entry.text is not None:
            case = dataclasses.replace(entry.case, image=f"pictures/{path.name}")
            lines.append(as_line(dataclasses.replace(entry, case=case, kept=True, why="")))
    if len(lines) < n:
        raise SkinGPTError(f"{pictures}: only {len(lines)} of {n} demo cases could be drafted; ask for fewer.")
    write_text(folder / "corpus.jsonl", "".join(lines))
    return folder


def outline(pixels: Pixels) -> NDArray[np.float32]:
    """1 where the picture is darker than Otsu's threshold, away from the corners, else 0."""
    dark = -gaussian(rgb2lab(pixels)[..., 0], sigma=max(pixels.shape[:2]) / 150)
    height, width = dark.shape
    y, x = np.ogrid[:height, :width]
    middle = ((y / height - 0.5) ** 2 + (x / width - 0.5) ** 2) < 0.23
    return ((dark > threshold_otsu(dark[middle])) & middle).astype(np.float32)


def _entry(number: int, path: Path, truth: str, tools: Tools, rng: random.Random) -> Entry:
    argued = rng.choice([name for name in _WRONG if name != truth]) if number % 3 == 2 else truth
    history = History(age=float(rng.randint(25, 85)), site=rng.choice(_SITES), grew=rng.random() < 0.5)
    case = Case(f"case-{number:03d}", str(path), Modality.DERMOSCOPY, "demo", history, argued, argued, split="train")
    entry = entry_of(case, tools, BuildConfig(seed=number))
    return dataclasses.replace(entry, case=dataclasses.replace(case, label=truth, diagnosis=truth))


def _variants(photos: list[tuple[Path, str]], rng: random.Random) -> Iterator[tuple[Pixels, str]]:
    """Endlessly: the photos turned, mirrored and cropped a little."""
    read = []
    for path, truth in photos:
        picture = Image.fromarray(read_photo(path).pixels)
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        read.append((np.asarray(picture), truth))
    while True:
        for pixels, truth in read:
            height, width = pixels.shape[:2]
            top, left = rng.randint(0, height // 12), rng.randint(0, width // 12)
            cut = pixels[top : height - height // 12 + top, left : width - width // 12 + left]
            turned = np.rot90(cut, rng.randint(0, 3))
            yield np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned), truth
