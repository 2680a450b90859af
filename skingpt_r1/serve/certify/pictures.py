"""The picture of a case as browsers get it: decoded, shrunk and written again without metadata or name."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from PIL import Image

from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import CaseError

_SIDE: Final = 2400  # pixels of the longer side: enough to zoom, bearable for a tablet
_QUALITY: Final = 92
_KEPT: Final = 24  # pictures in memory: the raters are mostly at the same cases


class Pictures:
    """JPEG bytes by path; the last ones stay in memory."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def jpeg(self, path: str) -> bytes:
        """The picture. Raises CaseError whose text does not tell the path: it may hold the label."""
        with self._lock:
            if path in self._made:
                self._made.move_to_end(path)
                return self._made[path]
        made = _encoded(path)
        with self._lock:
            self._made[path] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made


def _encoded(path: str) -> bytes:
    try:
        photo = read_photo(Path(path))
    except CaseError as error:
        raise CaseError("The picture of this case cannot be read; reject the case and say so.") from error
    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
