"""Pictures that no dermatologist would be asked about, made by code: nothing is downloaded, nothing is shipped.

What a gate was fitted on it refuses easily, so some families are drawn for the test only, and of the others the test
sees other source pictures and other seeds. `Use` tells which. Every picture names the source that it was cut from
or the draw that it came from (`group`): intervals draw whole sources, for a hundred cuts of one photo are one photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from skingpt_r1.dermbench.trust import drawn
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import Case, SkinGPTError

SIDE: Final = 256
LEAST_SIDE: Final = 72  # of a cut of plain skin, before it is brought to SIDE
_GAP: Final = 0.03  # of the longer side, kept between a cut of plain skin and the lesion


class Use(StrEnum):
    """What a picture may be used for."""

    FIT = "fit"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """One picture out of scope. pixels: uint8 [H, W, 3]. seen: whether the gate's fit knows this family."""

    family: str
    group: str
    pixels: Pixels
    seen: bool


PHOTOS: Final = {
    Use.FIT: (
        "brick.png", "chelsea.png", "chessboard_RGB.png", "clock_motion.png", "coffee.png", "color.png", "grass.png",
        "gravel.png", "hubble_deep_field.jpg", "motorcycle_left.png", "phantom.png", "text.png",
    ),
    Use.TEST: (
        "astronaut.png", "camera.png", "cell.png", "coins.png", "horse.png", "ihc.png", "logo.png",
        "microaneurysms.png", "moon.png", "page.png", "retina.jpg", "rocket.jpg",
    ),
}  # fmt: skip
"""scikit-image's sample pictures that lie in its wheel, no source on both sides."""


def outside(use: Use, each: int, seed: int = 0) -> Iterator[Outside]:
    """`each` pictures of every family that this use may see; the same for the same seed.

    Plain skin is not among them: it needs cases (`plain_skin`). Raises SkinGPTError where matplotlib is missing.
    """
    yield from _photos(use, each, seed)
    families = drawn.SEEN if use is Use.FIT else drawn.SEEN | drawn.UNSEEN
    for name, draw in families.items():
        for number in range(each):
            rng = np.random.default_rng([seed, number, use is Use.TEST, *name.encode()])
            yield Outside(name, f"{name}/{number}", draw(rng, SIDE), name in drawn.SEEN)


def _photos(use: Use, each: int, seed: int) -> Iterator[Outside]:
    """The whole picture first, then square cuts of it at random places and sizes."""
    rng = np.random.default_rng([seed, use is Use.TEST])
    names = PHOTOS[use]
    for number in range(each):
        name = names[number % len(names)]
        picture = _sample(name)
        if number >= len(names):
            side = int(min(picture.size) * rng.uniform(0.35, 0.9))
            left, top = (int(rng.integers(0, size - side + 1)) for size in picture.size)
            picture = picture.crop((left, top, left + side, top + side))
        picture.thumbnail((2 * SIDE, 2 * SIDE))
        if min(picture.size) < SIDE // 2:
            picture = picture.resize((SIDE, round(SIDE * picture.height / picture.width)))
        yield Outside("sample photos", name, np.asarray(picture), True)


def _sample(name: str) -> Image.Image:
    import skimage

    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file():
        raise SkinGPTError(f"{path}: scikit-image's sample picture is missing; install scikit-image from its wheel.")
    return Image.open(path).convert("RGB")


Outline = Callable[[Case, Pixels], NDArray[np.bool_]]


def expert_outline(case: Case, pixels: Pixels) -> NDArray[np.bool_]:
    """The expert's mask of a case. Raises SkinGPTError where it has none."""
    if case.mask is None:
        raise SkinGPTError(f"{case.dataset}/{case.id}: no expert mask, so nobody knows where its skin is plain.")
    return load_mask(case.mask, "centre-square" if case.dataset == "ham10000" else "full", pixels.shape[:2])


def plain_skin(cases: list[Case], outline: Outline, family: str, seen: bool, seed: int = 0) -> Iterator[Outside]:
    """The largest square of each picture that keeps off the lesion, where one of LEAST_SIDE pixels fits.

    Half of them are enlarged, half mirrored at their edges until they fill the frame: one alone would let a gate
    recognise the enlarging or the mirroring and not the skin.
    """
    for number, case in enumerate(cases):
        pixels = read_photo(case.image).pixels
        cut = free_square(outline(case, pixels))
        if cut is None:
            continue
        top, left, side = cut
        square = pixels[top : top + side, left : left + side]
        rng = np.random.default_rng([seed, number])
        yield Outside(family, case.group or case.id, _filled(square, mirrored=rng.random() < 0.5), seen)


def free_square(lesion: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """(top, left, side) of the largest square without lesion, None where it is below LEAST_SIDE. lesion: [H, W]."""
    gap = max(2, round(_GAP * max(lesion.shape)))
    blocked = np.pad(ndi.binary_dilation(lesion, iterations=gap), 1, constant_values=True)
    reach = ndi.distance_transform_cdt(~blocked, metric="chessboard")[1:-1, 1:-1]
    middle = np.unravel_index(int(reach.argmax()), reach.shape)
    radius = int(reach[middle]) - 1  # the nearest blocked pixel is left out
    side = 2 * radius + 1
    return (int(middle[0]) - radius, int(middle[1]) - radius, side) if side >= LEAST_SIDE else None


def _filled(square: Pixels, mirrored: bool) -> Pixels:
    if len(square) >= SIDE:
        return square
    if not mirrored:
        return np.asarray(Image.fromarray(np.ascontiguousarray(square)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    missing = SIDE - len(square)
    before = missing // 2
    around = ((before, missing - before), (before, missing - before), (0, 0))
    return np.pad(square, around, mode="symmetric")
