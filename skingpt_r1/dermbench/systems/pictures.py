"""The picture of a question on its way to a system: a file, or bytes within the message.

What is sent to others is decoded pixels, encoded afresh: no file name (DermNet's tell the label), no EXIF.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
import math
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.reading import Photo, decode_photo, read_photo
from skingpt_r1.records import CaseError

_QUALITY: Final = 95


def photo_of(image: str) -> Photo:
    """The photo behind a path, a file URL or a data URL. Raises CaseError; nothing is fetched."""
    if image.startswith(("http://", "https://")):
        raise CaseError(f"{image[:80]}: is a URL; pictures are not fetched, name a file.")
    if not image.startswith("data:"):
        return read_photo(Path(image.removeprefix("file://")))
    try:
        return decode_photo(base64.b64decode(image.partition(",")[2], validate=True), "the picture of the message")
    except binascii.Error as error:
        raise CaseError(f"the picture of the message is no base64 ({error}).") from error


def flat(photo: Photo) -> Photo:
    """The picture's mean colour, and nothing else of it: what an image-blind run is shown."""
    colour = photo.pixels.reshape(-1, 3).mean(0).astype(np.uint8)
    return dataclasses.replace(photo, pixels=np.broadcast_to(colour, photo.pixels.shape).copy())


def within(pixels: Pixels, least: int, most: int) -> Pixels:
    """The picture with at least and at most so many pixels (width times height), sides in proportion."""
    height, width = pixels.shape[:2]
    if least <= height * width <= most:
        return pixels
    small = height * width < least
    scale = math.sqrt((least if small else most) / (height * width))
    fit = math.ceil if small else math.floor
    size = (max(1, fit(width * scale)), max(1, fit(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def data_url(pixels: Pixels, lossless: bool = False) -> str:
    """The picture as JPEG (or PNG) within a URL. The same pixels give the same text."""
    stream = io.BytesIO()
    if lossless:
        Image.fromarray(pixels).save(stream, "PNG")
    else:
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    kind = "png" if lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
