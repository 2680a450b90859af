"""What an exported corpus says of itself: a data card for people, Croissant for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skingpt_r1 import __version__
from skingpt_r1.sources.registry import SOURCES

_COLUMNS: Final = {
    "id": "data set and the case's own id",
    "image": "picture, a path inside the folder",
    "text": "the narrative",
    "diagnosis": "preferred name of the reference diagnosis",
    "label": "the source's own spelling of it",
    "split": "train or val; test rows never enter a corpus",
    "dataset": "where the picture comes from",
    "modality": "dermoscopy or clinical",
    "scorer": "who scored the narrative",
    "score": "0 (unusable) to 5",
}
_TERMS: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "recordSet": "cr:recordSet",
    "sc": "https://schema.org/",
    "source": "cr:source",
}
_MEDIA: Final = {"jsonl": "application/jsonlines", "json": "application/json", "parquet": "application/x-parquet"}
_LIMITS: Final = (
    "- Research and education only. A program wrote the narratives from measurements; no dermatologist read them.\n"
    "- Geometry and colours are measured on a network's outline where no expert drew one. The reasoning was written "
    "knowing the label: it argues for it as far as counted evidence goes, and says low confidence where it does not.\n"
    "- The score is the lint's: it reads the text, not the picture."
)

_CERTIFIED: Final = (
    "- Research and education only. A program drafted the narratives; two dermatologists, blind to each other and "
    "to the label, certified or edited each, a third decided where they disagreed.\n"
    "- The score is the mean of their six scores for the draft, before any edit."
)


@dataclass(frozen=True, slots=True)
class Card:
    """What there is to tell. rows: by split. files: path -> SHA-256."""

    name: str
    settings: Mapping[str, Any]
    report: Mapping[str, Any]
    rows: Mapping[str, int]
    datasets: tuple[str, ...]
    parquet: bool
    files: Mapping[str, str]


def card_of(card: Card) -> str:
    """Markdown, with the header that the Hugging Face hub reads."""
    report = card.report
    variety = report["variety"]
    commonest = "\n".join(f"- {n:,} x {sentence}" for sentence, n in variety["commonest"])
    return f"""---
language: en
license: other
task_categories: [image-to-text, visual-question-answering]
tags: [dermatology, chain-of-thought]
pretty_name: {card.name}
{_configs(card)}---
# {card.name}: dermatology narratives with their pictures

Made by skingpt-r1 {__version__}, `skingpt dermcot build` and `skingpt dermcot export`:
{_total(card):,} cases ({", ".join(f"{n:,} {split}" for split, n in card.rows.items())}) of {report["cases"]:,} tried.

{_table("settings", {k: str(v) for k, v in card.settings.items()})}

{_table("kept, by diagnosis", report["by_diagnosis"])}

{_table("rejected, by reason", report["rejected"] or {"none": 0})}

## Where the pictures come from

{_origins(card)}

## Columns

{_table("column", _COLUMNS | {"history": "what the patient told, recorded fields only"})}

## Variety

Distinct pairs of words: {variety["distinct_2"]:.4f}. Texts with a near-duplicate: {variety["near_duplicates"]:.1%}.
The commonest sentences:

{commonest}

## Limits

{_CERTIFIED if card.settings.get("certified") else _LIMITS}
"""


def croissant_of(card: Card) -> dict[str, Any]:
    """JSON-LD of Croissant 1.0: the files with their hashes, and the columns of corpus.jsonl."""
    return {
        "@context": _TERMS,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": card.name,
        "description": "Dermatology pictures with step-by-step narratives, drafted from measured evidence.",
        "version": __version__,
        "license": "; ".join(f"{name}: {_licence(name)}" for name in card.datasets),
        "citeAs": " ".join(SOURCES[name].citation for name in card.datasets if name in SOURCES),
        "url": "README.md",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "contentUrl": path,
                "encodingFormat": _MEDIA[path.rpartition(".")[2]],
                "sha256": digest,
            }
            for path, digest in card.files.items()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "cases",
                "name": "cases",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"cases/{name}",
                        "name": name,
                        "description": meaning,
                        "dataType": "sc:Float" if name == "score" else "sc:Text",
                        "source": {"fileObject": {"@id": "corpus.jsonl"}, "extract": {"column": name}},
                    }
                    for name, meaning in _COLUMNS.items()
                ],
            }
        ],
    }


def _total(card: Card) -> int:
    return sum(card.rows.values())


def _configs(card: Card) -> str:
    if not card.parquet:
        return ""
    files = "\n".join(f"      - split: {split}\n        path: data/{split}.parquet" for split in card.rows)
    return f"configs:\n  - config_name: default\n    data_files:\n{files}\n"


def _licence(name: str) -> str:
    return SOURCES[name].licence if name in SOURCES else "the owner's"


def _origins(card: Card) -> str:
    return "\n".join(
        f"- {name}: {_licence(name)}. {SOURCES[name].citation} {SOURCES[name].download}"
        if name in SOURCES
        else f"- {name}: a folder of the user's; its licence is the owner's to tell."
        for name in card.datasets
    )


def _table(heading: str, rows: Mapping[str, Any]) -> str:
    cells = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"| {heading} | |\n| --- | --- |\n{cells}"
