"""Who is taught what: pictures and lessons for `skingpt train distill`, from fresh drafts or from a built corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skingpt_r1.dermcot.corpus import Corpus
from skingpt_r1.dermcot.evidence import collect
from skingpt_r1.dermcot.taught import Written, read_corpus
from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps, capped, corpus_maps, selected
from skingpt_r1.distill.recipe import Taught
from skingpt_r1.models.segmenter import load_segmenter
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.clustering import key

VAL_ROWS: Final = 20  # most of a source and label whose narratives the loss is followed on


def drafted(maps: Mapping[str, LabelledMaps], config: DistillConfig, runs: Path) -> Taught:
    """Lessons drafted afresh at each reading, of some rows of each source and label. maps: by split."""
    confusion = json.loads((runs / "teacher" / "metrics.json").read_text(encoding="utf-8"))["confusion"]
    taught = []
    for split, most in (("train", config.language_rows), ("val", VAL_ROWS)):
        rows = capped(maps[split], most)
        evidence = collect(rows.cases, load_segmenter().probability, runs / "evidence.jsonl")
        taught.append((rows, Corpus(rows.cases, evidence, confusion)))
    return taught[0], taught[1]


def of_public(corpus: Path, maps: Mapping[str, LabelledMaps]) -> Taught:
    """Lessons as a corpus tells them, of those of its cases that are among `maps`. Raises SkinGPTError without any."""
    _, tellings = read_corpus(corpus)
    taught = []
    for split in ("train", "val"):
        wanted = [row for row, case in enumerate(maps[split].cases) if key(case) in tellings]
        if not wanted:
            raise SkinGPTError(f"{corpus}: has no {split} case of the public sets; build it from them, or use --from.")
        rows = selected(maps[split], wanted)
        taught.append((rows, Written(rows.cases, tellings)))
    return taught[0], taught[1]


def alone(corpus: Path, runs: Path) -> Taught:
    """Lessons and pictures of a corpus, whatever its data sets. Raises SkinGPTError without a train or a val case."""
    cases, tellings = read_corpus(corpus)
    taught = []
    for split in ("train", "val"):
        mine = [case for case in cases if (case.split or "train") == split]
        if not mine:
            raise SkinGPTError(f"{corpus}: has no {split} case; split the pictures first: skingpt data split.")
        taught.append((corpus_maps(mine, runs / "features"), Written(mine, tellings)))
    return taught[0], taught[1]
