"""Gives a built corpus away: JSON Lines, LLaMA-Factory (ShareGPT with pictures), Parquet for Hugging Face `datasets`.

    out/corpus.jsonl           one row a case; `image` is a path inside this folder
    out/images/...             the pictures, decoded and written again: no metadata of a camera or a person goes along
    out/sharegpt.train.json    LLaMA-Factory's ShareGPT form, by split; dataset_info.json names the files
    out/data/train.parquet     the rows with the pictures in them, by split
    out/croissant.json         what the files are, in the terms of ML Commons' Croissant
    out/README.md              the data card, made from the run

The folder appears as a whole once everything is written. What bites: the pictures are JPEG of quality 95, not the
originals' bytes, and their licence stays that of their source.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from PIL import Image

from skingpt_r1.dermcot.card import Card, card_of, croissant_of
from skingpt_r1.images.reading import read_photo
from skingpt_r1.narrative.question import QUESTION, history_text
from skingpt_r1.records import SCHEMA_VERSION, History, SkinGPTError
from skingpt_r1.sources.rows import BadRow, json_rows
from skingpt_r1.sources.splits import SPLITS
from skingpt_r1.sources.streams import appearing, picture_of, replacing, write_text

log = logging.getLogger(__name__)
_QUALITY: Final = 95
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_BATCH: Final = 256  # rows of a Parquet row group
_UNSPLIT: Final = "train"  # of cases whose source has no splits


class Form(StrEnum):
    """What else than JSON Lines is written."""

    SHAREGPT = "sharegpt"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Row:
    """One case as others read it. image: path below the exported folder. history: what the narrative was told."""

    id: str
    image: str
    text: str
    diagnosis: str
    label: str
    split: str
    dataset: str
    modality: str
    history: dict[str, Any]
    scorer: str
    score: float


def export(corpus: Path, out: Path, forms: Sequence[Form]) -> tuple[Path, list[str]]:
    """Write the kept entries of a built corpus; returns the folder and a line for each row left out.

    Raises SkinGPTError where `corpus` is no finished build, `out` exists or no row is left.
    """
    entries = corpus / "corpus.jsonl"
    if not entries.is_file():
        raise SkinGPTError(f"{entries}: no finished corpus; run skingpt dermcot build --out {corpus} (--resume) first.")
    if out.exists():
        raise SkinGPTError(f"{out}: exists already; name a folder that does not.")
    problems: list[str] = []
    with appearing(out) as partial:
        with replacing(partial / "corpus.jsonl") as stream:
            for row in _rows(entries, partial, problems):
                stream.write(json.dumps({"schema": SCHEMA_VERSION, **asdict(row)}, ensure_ascii=False) + "\n")
        splits = sorted({row.split for row in _read(partial)})
        if not splits:
            raise SkinGPTError(f"{entries}: no row can be exported. {problems[0] if problems else 'It is empty.'}")
        if Form.SHAREGPT in forms:
            _sharegpt(partial, splits)
        if Form.PARQUET in forms:
            _parquet(partial, splits)
        _describe(corpus, partial, out.name, splits)
    return out, problems


def _rows(entries: Path, folder: Path, problems: list[str]) -> Iterator[Row]:
    """The rows that can be read, picture and all; each picture is written into the folder first."""
    taken: set[str] = set()
    for number, entry in json_rows(entries):
        if isinstance(entry, BadRow):
            problems.append(entry.message)
            continue
        try:
            row, picture = _row(entry)
            if row.image in taken:
                raise SkinGPTError(f"{row.id}: two rows would share {row.image}; give ids of their own.")
            _copy_picture(picture_of(entries.parent, picture), folder / row.image)
        except SkinGPTError as error:
            problems.append(f"{entries}:{number}: {error}")
            continue
        taken.add(row.image)
        yield row


def _row(entry: Any) -> tuple[Row, str]:
    """(what is given away, path of the picture). Raises SkinGPTError where it is no entry of a build."""
    try:
        case = entry["case"]
        name, dataset = case["id"], case["dataset"]
        row = Row(
            id=f"{dataset}/{name}",
            image=f"images/{_safe(dataset)}/{_safe(name)}.jpg",
            text=entry["text"],
            diagnosis=case["diagnosis"],
            label=case["label"],
            split=case["split"] or _UNSPLIT,
            dataset=dataset,
            modality=case["modality"],
            history=History(**entry["history"]).known(),
            scorer=entry["score"]["scorer"],
            score=float(entry["score"]["value"]),
        )
        words = (row.text, row.diagnosis, row.label, row.split, row.modality, row.scorer, case["image"])
        if not all(isinstance(word, str) for word in words):
            raise TypeError("a text is missing")
        if row.split not in SPLITS:
            raise ValueError(f"split {row.split[:20]!r}")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"[:80]
        raise SkinGPTError(f"is no entry of a build ({reason}); delete the line or build again.") from error
    return row, case["image"]


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).lstrip(".") or "_"


def _copy_picture(source: Path, target: Path) -> None:
    photo = read_photo(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo.pixels).save(target, quality=_QUALITY, subsampling=0)


def _read(folder: Path, split: str | None = None) -> Iterator[Row]:
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            told.pop("schema")
            if split in (None, told["split"]):
                yield Row(**told)


def _sharegpt(folder: Path, splits: Iterable[str]) -> None:
    """The files, and LLaMA-Factory's index of them. Pictures are named relative to this folder."""
    index = {}
    for split in splits:
        turns = []
        for row in _read(folder, split):
            asked = f"<image>{QUESTION}{history_text(History(**row.history))}"
            said = [{"from": "human", "value": asked}, {"from": "gpt", "value": row.text}]
            turns.append({"id": row.id, "conversations": said, "images": [row.image]})
        file = f"sharegpt.{split}.json"
        write_text(folder / file, json.dumps(turns, indent=1, ensure_ascii=False) + "\n")
        index[f"dermcot_{split}"] = {
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "images": "images"},
        }
    write_text(folder / "dataset_info.json", json.dumps(index, indent=1) + "\n")


def _parquet(folder: Path, splits: Iterable[str]) -> None:
    """One file a split, with the pictures in it; Hugging Face `datasets` reads them as images."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
        from datasets import Features, Image, Value
    except ImportError as error:
        raise SkinGPTError("Parquet needs two more packages: pip install 'skingpt-r1[corpus]'.") from error
    words = ("id", "text", "diagnosis", "label", "dataset", "modality", "history", "scorer")
    features = Features({"image": Image(), **{name: Value("string") for name in words}, "score": Value("float32")})
    (folder / "data").mkdir()
    for split in splits:
        with pq.ParquetWriter(folder / "data" / f"{split}.parquet", features.arrow_schema) as writer:
            for batch in _batches(_read(folder, split)):
                told = [
                    {
                        **{name: getattr(row, name) for name in (*words, "score") if name != "history"},
                        "image": {"bytes": (folder / row.image).read_bytes(), "path": row.image},
                        "history": json.dumps(row.history),
                    }
                    for row in batch
                ]
                writer.write_table(pa.Table.from_pylist(told, schema=features.arrow_schema))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _told(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SkinGPTError(f"{path}: cannot be read ({error}); run skingpt dermcot build --resume.") from error
    if not isinstance(told, dict):
        raise SkinGPTError(f"{path}: holds no object; run skingpt dermcot build --resume.")
    return told


def _describe(corpus: Path, folder: Path, name: str, splits: Sequence[str]) -> None:
    card = Card(
        name=name,
        settings=_told(corpus / "settings.json"),
        report=_told(corpus / "report.json"),
        rows={split: sum(1 for _ in _read(folder, split)) for split in splits},
        datasets=tuple(sorted({row.dataset for row in _read(folder)})),
        parquet=(folder / "data").is_dir(),
        files={
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted([*folder.glob("*.json*"), *folder.glob("data/*.parquet")])
        },
    )
    write_text(folder / "README.md", card_of(card))
    write_text(folder / "croissant.json", json.dumps(croissant_of(card), indent=1, ensure_ascii=False) + "\n")
