"""A suite on disk: `manifest.jsonl`, a header and one line a case, and never a picture.

The header carries a digest of all lines and of what they were made with; a results table that names the digest names
the very texts and pictures (by SHA-256) that were used. Pictures are looked for below the data folder of each user.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.streams import sha256_of, write_text

MANIFEST: Final = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """One case.

    id: unique in the suite. image: path below the data folder. sha256: of the picture's file. group: patient or lesion,
    the case's own id where none is recorded. label: the source's spelling; diagnosis: preferred name, None where the
    table has none. category: disease category. history: recorded fields that a prompt may tell. subgroup: skin type,
    age, sex and site where recorded. reference: told without the history; with_history: told with it, None where
    nothing is recorded. made: what the reference was made from, made_with_history the same of the other. flags: lint
    rules that the reference breaks.
    """

    id: str
    image: str
    sha256: str
    source: str
    group: str
    label: str
    diagnosis: str | None
    category: str
    modality: str
    reference: str
    made: tuple[str, ...]
    history: Mapping[str, Any] = field(default_factory=dict)
    subgroup: Mapping[str, Any] = field(default_factory=dict)
    with_history: str | None = None
    made_with_history: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """name, version: of the suite. limit: at most so many cases, None for all. digest: of all of it, hex."""

    name: str
    version: str
    limit: int | None
    rows: tuple[Row, ...]

    @property
    def digest(self) -> str:
        """Changes whenever a line, the version or the limit does."""
        return hashlib.sha256("".join([self._settings(), *map(line_of, self.rows)]).encode()).hexdigest()

    def _settings(self) -> str:
        return json.dumps({"suite": self.name, "version": self.version, "limit": self.limit}) + "\n"

    def header(self) -> dict[str, Any]:
        """The first line."""
        return {
            "suite": self.name, "version": self.version, "limit": self.limit, "cases": len(self.rows),
            "digest": self.digest,
        }  # fmt: skip


def line_of(row: Row) -> str:
    """One JSON line."""
    return json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n"


def write(suite: Suite, folder: Path) -> Path:
    """The manifest in a folder, replacing one that is there."""
    path = folder / MANIFEST
    write_text(path, json.dumps(suite.header()) + "\n" + "".join(map(line_of, suite.rows)))
    return path


def read(folder: Path) -> Suite:
    """A suite that was built. Raises SkinGPTError, naming the line, where it is missing, damaged or edited."""
    path = folder / MANIFEST
    try:
        first, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SkinGPTError(f"{path}: no suite there. Build one: skingpt bench build --out {folder}") from error
    number = 1
    try:
        header = json.loads(first)
        name, version, limit = header["suite"], header["version"], header["limit"]
        rows = []
        for line in lines:
            number += 1
            rows.append(_row(json.loads(line)))
    except (ValueError, TypeError, KeyError) as error:
        raise SkinGPTError(f"{path}:{number}: damaged ({error}); build the suite again.") from error
    suite = Suite(name, version, limit, tuple(rows))
    if suite.digest != header.get("digest"):
        raise SkinGPTError(
            f"{path}: was changed after it was built (its digest is another), so results on it would not compare. "
            "Build the suite again."
        )
    return suite


def _row(fields: dict[str, Any]) -> Row:
    lists = {name: tuple(fields[name]) for name in ("made", "made_with_history", "flags")}
    return Row(**{**fields, **lists})


def pictures(suite: Suite, root: Path) -> dict[str, Path]:
    """The file of each case below a data folder. Raises SkinGPTError where one is missing or another picture."""
    found = {row.id: root / row.image for row in suite.rows}
    if missing := [path for path in found.values() if not path.is_file()]:
        raise SkinGPTError(
            f"{missing[0]}: no such picture ({len(missing)} of {len(found)} are missing). The suite {suite.name} names "
            "pictures below the data folder: pass it with --data."
        )
    other = [row for row in suite.rows if sha256_of(found[row.id]) != row.sha256]
    if other:
        raise SkinGPTError(
            f"{found[other[0].id]}: is another picture than the suite was built from ({len(other)} of {len(found)} "
            "are). Build the suite again from this folder."
        )
    return found


def stratified(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """At most so many rows, in their order: of each source and label its share, chosen by a hash of the id."""
    if limit is None or limit >= len(rows):
        return list(rows)
    strata: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda r: hashlib.sha256(r.id.encode()).hexdigest()):
        strata.setdefault((row.source, row.label), []).append(row)
    exact = {kind: limit * len(of) / len(rows) for kind, of in strata.items()}
    quota = {kind: int(share) for kind, share in exact.items()}
    by_rest = sorted(strata, key=lambda kind: (quota[kind] - exact[kind], kind))
    for kind in by_rest[: limit - sum(quota.values())]:
        quota[kind] += 1
    chosen = {row.id for kind, of in strata.items() for row in of[: quota[kind]]}
    return [row for row in rows if row.id in chosen]
