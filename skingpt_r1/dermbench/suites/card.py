"""The data card of a suite: what is in it, whose it is, how its references were made and what they cannot tell."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skingpt_r1 import __version__
from skingpt_r1.dermbench.suites import openly
from skingpt_r1.dermbench.suites.manifest import Suite
from skingpt_r1.sources.registry import SOURCES
from skingpt_r1.sources.streams import write_text

_MADE: Final[Mapping[str, str]] = {
    "label": "the expert's label (histology, consensus or follow-up, as the source has it)",
    "mask": "measurements inside the expert's mask of the lesion",
    "concepts": "findings that an expert named",
    "history": "what the source recorded of the patient",
    "likelihood ratios": "counted likelihood ratios of the knowledge table say what speaks for what",
    "certified by dermatologists": "written by a model and certified by dermatologists (arXiv 2511.09195)",
}
_OPEN_LIMITS: Final = (
    "No model has a say in a reference. What no expert recorded is left out, so a reference without mask, concepts "
    "and history describes nothing but how the picture was taken: of a description it can tell neither that it is "
    "right nor that it is wrong. The counts above say how many are so.",
    "The rivals of a differential are those of the knowledge table, not of this picture.",
    "Likelihood ratios were counted on training rows; where those had no expert mask, their geometry and colours were "
    "measured on a network's outline.",
    "A confidence says how sure the label is, not how much the findings argue.",
    "Pigmented and neoplastic lesions only, mostly light skin; no inflammatory disease.",
    "A lesion photographed for two sources may appear in both; intervals are over groups of one source.",
)
_PUBLISHED_LIMITS: Final = (
    "The texts are kept as they were certified. Some quote the label or the file name, cite a description instead of "
    "the picture, or answer twice; `flags` in the manifest says which rule of the lint each breaks.",
    "Only texts whose picture is in the user's folder are in the suite; missing.txt lists the others.",
    "No patient is recorded: each picture counts as its own group.",
)


def card(suite: Suite) -> dict[str, Any]:
    """The card as data."""
    rows = suite.rows
    names = sorted({row.source for row in rows})
    return {
        **suite.header(),
        "made_by": f"skingpt-r1 {__version__}, skingpt bench build",
        "sources": {name: _source(name) for name in names},
        "rows": {n: dict(sorted(Counter(r.label for r in rows if r.source == n).items())) for n in names},
        "groups": len({row.group for row in rows}),
        "reference_made_from": _counts(row.made for row in rows),
        "reference_with_history_made_from": _counts(row.made_with_history for row in rows if row.with_history),
        "reference_flags": _counts(row.flags for row in rows),
        "limits": list(_OPEN_LIMITS if suite.name == openly.NAME else _PUBLISHED_LIMITS),
        "images": "not included: paths and SHA-256 only",
    }


def write_card(suite: Suite, folder: Path) -> None:
    """card.json and README.md beside the manifest."""
    told = card(suite)
    write_text(folder / "card.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "README.md", markdown(told))


def markdown(told: Mapping[str, Any]) -> str:
    """The card as a person reads it."""
    tables = "\n\n".join(
        f"### {name}\n\n{source['licence']}. {source['citation']} {source['origin']}\n\n"
        + _table("label", "cases", told["rows"][name])
        for name, source in told["sources"].items()
    )
    limits = "\n".join(f"- {line}" for line in told["limits"])
    limit = "all" if told["limit"] is None else f"a stratified subset, at most {told['limit']:,}"
    used = told["reference_made_from"] | told["reference_with_history_made_from"]
    meanings = "\n".join(f"- {name}: {meaning}" for name, meaning in _MADE.items() if name in used)
    return f"""# {told["suite"]} {told["version"]}

{told["cases"]:,} cases ({limit}) of {told["groups"]:,} patients or lesions. {told["made_by"]}.
Digest `{told["digest"]}`. Pictures are {told["images"]}.

## Sources

{tables}

## How the references were made

{_table("from", "references", told["reference_made_from"])}

{_table("from, told with the history", "references", told["reference_with_history_made_from"])}

{meanings}

{_table("lint rule broken", "references", told["reference_flags"])}

## Limits

{limits}
"""


def _source(name: str) -> dict[str, str]:
    if name in SOURCES:
        source = SOURCES[name]
        return {
            "licence": source.licence,
            "citation": source.citation,
            "origin": source.download,
            "scope": source.scope,
        }
    return {
        "licence": "texts CC BY-NC 4.0; pictures DermNet's own licence, not included",
        "citation": "Shen Y. et al. Towards trustworthy dermatology MLLMs. arXiv:2511.09195 (2025)",
        "origin": "https://github.com/yuhos16/DermBench",
        "scope": "23 categories of DermNet's test set",
    }


def _counts(of: Any) -> dict[str, int]:
    return dict(sorted(Counter(name for names in of for name in names).items(), key=lambda pair: (-pair[1], pair[0])))


def _table(one: str, other: str, rows: Mapping[str, int]) -> str:
    lines = "\n".join(f"| {name} | {n:,} |" for name, n in (rows or {"none": 0}).items())
    return f"| {one} | {other} |\n| --- | ---: |\n{lines}"
