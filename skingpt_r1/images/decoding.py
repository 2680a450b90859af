"""Decoders by content, and every colour model that they return brought to upright 8-bit sRGB.

Alpha is laid on white. 16 bits are scaled by 257, not cut; other ranges are scaled by their own
maximum and noted. An embedded profile (Display P3 on phones, Adobe RGB, CMYK) is converted: without
it a red lesion changes its hue by what a colour claim is decided on.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from pillow_heif import HeifImageFile

Pixels = NDArray[np.uint8]
"""A decoded picture: sRGB, [height, width, 3]."""

# What decoders are seen to raise on malformed bytes (found by mutating files, see the tests).
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
)

_open_heic = cast(Callable[[io.BytesIO], ImageFile.ImageFile], HeifImageFile)  # untyped upstream
OPENERS: dict[str, Callable[[bytes], ImageFile.ImageFile]] = {
    "JPEG": lambda data: JpegImagePlugin.jpeg_factory(io.BytesIO(data)),
    "PNG": lambda data: PngImagePlugin.PngImageFile(io.BytesIO(data)),
    "WebP": lambda data: WebPImagePlugin.WebPImageFile(io.BytesIO(data)),
    "TIFF": lambda data: TiffImagePlugin.TiffImageFile(io.BytesIO(data)),
    "HEIC": lambda data: _open_heic(io.BytesIO(data)),
}
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_srgb(image: ImageFile.ImageFile) -> tuple[Pixels, tuple[str, ...]]:
    """Decoded pixels uint8 [H, W, 3] of the first frame, and notes on what was changed or assumed."""
    notes: list[str] = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # an MPO is one photo with a preview
        notes.append(f"the file holds {frames} pictures; only the first was used")
    profile = image.info.get("icc_profile")
    image.load()
    orientation = _orientation(image, notes)
    picture: Image.Image = _eight_bits(image, notes)
    alpha = _alpha(picture)
    picture = _apply_profile(picture, profile, notes)
    if alpha is not None:
        white = Image.new("RGB", picture.size, (255, 255, 255))
        white.paste(picture, mask=alpha)
        picture = white
        if alpha.getextrema()[0] != 255:
            notes.append("transparent parts were laid on white")
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    return np.array(picture, dtype=np.uint8), tuple(notes)


def _orientation(image: ImageFile.ImageFile, notes: list[str]) -> int:
    """EXIF orientation 1..8. Pillow has already turned a TIFF, libheif a HEIC; they report 1 here."""
    if image.format in ("TIFF", "HEIF"):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except DAMAGE:
        notes.append("the EXIF block is damaged; the photo may be turned")
        return 1


def _eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < top <= 65535):
        scale = 65535.0
    elif image.mode == "I" and top <= 255:
        scale = 255.0
    else:
        scale = top if top > 0 else 1.0
        notes.append("brightness was scaled by the picture's own maximum")
    return Image.fromarray(np.round(np.clip(values / scale, 0, 1) * 255).astype(np.uint8))


def _alpha(picture: Image.Image) -> Image.Image | None:
    return picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None


def _apply_profile(picture: Image.Image, profile: Any, notes: list[str]) -> Image.Image:
    """RGB in sRGB, alpha dropped. A profile that does not fit the pixels is noted and left out."""
    plain = picture
    if picture.has_transparency_data:
        plain = picture.convert("RGBA").convert("RGB")
    elif picture.mode not in ("RGB", "CMYK", "L", "LAB"):
        plain = picture.convert("L" if picture.mode == "1" else "RGB")
    if plain.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _convert(plain, source)
    if isinstance(profile, bytes) and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source) or plain.mode != "RGB":
                return _convert(plain, source)
        except DAMAGE:
            notes.append("the colour profile is damaged or does not fit; colours were taken as sRGB")
    elif plain.mode == "CMYK":
        notes.append("CMYK without a colour profile; colours are approximate")
    return plain.convert("RGB")


def _convert(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    if converted is None:
        raise ValueError("no conversion")
    return converted
