"""The whole study: train each variant with each seed, run all on the same benchmarks, hold them against each other.

    runs/ablation/settings.json    budget, rows, benchmarks; others are another study, more variants or seeds are not
    runs/ablation/VARIANT/seedN/   see `training`
    runs/ablation/logs/NAME/       logs of `running`, a folder a benchmark, a system a variant and seed
    runs/ablation/table.md, figures.json, ablation.svg

Every part goes on where it was killed: a finished training is not repeated, an answer not asked for again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from skingpt_r1.dermbench.ablation.figures import Figure, of_logs
from skingpt_r1.dermbench.ablation.table import markdown, plot
from skingpt_r1.dermbench.ablation.training import Grounds, OneSight, adapters_of, grounds, one_sight
from skingpt_r1.dermbench.ablation.variants import FILTERED, MAIN, VARIANTS, chosen
from skingpt_r1.dermbench.classify.benchmark import OnSet
from skingpt_r1.dermbench.running import Benchmark, RunConfig, run
from skingpt_r1.dermbench.suites.benchmark import OnSuite
from skingpt_r1.dermbench.systems.registry import System, named
from skingpt_r1.distill.recipe import teacher_digest
from skingpt_r1.models.embedded import visual_digest
from skingpt_r1.records import SkinGPTError
from skingpt_r1.sources.claiming import claim
from skingpt_r1.sources.registry import SOURCES, TESTED
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
BUDGET: Final[Mapping[str, int]] = {
    "look_steps": 210, "name_steps": 600, "write_steps": 60, "language_rows": 60,
}  # fmt: skip
"""A third of the recipe's steps at most: what four variants times three seeds allow two cores in six hours."""
_MAY_GROW: Final = ("variants", "seeds", "filtered")


@dataclass(frozen=True)
class StudyConfig:
    """One study. Saved in its folder, which may be given more variants and seeds later; another one needs another."""

    variants: tuple[str, ...] = field(default=MAIN, metadata={"help": "which variants; the recipe itself always is"})
    seeds: tuple[int, ...] = field(default=(0, 1, 2), metadata={"help": "each variant is trained once with each"})
    budget: Mapping[str, Any] = field(default_factory=lambda: dict(BUDGET), metadata={"help": "settings of distill"})
    seen_rows: int = field(default=300, metadata={"help": "most pictures of a source and label in the visual phase"})
    cases: int | None = field(default=60, metadata={"help": "test cases of each set and of the suite; None: all"})
    sets: tuple[str, ...] = field(default=TESTED, metadata={"help": "labelled sets to recognise"})
    suite: Path | None = field(default=None, metadata={"help": "folder of a built suite, judged too"})
    judges: tuple[str, ...] = field(default=("offline", "dermeval"), metadata={"help": "who judges the narratives"})
    filtered: Path | None = field(default=None, metadata={"help": "corpus that DermEval has filtered"})
    start: Path | None = field(default=None, metadata={"help": "finished adapters: all variants see with them"})
    corpus: Path | None = field(default=None, metadata={"help": "with start: the narratives that are taught"})

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SkinGPTError("A study needs seeds, each once: --seeds 0,1,2.")
        if unknown := [name for name in self.sets if name not in SOURCES]:
            raise SkinGPTError(f"There is no set {unknown[0]!r}; there are: {', '.join(TESTED)}.")
        if (self.start is None) != (self.corpus is None):
            raise SkinGPTError("--from and --corpus go together: adapters that see, and what they are taught to say.")
        if self.start is not None and (early := [v.name for v in chosen(self.variants) if not v.of_writing]):
            can = ", ".join(v.name for v in VARIANTS.values() if v.of_writing)
            raise SkinGPTError(f"{early[0]}: sees otherwise, so it cannot be had --from finished adapters; {can} can.")

    def settings(self) -> dict[str, Any]:
        """As JSON."""
        told = asdict(self) | {"budget": dict(self.budget)}
        return json.loads(json.dumps(told, default=str))

    def claimed(self) -> dict[str, Any]:
        """The settings that each variant's figures depend on, whatever others there are."""
        return {name: value for name, value in self.settings().items() if name not in _MAY_GROW}

    def begins(self, runs: Path) -> dict[str, str]:
        """What all variants begin with, by its digest. Raises SkinGPTError where it is missing."""
        if self.start is not None:
            return {"sight": visual_digest(self.start / "writer.safetensors")}
        return {"teacher": teacher_digest(runs / "teacher")}

    def grounds(self, data: Path | None, runs: Path) -> Grounds | OneSight:
        """Pictures, features and texts. Raises SkinGPTError where one is missing."""
        if self.start is not None and self.corpus is not None:
            return one_sight(self.start, self.corpus, self.filtered, runs)
        return grounds(data, runs, self.budget, self.seen_rows, self.filtered)


def study(config: StudyConfig, data: Path | None, runs: Path, out: Path, resume: bool = False) -> list[Figure]:
    """Everything that is not done yet; returns the figures. Raises SkinGPTError where data or teacher is missing.

    data: folder of the open image folders. runs: caches, and the teacher where there is no start.
    """
    variants = chosen(config.variants)
    same = config.claimed() | config.begins(runs)
    claim(out, out / "settings.json", same, resume, holds="an ablation", another="folder")
    if config.filtered is not None and FILTERED in config.variants:
        corpus = {"filtered": str(config.filtered)}
        claim(
            out, out / FILTERED / "corpus.json", corpus, resume=True, holds="a variant", another="--filtered or --out"
        )
    shared = None
    systems: list[System] = []
    for seed in config.seeds:
        for variant in variants:
            ready = out / variant.name / f"seed{seed}" / "adapters"
            if not ready.exists():
                shared = shared or config.grounds(data, runs)
                ready = adapters_of(variant, seed, config.budget, shared, out)
            systems.append(_system(variant.name, seed, ready))
    how = RunConfig(data=data, runs=runs)
    for name, benchmark in _benchmarks(config, data, runs).items():
        for told in run(benchmark, how, systems, out / "logs" / name, resume=(out / "logs" / name).exists()):
            if told.standing.pending:
                raise SkinGPTError(f"{told.system} on {name}: {told.standing.pending}; go on with --resume.")
    return report(config, out)


def report(config: StudyConfig, out: Path) -> list[Figure]:
    """Figures of what has been run, written as table, JSON and plot. Raises SkinGPTError where nothing has been run."""
    names = [variant.name for variant in chosen(config.variants)]
    found = of_logs(out / "logs", names, config.seeds)
    if not found:
        raise SkinGPTError(f"{out}: nothing has been run yet; run skingpt ablate first.")
    write_text(out / "figures.json", json.dumps([asdict(f) for f in found], indent=1) + "\n")
    of_the_folder = json.loads((out / "settings.json").read_text(encoding="utf-8"))
    asked = {"variants": names, "seeds": list(config.seeds)}
    write_text(out / "table.md", markdown(found, of_the_folder | asked))
    write_text(out / "ablation.svg", plot(found))
    return found


def _system(variant: str, seed: int, adapters: Path) -> System:
    own = named("skingpt/embedded")
    name = f"{variant}@{seed}"
    return replace(own, name=name, title=name, args={**own.args, "adapters": str(adapters.resolve())})


def _benchmarks(config: StudyConfig, data: Path | None, runs: Path) -> dict[str, Benchmark]:
    found: dict[str, Benchmark] = {name: OnSet(name, limit=config.cases, runs=runs) for name in config.sets}
    if config.suite is not None:
        found["suite"] = OnSuite(config.suite, data, config.cases, judges=config.judges)
    return found
