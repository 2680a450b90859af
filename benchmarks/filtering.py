"""Does it help to learn from the texts that DermEval likes? Against lint, and against chance, of the same size.

    python -m benchmarks.filtering choose        # a pool of texts, scored three ways, and the better half by each
    OMP_NUM_THREADS=1 python -m benchmarks.filtering train --part 0/2 &     # a writer from each half, three seeds
    python -m benchmarks.filtering report

The pool: training rows of a built corpus, half of their texts damaged once by any kind that leaves picture and history
alone, as an unreliable drafter would write. From each source and diagnosis the better half is kept, so that the halves
have the same labels and differ in their texts; ties fall by hash. `chance` keeps a random half, `sound` the sound texts
first (the ceiling). Each writer starts from the shipped visual half with a language half that has learnt nothing.
It is held against sound validation texts (their cross entropy, a mean over a fixed sample) and reads validation
pictures. Folder runs/filtering; started again after kill -9, each step goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import logging
import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file

from benchmarks.parts import add_part
from benchmarks.read_rows import lines_of, read, rows_of
from benchmarks.results import keep
from benchmarks.score_judge import lint_score
from benchmarks.score_rows import claims
from skingpt_r1.dermbench.metrics import balanced_accuracy
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.dermcot.teaching import alone
from skingpt_r1.dermeval.degrade.apply import degraded
from skingpt_r1.dermeval.degrade.registry import DAMAGES, Damage
from skingpt_r1.dermeval.degrade.subject import Pool, Subject, subjects
from skingpt_r1.dermeval.reader import Question
from skingpt_r1.dermeval.saved import SHIPPED, load
from skingpt_r1.dermeval.sight import SightCache
from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.recipe import teach
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.diagnose import load as load_model
from skingpt_r1.models.precision import keep_freed_memory
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import History
from skingpt_r1.sources.registry import TESTED
from skingpt_r1.sources.streams import write_text

RUNS: Final = Path("runs/filtering")
CHANCE, SOUND = "chance", "sound"
WAYS: Final = ("dermeval", "lint", CHANCE, SOUND)
BATCH: Final = 16
Entry = dict[str, Any]  # a line of corpus.jsonl, with "damage" and, once scored, "scores"


def choose(options: argparse.Namespace) -> None:
    """Writes pool.jsonl, and a corpus a way."""
    path = options.out / "pool.jsonl"
    lines = [json.loads(line) for line in (options.corpus / "corpus.jsonl").read_text().splitlines()]
    if not path.exists():
        entries = pool_of(lines, list(subjects(options.corpus / "corpus.jsonl")), options.rows)
        score(entries, options)
        options.out.mkdir(parents=True, exist_ok=True)
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in entries))
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    val = [entry for entry in lines if entry["case"]["split"] == "val"][: options.val]
    for way in WAYS:
        kept = better_half(entries, way)
        (options.out / way).mkdir(parents=True, exist_ok=True)
        write_text(options.out / way / "corpus.jsonl", "".join(json.dumps(entry) + "\n" for entry in [*kept, *val]))


def pool_of(lines: Sequence[Entry], told: Sequence[Subject], rows: int) -> list[Entry]:
    """So many training rows, the rare labels with more than their share; every second text damaged."""
    by_id = {subject.id: subject for subject in told}
    train = [line for line in lines if line["case"]["split"] == "train"]
    count = Counter(stratum(line) for line in train)
    rng = np.random.default_rng(0)
    weight = np.array([count[stratum(line)] ** -0.5 for line in train])
    chosen = rng.choice(len(train), min(rows, len(train)), replace=False, p=weight / weight.sum())
    pool = Pool(told)
    entries = []
    for place, row in enumerate(sorted(chosen.tolist())):
        entry = copy.deepcopy(train[row])
        subject = by_id[f"{entry['case']['dataset']}/{entry['case']['id']}"]
        entry["damage"] = None
        if place % 2:
            entry["text"], entry["damage"] = spoilt(subject, pool)
        entries.append(entry)
    return entries


def spoilt(subject: Subject, pool: Pool) -> tuple[str, str | None]:
    """The text with one damage at any severity, and its kind; the text as it is where none fits."""
    rng = random.Random(f"filtering {subject.id}")
    kinds: list[Damage] = rng.sample(list(DAMAGES.values()), len(DAMAGES))
    for kind in kinds:
        made = degraded(subject, [(kind.name, rng.choice(kind.severities))], rng, pool)
        if made is not None and (made.image, made.history) == (subject.image, subject.history):
            return made.text, kind.name
    return subject.text, None


def stratum(entry: Entry) -> str:
    """Where entries compete: source and diagnosis."""
    return f"{entry['case']['dataset']}|{entry['case']['diagnosis']}"


def score(entries: Sequence[Entry], options: argparse.Namespace) -> None:
    """Puts {way: score} into each entry; DermEval's is the mean of six."""
    reader, naming, _ = load(options.evaluator / SHIPPED)
    seen = SightCache(options.runs / "sights", backbone=reader.language).get([e["case"]["image"] for e in entries])
    rng = random.Random(0)
    began = time.monotonic()
    order = sorted(range(len(entries)), key=lambda i: len(entries[i]["text"]))  # less padding
    for start in range(0, len(order), BATCH):
        batch = [entries[i] for i in order[start : start + BATCH]]
        sights = [seen[entry["case"]["image"]] for entry in batch]
        asked = [
            Question(entry["text"], History(**entry["history"]), sight, naming.of(sight))
            for entry, sight in zip(batch, sights, strict=True)
        ]
        for entry, answer in zip(batch, reader.answer(asked, critiques=False), strict=True):
            entry["scores"] = {
                "dermeval": round(float(np.mean(answer.scores)), 4),
                "lint": lint_score(entry["text"]),
                CHANCE: rng.random(),
                SOUND: float(entry["damage"] is None),
            }
        pace = (time.monotonic() - began) / (start + len(batch))
        print(f"scored {start + len(batch)}/{len(order)}, {pace:.2f} s a text", flush=True)


def better_half(entries: Sequence[Entry], way: str) -> list[Entry]:
    """Of each stratum the better half by this score, in the pool's order; half a row is rounded up."""
    by_stratum: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_stratum[stratum(entry)].append(entry)
    kept = set()
    for mine in by_stratum.values():
        mine.sort(key=lambda e: (-e["scores"][way], hashlib.sha256(e["case"]["id"].encode()).hexdigest()))
        kept |= {(e["case"]["dataset"], e["case"]["id"]) for e in mine[: (len(mine) + 1) // 2]}
    return [e for e in entries if (e["case"]["dataset"], e["case"]["id"]) in kept]


def untaught(out: Path) -> Path:
    """The shipped adapters with a language half that has learnt nothing: LoRA and the vocabulary bias add nothing."""
    if not (out / "writer.safetensors").exists():
        shutil.copytree(ADAPTERS, out, dirs_exist_ok=True)
        tensors = load_file(ADAPTERS / "writer.safetensors")
        silent = [name for name in tensors if "lora_B" in name or name == "vocabulary.up.weight"]
        tensors |= {name: torch.zeros_like(tensors[name]) for name in silent}
        save_tensors(out / "writer.safetensors", tensors)
    return out


def train(options: argparse.Namespace) -> None:
    """A writer of each way and seed, and its readings of validation pictures."""
    start = untaught(options.out / "untaught")
    rows = rows_of("val", options.readings) if options.readings else []
    runs = [(way, seed) for seed in options.seeds for way in options.ways]
    for way, seed in runs[options.part]:
        folder = options.out / way / f"seed{seed}"
        if not (folder / "writer.safetensors").exists():
            config = DistillConfig(write_sees=False, write_steps=options.steps, write_batch=options.batch, seed=seed)
            teach(config, start, alone(options.out / way, options.runs), folder, resume=True)
        if not rows:
            continue
        given = folder / "adapters"
        shutil.copytree(ADAPTERS, given, dirs_exist_ok=True)
        shutil.copy(folder / "writer.safetensors", given)
        (folder / "readings").mkdir(exist_ok=True)
        read(load_model(adapters=given), rows, folder / "readings" / "val.0of1.jsonl", blind=False, history=False)


def report(options: argparse.Namespace) -> None:
    """What each way kept, and what its writers do, seed by seed and against chance."""
    pool = [json.loads(line) for line in (options.out / "pool.jsonl").read_text().splitlines()]
    figures: dict[str, Any] = {"pool": len(pool), "kept": {}, "loss": {}, "writers": {}, "less chance": {}}
    for way in WAYS:
        figures["kept"][way] = kept_of(pool, better_half(pool, way))
    for way in options.ways:
        figures["loss"][way] = {f"seed {seed}": loss_of(options.out / way / f"seed{seed}") for seed in options.seeds}
    if options.readings:
        read_of(figures, options)
    print(json.dumps(figures, indent=1))
    if options.out == RUNS:
        keep("filtering", figures)


def read_of(figures: dict[str, Any], options: argparse.Namespace) -> None:
    """Adds what the writers read, and how it differs from chance's."""
    read_by = {
        way: {seed: lines_of("val", options.out / way / f"seed{seed}" / "readings") for seed in options.seeds}
        for way in options.ways
    }
    if len({tuple(x["key"] for x in lines) for by_seed in read_by.values() for lines in by_seed.values()}) > 1:
        raise SystemExit(f"{options.out}: not all writers have read the same pictures yet; run train to its end.")
    for way in options.ways:
        figures["writers"][way] = {f"seed {s}": told(lines) for s, lines in read_by[way].items()}
        if way != CHANCE:
            figures["less chance"][way] = against(read_by[way], read_by[CHANCE])


def kept_of(pool: Sequence[Entry], kept: Sequence[Entry]) -> dict[str, Any]:
    """Share of sound texts among the kept, and of each kind of damage how much got through."""
    all_of, left = (Counter(e["damage"] for e in entries if e["damage"]) for entries in (pool, kept))
    through = {kind: f"{left[kind]}/{n}" for kind, n in sorted(all_of.items())}
    sound = sum(e["damage"] is None for e in kept)
    return {"n": len(kept), "sound": round(sound / len(kept), 3), "damaged that got through": through}


def told(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Balanced accuracy, a mean over the sets, and how many of the claims that were checked are supported."""
    by_set = [[x for x in lines if x["set"] == name] for name in TESTED]
    return {
        "balanced_accuracy": round(float(np.mean([accuracy(mine) for mine in by_set if mine])), 4),
        "claim_precision": claims(list(lines))["overall_precision"],
    }


def loss_of(folder: Path) -> dict[str, float]:
    """Mean cross entropy of sound validation texts, of all tokens and of the deciding ones, after the last step."""
    found: dict[str, float] = json.loads((folder / "write" / "metrics.json").read_text())
    return found


def accuracy(lines: Sequence[dict[str, Any]]) -> float:
    """Balanced accuracy of the label in the narratives of one set."""
    return balanced_accuracy([x["label"] for x in lines], [x["truth"] for x in lines])


def against(ours: Mapping[int, list[Any]], theirs: Mapping[int, list[Any]]) -> dict[str, Any]:
    """Difference of the means over seeds, with a bootstrap interval over patients; the same pictures, paired."""
    first = next(iter(ours.values()))
    groups = [line["group"] for line in first]
    pairs = [(ours[seed], theirs[seed]) for seed in ours]
    return {name: _difference(pairs, name, groups) for name in ("balanced_accuracy", "claim_precision")}


def _difference(pairs: Sequence[tuple[list[Any], list[Any]]], name: str, groups: Sequence[str]) -> dict[str, Any]:
    def difference(rows: Any) -> float:
        sides = [[told([lines[i] for i in rows])[name] for lines in pair] for pair in pairs]
        return float(np.mean([ours - theirs for ours, theirs in sides]))

    metric: Callable[[Any], float] = difference
    low, high = interval(metric, groups, repeats=200)
    whole = difference(range(len(groups)))
    return {"difference": round(whole, 4), "interval": [round(low, 4), round(high, 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("choose", "train", "report"))
    parser.add_argument("--rows", type=int, default=1200, help="texts in the pool")
    parser.add_argument("--val", type=int, default=96, help="validation texts that the loss is followed on")
    parser.add_argument("--steps", type=int, default=150, help="of each writer")
    parser.add_argument("--batch", type=int, default=DistillConfig().write_batch, help="narratives a step")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="train, report: only these")
    parser.add_argument("--readings", type=int, default=150, help="validation pictures that each writer reads; 0: none")
    parser.add_argument("--evaluator", type=Path, default=ADAPTERS, help="folder of the evaluator that filters")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the caches of pictures")
    parser.add_argument("--out", type=Path, default=RUNS)
    add_part(parser)  # of train: writers
    options = parser.parse_args()
    keep_freed_memory()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    {"choose": choose, "train": train, "report": report}[options.what](options)


if __name__ == "__main__":
    main()
