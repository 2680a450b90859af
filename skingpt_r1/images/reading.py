"""Reading a photo that nobody vouches for.

Order matters: the file's kind and size are checked before a byte is read, its declared width and
height before a pixel is decoded. Decoders are called by content and directly, not by
`PIL.Image.open`: no plugin that a stranger registered can answer, and Pillow's own bomb warning
cannot get in the way of our limit. What comes out is pixels: EXIF (place, time, owner) stays behind.
A resolution tag (DPI) is never believed: cameras write 72 or 300 into every photo.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import warnings
from dataclasses import dataclass
from typing import Final

from skingpt_r1.images.content import READABLE, content_of
from skingpt_r1.images.decoding import DAMAGE, OPENERS, Pixels, to_srgb
from skingpt_r1.records import CaseError

_FILE_KINDS: Final = (
    (stat.S_ISDIR, "a folder, not a photo; pass the pictures inside it"),
    (stat.S_ISFIFO, "a pipe, not a file; save the picture to a file first"),
    (stat.S_ISSOCK, "a socket, not a file; save the picture to a file first"),
    (stat.S_ISCHR, "a device, not a file; pass a photo"),
    (stat.S_ISBLK, "a device, not a file; pass a photo"),
)
_SAVE_AS: Final = "save the photo as JPEG or PNG and pass that"
# A decoder's remarks about odd tags are not for the user, who gets one line, and only if it matters.
warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\b")
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most. max_bytes: file size. max_pixels: width x height, before decoding.

    min_side: pixels of the shorter side; below it no finding is visible.
    """

    max_bytes: int = 50 * 2**20
    max_pixels: int = 64_000_000
    min_side: int = 32


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded picture without metadata.

    path: as given by the caller. pixels: uint8 [H, W, 3], sRGB, upright, contiguous, writable.
    sha256: of the file's bytes, hex. mm_per_pixel: millimetres a pixel of `pixels` spans, known only if
    the caller measured it (ruler, DICOM spacing). notes: what was changed or assumed, for the report.
    """

    path: str
    pixels: Pixels
    sha256: str
    mm_per_pixel: float | None = None
    notes: tuple[str, ...] = ()


def shown(path: str | os.PathLike[str]) -> str:
    """The path on one printable line: as it is, or quoted like repr if it holds control characters."""
    text = os.fsdecode(path)
    return text if text.isprintable() else repr(text)


def read_photo(
    path: str | os.PathLike[str], limits: Limits | None = None, *, mm_per_pixel: float | None = None
) -> Photo:
    """The photo in a file. Raises CaseError, one line naming the file and the remedy, if there is none."""
    limits = limits or Limits()
    return decode_photo(_read_bytes(path, limits), path, limits, mm_per_pixel=mm_per_pixel)


def decode_photo(
    data: bytes,
    name: str | os.PathLike[str],
    limits: Limits | None = None,
    *,
    mm_per_pixel: float | None = None,
) -> Photo:
    """The photo in these bytes (an upload, a member of an archive); `name` is used in messages only."""
    limits = limits or Limits()
    label = shown(name)
    if mm_per_pixel is not None and not 0 < mm_per_pixel < 10:
        raise CaseError(f"{label}: {mm_per_pixel} mm a pixel is impossible; measure the ruler again.")
    if not data:
        raise CaseError(f"{label}: the file is empty; copy or download it again.")
    if len(data) > limits.max_bytes:
        raise CaseError(_too_heavy(label, len(data), limits))
    content = content_of(data)
    if content not in READABLE:
        raise CaseError(f"{label}: this is {content}, not a photo ({', '.join(READABLE)}); {_SAVE_AS}.")
    try:
        with OPENERS[content](data) as image:
            _check_size(label, image.size, limits)
            pixels, notes = to_srgb(image)
    except DAMAGE as error:
        raise CaseError(_damaged(label, content, data, error)) from error
    _check_size(label, (pixels.shape[1], pixels.shape[0]), limits)
    return Photo(os.fsdecode(name), pixels, hashlib.sha256(data).hexdigest(), mm_per_pixel, notes)


def _read_bytes(path: str | os.PathLike[str], limits: Limits) -> bytes:
    label = shown(path)
    try:
        _check_kind(label, os.stat(path).st_mode)
        # O_NONBLOCK: a pipe put in the file's place between the two calls must not hang us.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            _check_kind(label, status.st_mode)
            if status.st_size > limits.max_bytes:
                raise CaseError(_too_heavy(label, status.st_size, limits))
            return file.read(limits.max_bytes + 1)
    except FileNotFoundError:
        raise CaseError(f"{label}: no such file; check the path.") from None
    except PermissionError:
        raise CaseError(f"{label}: not readable for this user; change its permissions.") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        number = getattr(error, "errno", None)
        reason = os.strerror(number).lower() if number else "not a possible file name"
        remedy = "shorten the name" if number == errno.ENAMETOOLONG else "check the path"
        raise CaseError(f"{label}: cannot be read ({reason}); {remedy}.") from None


def _check_kind(label: str, mode: int) -> None:
    for is_kind, message in _FILE_KINDS:
        if is_kind(mode):
            raise CaseError(f"{label}: {message}.")


def _check_size(label: str, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise CaseError(
            f"{label}: {width} x {height} pixels; the limit is {limits.max_pixels / 1e6:g} megapixels. "
            "Crop the photo to the lesion, or save it smaller."
        )
    if min(width, height) < limits.min_side:
        raise CaseError(
            f"{label}: {width} x {height} pixels are too few, each side needs {limits.min_side}; "
            "pass the original photo, not a thumbnail."
        )


def _too_heavy(label: str, size: int, limits: Limits) -> str:
    return (
        f"{label}: {size / 2**20:.1f} MiB; the limit is {limits.max_bytes / 2**20:g} MiB. "
        "Save the photo as JPEG, or crop it to the lesion."
    )


def _damaged(label: str, content: str, data: bytes, error: BaseException) -> str:
    if content == "PNG" and len(data) >= 24 and not (any(data[16:20]) and any(data[20:24])):
        return f"{label}: the PNG has no pixels; pass the original photo."
    if isinstance(error, MemoryError):
        return f"{label}: not enough memory for this {content} picture; crop it or make it smaller."
    return (
        f"{label}: the {content} picture is damaged or cut off and cannot be decoded; "
        "copy or download it again, or open it in a photo program and save it anew."
    )
