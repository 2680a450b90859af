"""Trains the variants: the same beginning, rows and budget for all, what is finished is kept.

    runs/ablation/settings.json                 budget, rows and seeds; others are another study
    runs/ablation/VARIANT/seedN/                a run folder of the distillation, resumed where it was killed
    runs/ablation/VARIANT/seedN/adapters/       the trained writer with the shipped witnesses, as `--adapters` takes it

The witnesses (segmenter, expert heads) and the calibration are the shipped ones: what they say of a text is no part of
the training that is compared. The calibration is that of the shipped writer, so a variant's confidence is not its own.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermbench.ablation.variants import FILTERED, VARIANTS, Variant
from skingpt_r1.dermcot.teaching import alone, drafted, of_public
from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps, capped, gather, labelled_maps, spaces
from skingpt_r1.distill.recipe import Taught, distil, saved_teacher, teach
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.teacher import Teacher
from skingpt_r1.records import SkinGPTError

log = logging.getLogger(__name__)
WRITER: Final = "writer.safetensors"


@dataclass(frozen=True)
class Grounds:
    """What all variants share. seen: train and val rows of the visual phase. taught: narratives by kind of corpus."""

    teacher: Teacher
    seen: tuple[LabelledMaps, LabelledMaps]
    taught: Mapping[str, Taught]

    def train(self, variant: Variant, config: DistillConfig, folder: Path, out: Path) -> None:
        """All phases that are not done."""
        _take_over(variant, config, folder, out)
        distil(config, self.teacher, self.seen, self.taught[variant.corpus], folder, resume=True)


@dataclass(frozen=True)
class OneSight:
    """All variants see with the same finished adapters and learn to speak anew: no teacher, no phase but the last.

    adapters: folder of them. taught: narratives by kind of corpus.
    """

    adapters: Path
    taught: Mapping[str, Taught]

    def train(self, variant: Variant, config: DistillConfig, folder: Path, out: Path) -> None:
        """The last phase, where it is not done. out: the study, of which nothing else is needed."""
        teach(config, self.adapters, self.taught[variant.corpus], folder, resume=True, anew=True)


def grounds(data: Path | None, runs: Path, budget: Mapping[str, Any], seen_rows: int, filtered: Path | None) -> Grounds:
    """Pictures, features and texts, cached in `runs`. Raises SkinGPTError where data or teacher is missing.

    seen_rows: most pictures of a source and label in the visual phase. filtered: a corpus that DermEval has filtered,
    for the variant of that name.
    """
    cases = gather(data, runs)
    teacher = saved_teacher(runs / "teacher", len(spaces().labels))
    maps = {split: capped(labelled_maps(cases, split, runs / "features"), seen_rows) for split in ("train", "val")}
    taught = {"": drafted(maps, DistillConfig(**budget), runs)}
    if filtered is not None:
        taught[FILTERED] = of_public(filtered, maps)
    return Grounds(teacher, (maps["train"], maps["val"]), taught)


def one_sight(adapters: Path, corpus: Path, filtered: Path | None, runs: Path) -> OneSight:
    """Corpora and their pictures, cached in `runs`. Raises SkinGPTError where a corpus is none."""
    taught = {"": alone(corpus, runs)}
    if filtered is not None:
        taught[FILTERED] = alone(filtered, runs)
    return OneSight(adapters, taught)


def adapters_of(variant: Variant, seed: int, budget: Mapping[str, Any], shared: Grounds | OneSight, out: Path) -> Path:
    """Folder of the trained adapters; trains what is missing. Raises SkinGPTError where it is stopped."""
    folder = out / variant.name / f"seed{seed}"
    given = folder / "adapters"
    if (given / WRITER).exists():
        return given
    if variant.corpus not in shared.taught:
        raise SkinGPTError(f"{variant.name}: needs a corpus that DermEval has filtered; name it with --filtered.")
    log.info("%s, seed %d", variant.name, seed)
    if not (folder / WRITER).exists():
        shared.train(variant, variant.config(budget, seed), folder, out)
    made = folder / "adapters.new"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(ADAPTERS, made)
    shutil.copy(folder / WRITER, made)
    made.replace(given)
    return given


def _take_over(variant: Variant, config: DistillConfig, folder: Path, out: Path) -> None:
    """Copy the early phases of a finished variant that had equal settings for them: they would come out the same.

    Looking reads no texts; what is named comes from the corpus, which must be the same, too.
    """
    for phase in ("look", "name"):
        mine, settings = folder / phase, json.loads(json.dumps(config.of_phase(phase), default=str))
        for other in VARIANTS.values():
            theirs = out / other.name / f"seed{config.seed}"
            kept = theirs / phase / "settings.json"
            if mine.exists() or not ((theirs / WRITER).exists() and kept.exists()):
                continue
            if phase == "name" and other.corpus != variant.corpus:
                continue
            had = json.loads(kept.read_text())["config"]
            if all(had.get(name) == value for name, value in settings.items()):
                log.info("%s: as %s", mine, kept.parent)
                copied = folder / f"{phase}.new"
                shutil.rmtree(copied, ignore_errors=True)
                shutil.copytree(kept.parent, copied)
                copied.replace(mine)
