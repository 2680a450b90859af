"""What a file holds, told by its first bytes: a name or an extension proves nothing.

Only still-picture formats that a camera or a clinic writes are let through to a decoder; everything
else is named ("a PDF document"), so that the user learns what was actually passed.
"""

from __future__ import annotations

import re

READABLE = ("JPEG", "PNG", "WebP", "TIFF", "HEIC")

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x02", "a Python pickle"),
    (b"version https://git-lfs", "a Git LFS pointer, not the picture itself"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_MARKUP = (
    (re.compile(rb"<svg[\s>]", re.I), "an SVG drawing"),
    (re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.I), "an HTML page"),
    (re.compile(rb"^\s*<\?xml", re.I), "an XML document"),
)


def content_of(data: bytes) -> str:
    """One of READABLE, or a phrase that names what the bytes are instead ("an HTML page")."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    if data[128:132] == b"DICM":
        return "a DICOM file"
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    return _text_kind(data[:4096])


def _iso_media(data: bytes) -> str:
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, size, 4))}
    if data[8:12] in {b"avif", b"avis"} or (b"avif" in brands and not brands & {b"heic", b"heix"}):
        return "an AVIF picture"
    return "HEIC" if brands & _HEIC_BRANDS else "a video"


def _text_kind(head: bytes) -> str:
    for pattern, name in _MARKUP:
        if pattern.search(head):
            return name
    if b"\x00" in head:
        return "data of an unknown kind"
    try:
        head[:-3].decode("utf-8") if len(head) > 3 else head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) - 4:
            return "data of an unknown kind"
    return "a text file"
