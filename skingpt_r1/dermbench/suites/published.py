"""DermBench as published: the user's own copy of DermNet's pictures with the certified texts, matched by file name.

Neither ships with us: the texts are CC BY-NC 4.0, the pictures are DermNet's, whose licence restricts their use for
training and testing of AI. The texts are taken as they are, faults included; what the lint finds is written beside
them. Their diagnosis is the picture's file name, which is never sent to a system.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermbench.suites.manifest import Row, Suite, stratified
from skingpt_r1.knowledge.diagnoses import preferred
from skingpt_r1.narrative.lint import Given, lint
from skingpt_r1.records import Modality, SkinGPTError
from skingpt_r1.sources.rows import BadRow, json_rows
from skingpt_r1.sources.streams import sha256_of

NAME: Final = "dermbench"
VERSION: Final = "2511.09195"
TEXTS: Final = Path("dermbench_text") / "narratives.jsonl.gz"  # below the data folder
_FIELDS: Final = ("id", "category", "diagnosis", "image_path", "narrative")
_PICTURES: Final = frozenset({".jpg", ".jpeg", ".png"})
WHERE: Final = (
    "The texts: github.com/yuhos16/DermBench (CC BY-NC 4.0). The pictures: DermNet's test set, under DermNet's terms "
    "(dermnetnz.org/image-licence, which restrict AI testing); pass your copy with --images."
)


@dataclass(frozen=True, slots=True)
class Matched:
    """missing: image paths of texts without a picture. problems: rows that could not be used, a line each."""

    suite: Suite
    missing: tuple[str, ...]
    problems: tuple[str, ...]


def build(images: Path, texts: Path, limit: int | None = None) -> Matched:
    """The suite of all texts whose picture is below `images`, where the folders may be other ones than the texts say.

    Raises SkinGPTError where either is missing, or no text has its picture.
    """
    if not images.is_dir():
        raise SkinGPTError(f"{images}: no such folder of pictures. {WHERE}")
    if not texts.is_file():
        raise SkinGPTError(f"{texts}: no certified texts there. {WHERE}")
    files = sorted(p for p in images.rglob("*") if p.suffix.lower() in _PICTURES and p.is_file())
    exact = {path.relative_to(images).as_posix(): path for path in files}
    names = Counter(path.name for path in files)
    alone = {path.name: path for path in files if names[path.name] == 1}
    rows: list[Row] = []
    missing: list[str] = []
    problems: list[str] = []
    usable: list[dict[str, str]] = []
    for line, told in _read(texts):
        fault = told.message if isinstance(told, BadRow) else _fault(told)
        if fault is None:
            usable.append(told)
        else:
            problems.append(fault if isinstance(told, BadRow) else f"{texts}:{line}: {fault}; left out.")
    named = Counter(Path(told["image_path"]).name for told in usable)
    for told in usable:
        name = Path(told["image_path"]).name  # of two texts, or of two files, it says nothing
        path = exact.get(told["image_path"]) or (alone.get(name) if named[name] == 1 else None)
        if path is None:
            missing.append(told["image_path"])
        else:
            rows.append(_row(told, path, images))
    if not rows and not missing and problems:
        raise SkinGPTError(f"{texts}: no text can be used; the first: {problems[0]}")
    if not rows:
        raise SkinGPTError(f"{images}: holds none of the {len(missing)} pictures that {texts} names. {WHERE}")
    _once(rows, texts)
    return Matched(Suite(NAME, VERSION, limit, tuple(stratified(rows, limit))), tuple(missing), tuple(problems))


def _read(texts: Path) -> list[tuple[int, Any]]:
    try:
        return list(json_rows(texts))
    except (OSError, EOFError, zlib.error) as error:
        raise SkinGPTError(f"{texts}: cannot be read to its end ({error}); get it again.") from error


def _fault(told: Any) -> str | None:
    if not isinstance(told, dict):
        return f"holds a {type(told).__name__}, not an object"
    lacking = [name for name in _FIELDS if not isinstance(told.get(name), str) or not told[name].strip()]
    if lacking:
        return f"has no {', '.join(lacking)}"
    broken = [name for name in _FIELDS if told[name].encode("utf-8", "replace").decode() != told[name]]
    return f"holds half a character in {', '.join(broken)}" if broken else None


def _row(told: dict[str, str], path: Path, images: Path) -> Row:
    label = told["diagnosis"]
    lint_knows = Given(label=label, image=told["image_path"], modality=Modality.CLINICAL)
    return Row(
        id=told["id"],
        image=path.relative_to(images).as_posix(),
        sha256=sha256_of(path),
        source=NAME,
        group=told["id"],
        label=label,
        diagnosis=preferred(label) or preferred(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)),
        category=told["category"],
        modality=Modality.CLINICAL.value,
        reference=told["narrative"],
        made=("certified by dermatologists",),
        flags=tuple(sorted({f.rule for f in lint(told["narrative"], lint_knows)})),
    )


def _once(rows: Iterable[Row], texts: Path) -> None:
    twice = [name for name, n in Counter(row.id for row in rows).items() if n > 1]
    if twice:
        raise SkinGPTError(f"{texts}: the id {twice[0]!r} stands twice; give each text its own.")
