"""Pictures made for tests: a lesion-like blob with texture, different for every seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from skingpt_r1.records import Case, Modality


def lesion(seed: int, size: tuple[int, int] = (200, 200)) -> Image.Image:
    """Skin with one dark, textured, irregular spot in the middle: what all skin pictures look like."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = np.arctan2(y, x)
    outline = 0.55 + sum(rng.normal(0, 0.06) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in range(2, 6))
    inside = 1 / (1 + np.exp((np.hypot(x, y) - outline) * 25))
    texture = ndimage.gaussian_filter(rng.normal(size=(height, width)), height / 45)
    texture /= texture.std()
    dark = inside * (0.6 + 0.18 * texture) + 0.03 * texture
    skin, spot = np.array([225, 180, 165]), np.array([70, 40, 35])
    pixels = skin + (spot - skin) * dark[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def as_case(path: Path, dataset: str = "made", **fields: str | None) -> Case:
    """A dermoscopy case of a picture on disk, named by its stem."""
    return Case(path.stem, str(path), Modality.DERMOSCOPY, dataset, **fields)  # type: ignore[arg-type]
