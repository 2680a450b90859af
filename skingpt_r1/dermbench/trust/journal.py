"""One line a thing done, so that a run that was killed goes on where it was: no case twice, none lost.

A line is known by its case, by what was done to the picture (`edit`) and by a digest of all that its content depends on
(`settings`): other adapters or another label set are another run, and their lines lie beside these.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from skingpt_r1.dermbench.systems.batching import AT_ONCE
from skingpt_r1.dermcot.engines import in_threads
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.pace import Pace

log = logging.getLogger(__name__)
Line = dict[str, Any]
T = TypeVar("T")
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
        if end < self._stream.seek(0, os.SEEK_END):
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
    """The lines of `work` in order, a batch on each core; the log tells the pace and the time left."""
    batches = [todo[start : start + size] for start in range(0, len(todo), size)]
    pace, done = Pace(log, len(todo), unit=what), 0
    for batch, lines in zip(batches, in_threads(lambda batch: list(work(batch)), batches, AT_ONCE), strict=True):
        yield from lines
        done += len(batch)
        pace.tell(done)
