"""One line a thing done, so that a run that was killed goes on where it was: no case twice, none lost.

A line is known by its case, by what was done to the picture (`edit`) and by a digest of all that its content depends on
(`settings`): other adapters or another label set are another run, and their lines lie beside these.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from skingpt_r1.records import SkinGPTError

log = logging.getLogger(__name__)
Line = dict[str, Any]
T = TypeVar("T")
_EVERY: Final = 10.0  # seconds between two lines of progress
_NAMES: Final = ("key", "edit", "settings")


class Journal:
    """The lines of one file. Made with its folder; what a kill cut short is removed, once, when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[tuple[str, ...], Line] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise SkinGPTError(f"{path}: cannot be written ({error.strerror}); name another folder.") from error
        self._stream.seek(0)
        end = 0
        for number, line in enumerate(self._stream, 1):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            try:
                told = json.loads(line)
                self._lines[tuple(told[name] for name in _NAMES)] = told
            except (ValueError, KeyError, TypeError) as error:
                raise SkinGPTError(f"{path}:{number}: not a line of a trust run ({error!r}); remove it.") from error
        os.truncate(path, end)

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, key: str, edit: str, settings: str) -> Line | None:
        """The line of a case, None where it is not done."""
        return self._lines.get((key, edit, settings))

    def add(self, line: Line) -> None:
        """Append a line and hand it to the system, which a kill of ours does not touch."""
        name = tuple(line[part] for part in _NAMES)
        self._stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._stream.flush()
        self._lines[name] = line

    def close(self) -> None:
        """No more lines."""
        self._stream.close()


def in_batches(
    what: str, todo: Sequence[T], size: int, work: Callable[[Sequence[T]], Iterable[Line]]
) -> Iterator[Line]:
    """The lines of `work` batch by batch; the log tells the pace and the time left."""
    began = told = time.monotonic()
    for start in range(0, len(todo), size):
        batch = todo[start : start + size]
        yield from work(batch)
        done = start + len(batch)
        if time.monotonic() - told > _EVERY or done == len(todo):
            told = time.monotonic()
            pace = (told - began) / done
            log.info("%s %d/%d, %.2f s each, %.0f s left", what, done, len(todo), pace, pace * (len(todo) - done))
