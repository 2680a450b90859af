"""What does lint find, and is it right? Planted faults per rule, and the shares of the certified texts.

    python -m benchmarks.lint planted                # precision and recall per rule, on planted faults
    python -m benchmarks.lint certified [--read 30]  # shares by rule; a seeded sample to read by eye

Planted: a hit counts where it overlaps the planted words; a false alarm is a finding of the rule on a text without
its fault (sound drafts, sound prose, near misses). Rules were mended on the "first" wordings. "Unseen" ones were
written when the rules were finished, by the same author; how the rules met them before any mending is kept in
results/lint_planted_first_look.json, and only that file is blind. Certified texts are split by hash, 60 % to tune and
40 % to judge; results/lint_read.json holds what a reader said of 30 findings of the judge part.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.planting import Planted, clean, planted
from benchmarks.results import keep
from skingpt_r1.narrative.lint import RULES, Finding, Given, lint
from skingpt_r1.records import Modality
from skingpt_r1.sources.registry import data_root

TUNED_SHARE = 0.6


def found(example: Planted) -> bool:
    """Whether the example's rule finds something, at the planted place where there is one."""
    hits = lint(example.text, example.given, [RULES[example.rule]])
    if not example.where:
        return bool(hits)
    start = example.text.find(example.where)
    end = start + len(example.where)
    return any(hit.start <= end and hit.end >= start for hit in hits)


def score(rule: str, n: int, unseen: bool) -> dict[str, Any]:
    """Precision and recall of one rule on one set of wordings, and the wordings that it missed."""
    hits = [(e, found(e)) for e in planted(rule, n, unseen)]
    alarms = [(e, found(e)) for e in clean(rule, n, unseen)]
    right, wrong = sum(hit for _, hit in hits), sum(hit for _, hit in alarms)
    return {
        "planted": len(hits),
        "clean": len(alarms),
        "recall": round(right / len(hits), 3),
        "precision": round(right / (right + wrong), 3) if right + wrong else None,
        "missed": sorted({e.wording for e, hit in hits if not hit}),
        "false_alarms": sorted({e.wording for e, hit in alarms if hit}),
    }


def half_of(text_id: str) -> str:
    """ "tune" or "judge", by the hash of the id."""
    return "tune" if hashlib.sha256(text_id.encode()).digest()[0] < TUNED_SHARE * 256 else "judge"


def linted_row(row: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """A row with its findings. DermNet's pictures are clinical photographs; the label is `diagnosis`."""
    return row, lint(row["narrative"], Given(row["diagnosis"], row["image_path"], modality=Modality.CLINICAL))


def certified(path: Path, workers: int) -> list[tuple[dict[str, Any], list[Finding]]]:
    """Every row of the file with its findings."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(linted_row, rows, chunksize=20))


def sample(
    linted: list[tuple[dict[str, Any], list[Finding]]], n: int, half: str, seed: int = 0
) -> list[tuple[dict[str, Any], Finding]]:
    """n findings, rules in turn, of texts of one half."""
    rng = random.Random(seed)
    by_rule: dict[str, list[tuple[dict[str, Any], Finding]]] = {name: [] for name in RULES}
    for row, findings in linted:
        if half_of(row["id"]) == half:
            for finding in findings:
                by_rule[finding.rule].append((row, finding))
    for pairs in by_rule.values():
        rng.shuffle(pairs)
    drawn: list[tuple[dict[str, Any], Finding]] = []
    while len(drawn) < n and any(by_rule.values()):
        drawn += [pairs.pop() for pairs in by_rule.values() if pairs]
    return drawn[:n]


def show(row: dict[str, Any], finding: Finding, width: int = 130) -> str:
    """One finding in its context, for a reader."""
    text = row["narrative"].replace("\n", " ")
    before, after = text[max(0, finding.start - width) : finding.start], text[finding.end : finding.end + width]
    return (
        f"{finding.rule} | {row['id']} | {finding.message}\n   {before}>>>{text[finding.start : finding.end]}<<<{after}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("planted", "certified"))
    parser.add_argument("texts", type=Path, nargs="?", help="default: the certified texts of the public sets")
    parser.add_argument("--n", type=int, default=60, help="planted and clean texts a rule")
    parser.add_argument("--rule", action="append", help="planted: only this rule, and nothing is kept")
    parser.add_argument("--read", type=int, default=0, help="findings to print")
    parser.add_argument("--half", choices=("tune", "judge"), default="judge")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.what == "planted":
        names = options.rule or list(RULES)
        figures: dict[str, dict[str, Any]] = {}
        for name in names:
            figures[name] = {"first": score(name, options.n, False), "unseen": score(name, options.n, True)}
            print(name, json.dumps(figures[name]), flush=True)
        if options.rule:
            return
        keep("lint", {"rules": figures}, of="planted")
        return
    linted = certified(options.texts or data_root() / "dermbench_text" / "narratives.jsonl.gz", options.workers)
    texts = Counter(rule for _, findings in linted for rule in {f.rule for f in findings})
    shares = {rule: round(texts[rule] / len(linted), 4) for rule in RULES}
    print(json.dumps(shares, indent=1))
    for row, finding in sample(linted, options.read, options.half, options.seed):
        print(show(row, finding))
    keep("lint", {"texts": len(linted), "share_of_texts": shares}, of="certified")


if __name__ == "__main__":
    main()
