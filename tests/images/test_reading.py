"""Reading untrusted photos: every good format, every hostile file, one line for each refusal."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from skingpt_r1.images.content import content_of
from skingpt_r1.images.reading import Limits, Photo, decode_photo, read_photo, shown
from skingpt_r1.records import CaseError

QUARTERS = ((200, 30, 40), (40, 180, 60), (50, 60, 190), (230, 220, 60))


def quartered(width: int = 96, height: int = 64) -> Image.Image:
    """Four plain quarters: red, green / blue, yellow; any turn or swap of channels shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    for place, colour in enumerate(QUARTERS):
        y, x = (place // 2) * height // 2, (place % 2) * width // 2
        picture[y : y + height // 2, x : x + width // 2] = colour
    return Image.fromarray(picture)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(buffer, quality=95)
    else:
        picture.save(buffer, kind, **options)
    return buffer.getvalue()


def corners(photo: Photo) -> np.ndarray:
    """Middle pixel of each quarter, [4, 3]."""
    height, width = photo.pixels.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return np.array([photo.pixels[y, x] for y, x in places], dtype=int)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIC"])
def test_formats_by_content_not_extension(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photo.txt"
    path.write_bytes(encoded(quartered(), kind))
    photo = read_photo(path)
    assert photo.pixels.shape == (64, 96, 3) and photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous and photo.pixels.flags.writeable
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert photo.mm_per_pixel is None and photo.notes == ()
    assert np.abs(corners(photo) - np.array(QUARTERS)).max() <= 12  # lossy formats at their defaults


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    """What a viewer shows upright is the same picture whichever way the camera was held."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = quartered().transpose(undo[orientation]) if orientation in undo else quartered()
    photo = decode_photo(encoded(stored, kind, exif=exif), "photo")
    assert photo.pixels.shape == (64, 96, 3)
    assert np.abs(corners(photo) - np.array(QUARTERS)).max() <= 12


def test_alpha_is_laid_on_white() -> None:
    picture = quartered().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    photo = decode_photo(encoded(picture, "PNG"), "photo")
    assert (photo.pixels == 255).all() and "transparent" in photo.notes[0]


def test_sixteen_bits_are_scaled_not_cut() -> None:
    values = np.full((64, 64), 32896, np.uint16)  # 32896 / 257 = 128
    for kind in ("PNG", "TIFF"):
        assert (decode_photo(encoded(Image.fromarray(values), kind), "photo").pixels == 128).all()


def test_cmyk_palette_grey_and_one_bit_become_rgb() -> None:
    for mode, kind in (
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("P", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("1", "TIFF"),
    ):
        photo = decode_photo(encoded(quartered().convert(mode), kind), "photo")
        assert photo.pixels.shape == (64, 96, 3)
        assert ("CMYK" in " ".join(photo.notes)) == (mode == "CMYK")


def test_colour_profile_is_converted() -> None:
    """A LAB profile is the one that littleCMS makes itself; L* 53.2, a* 80.1, b* 67.2 is sRGB red."""
    red = Image.new("RGB", (64, 64), (255, 0, 0))
    lab = ImageCms.profileToProfile(
        red, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    photo = decode_photo(encoded(lab, "TIFF"), "photo")
    assert np.abs(photo.pixels[0, 0].astype(int) - [255, 0, 0]).max() <= 6


def test_broken_profile_is_noted_and_ignored() -> None:
    photo = decode_photo(encoded(quartered(), "PNG", icc_profile=b"not a profile"), "photo")
    assert "profile" in photo.notes[0]
    assert (corners(photo) == np.array(QUARTERS)).all()


def test_animated_gives_first_frame_with_a_note() -> None:
    for kind in ("WEBP", "PNG", "TIFF"):
        data = encoded(quartered(), kind, save_all=True, append_images=[quartered().rotate(180)])
        photo = decode_photo(data, "photo")
        assert "only the first" in photo.notes[0]
        assert np.abs(corners(photo) - np.array(QUARTERS)).max() <= 12


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    idat = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(idat) - 4) + idat + struct.pack(">I", zlib.crc32(idat))


JPEG = encoded(quartered(), "JPEG")
HOSTILE = {
    "truncated": (JPEG[: len(JPEG) * 2 // 3], "damaged or cut off"),
    "empty": (b"", "empty"),
    "text": (b"Dear doctor,\nplease find attached", "a text file"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
    "gif": (b"GIF89a" + bytes(40), "a GIF picture"),
    "dicom": (bytes(128) + b"DICM" + bytes(40), "a DICOM file"),
    "video": (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "a video"),
    "binary": (bytes(range(256)), "unknown kind"),
    "bomb": (png_header(30_000, 30_000), "30000 x 30000 pixels; the limit is 64 megapixels"),
    "zero": (png_header(0, 0), "no pixels"),
    "one pixel": (encoded(Image.new("RGB", (1, 1)), "PNG"), "1 x 1 pixels are too few"),
    "header only": (JPEG[:24], "damaged or cut off"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_named_jpg(tmp_path: Path, name: str) -> None:
    data, expected = HOSTILE[name]
    path = tmp_path / f"{name}.jpg"
    path.write_bytes(data)
    with pytest.raises(CaseError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and expected in message.removeprefix(str(path))
    assert "\n" not in message and message.endswith(".")


def test_things_that_are_not_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # reading it would block for ever
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    expected = {
        tmp_path: "a folder",
        tmp_path / "pipe": "a pipe",
        tmp_path / "link": "no such file",
        tmp_path / "gone.jpg": "no such file",
        Path("/dev/zero"): "a device",
        tmp_path / ("x" * 400): "shorten the name",
        tmp_path / "a\0b": "cannot be read",
        Path("/proc/self/cmdline"): "not a photo",  # regular, of size 0, and yet not empty
    }
    for path, words in expected.items():
        with pytest.raises(CaseError, match=words):
            read_photo(path)


def test_newline_in_the_name_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines\x1b[31m.jpg"
    path.write_bytes(b"hello")
    with pytest.raises(CaseError) as caught:
        read_photo(path)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert "two\\nlines" in str(caught.value)
    assert shown("photo é.jpg") == "photo é.jpg"


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(quartered(), "PNG"))
    with pytest.raises(CaseError, match="MiB; the limit"):
        read_photo(path, Limits(max_bytes=20))
    with pytest.raises(CaseError, match="96 x 64 pixels; the limit"):
        read_photo(path, Limits(max_pixels=6000))
    assert read_photo(path, mm_per_pixel=0.1).mm_per_pixel == 0.1
    with pytest.raises(CaseError, match="impossible"):
        read_photo(path, mm_per_pixel=0)


def test_resolution_tags_are_not_a_ruler() -> None:
    assert decode_photo(encoded(quartered(), "JPEG", dpi=(300, 300)), "photo").mm_per_pixel is None


KINDS = {kind: encoded(quartered(), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIC")}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0.05, 1),
)
def test_mutated_files_end_in_a_photo_or_a_case_error(kind: str, changes: list[tuple[float, int]], keep: float) -> None:
    data = bytearray(KINDS[kind])
    for where, value in changes:
        data[int(where * (len(data) - 1))] = value
    try:
        photo = decode_photo(bytes(data[: int(keep * len(data))]), "x")
    except CaseError as error:
        assert "\n" not in str(error)
    else:
        assert photo.pixels.ndim == 3


def test_content_of_is_total() -> None:
    assert content_of(b"") == "a text file"
    assert content_of("Ärztliche Notiz".encode()) == "a text file"
    assert content_of(encoded(quartered(), "HEIC")) == "HEIC"


def test_real_photo(data_root: Path) -> None:
    """256 x 256 is what the folder's README states for ISIC-2017."""
    photo = read_photo(data_root / "isic2017" / "images" / "ISIC_0000000.jpg")
    assert photo.pixels.shape == (256, 256, 3) and len(photo.sha256) == 64
