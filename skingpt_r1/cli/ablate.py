"""`skingpt ablate`: does each part of the recipe help?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from skingpt_r1.cli.bench_running import Resume, Runs, needed
from skingpt_r1.records import SkinGPTError


def ablate(
    variants: Annotated[
        str, typer.Option(help="Names with commas between, main (the four of the paper), or all.")
    ] = "main",
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of distillation, for all."),
    ] = None,
    cases: Annotated[int, typer.Option(min=0, help="Test cases of each benchmark; 0: all.")] = 60,
    suite: Annotated[Path | None, typer.Option(help="Folder of a built suite, judged too.")] = None,
    judges: Annotated[str, typer.Option(help="Who judges the suite's narratives.")] = "offline,dermeval",
    filtered: Annotated[Path | None, typer.Option(help="A corpus that DermEval filtered, for the variant.")] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Finished adapters: all variants see with them and learn to write anew."),
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="With --from: the built corpus that is taught.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the public sets.")] = None,
    runs: Runs = Path("runs"),
    out: Annotated[Path, typer.Option(help="Folder of the study.")] = Path("runs/ablation"),
    resume: Resume = False,
    only_report: Annotated[bool, typer.Option("--report", help="Only write table and plot of what is there.")] = False,
) -> None:
    """Train variants of the recipe, run them on the same test cases, and say what each part is worth.

    The default is smaller than the recipe (docs/ablation.md says by how much), so that two cores need a night.
    """
    import logging

    from skingpt_r1.cli.train import configured

    with needed():
        from skingpt_r1.dermbench.ablation.study import BUDGET, StudyConfig, report, study
    from skingpt_r1.dermbench.ablation.variants import MAIN, VARIANTS
    from skingpt_r1.distill.config import DistillConfig
    from skingpt_r1.models.precision import keep_freed_memory

    keep_freed_memory()
    logging.getLogger("skingpt_r1").setLevel(logging.INFO)
    groups = {"main": MAIN, "all": tuple(VARIANTS)}
    if start is not None:
        groups = {name: tuple(v for v in of if VARIANTS[v].of_writing) for name, of in groups.items()}
    names = groups.get(variants) or _words(variants)
    changed = configured(DistillConfig, set_)
    budget = {**BUDGET, **{c.partition("=")[0]: getattr(changed, c.partition("=")[0]) for c in set_ or []}}
    try:
        numbers = tuple(int(seed) for seed in _words(seeds))
    except ValueError as error:
        raise SkinGPTError(f"--seeds {seeds}: whole numbers with commas between, such as 0,1,2.") from error
    config = StudyConfig(
        variants=names, seeds=numbers, budget=budget, cases=cases or None, suite=suite, judges=_words(judges),
        filtered=filtered, start=start, corpus=corpus,
    )  # fmt: skip
    found = report(config, out) if only_report else study(config, data, runs, out, resume)
    Console().print(f"{out / 'table.md'}: {len(found)} figures; plot {out / 'ablation.svg'}", highlight=False)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
