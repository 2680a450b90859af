"""Certified cases as JSON Lines in which each line carries the hash of the one before: a change shows its place.

    hash = SHA-256 of the line's JSON without "hash", keys sorted, no spaces, UTF-8; the line holds "previous"

A chain proves that nothing was changed since somebody wrote down its head (the last hash) and its length: keep both
apart from the file. Whoever can replace file and head can forge all of it; there is no secret in it. Needs no package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import replacing

START: Final = "0" * 64
"""`previous` of the first line."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A whole chain: how many lines, and the hash of the last."""

    lines: int
    head: str


def write_chain(path: Path, entries: Iterable[dict[str, Any]]) -> Chain:
    """Write entries as a chain, the file as a whole; each gets "previous" and "hash"."""
    lines, head = 0, START
    with replacing(path) as stream:
        for entry in entries:
            linked = {**entry, "previous": head}
            head = digest(linked)
            stream.write(json.dumps({**linked, "hash": head}, ensure_ascii=False) + "\n")
            lines += 1
    return Chain(lines, head)


def digest(entry: dict[str, Any]) -> str:
    """The hash of an entry that has its "previous"."""
    told = {key: value for key, value in entry.items() if key != "hash"}
    canonical = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify_chain(path: Path, head: str | None = None) -> Chain:
    """The chain, if it is whole. Raises SkinGPTError that names the first broken line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    if lines[-1]:
        raise SkinGPTError(f"{path}:{len(lines)}: the last line is cut off; fetch the file again.")
    last = START
    for number, line in enumerate(lines[:-1], 1):
        entry = _entry(path, number, line)
        if entry["previous"] != last:
            raise SkinGPTError(
                f"{path}:{number}: does not follow the line before it: a line was removed, added or moved here."
            )
        try:
            right = digest(entry)
        except ValueError:  # NaN, lone surrogates: nothing that write_chain wrote
            right = ""
        if entry["hash"] != right:
            raise SkinGPTError(f"{path}:{number}: was changed after it was written: its hash is another.")
        last = right
    if head is not None and head.lower() != last:
        raise SkinGPTError(
            f"{path}:{len(lines) - 1}: the chain ends with {last}, not with the head you gave: lines are missing "
            "at the end, or the whole file was written anew."
        )
    return Chain(len(lines) - 1, last)


def _entry(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SkinGPTError(f"{path}:{number}: no JSON object ({str(error)[:80]}).") from error
    if not isinstance(entry, dict) or not {"previous", "hash"} <= entry.keys():
        raise SkinGPTError(f"{path}:{number}: no link of a chain: it has no previous or no hash.")
    return entry


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would be read otherwise by other programs than it was hashed."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made
