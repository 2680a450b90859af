"""Does `skingpt knowledge extract` find what the certified texts conclude with? Held against the picture's own label.

    python -m benchmarks.extract --data ../shared/data

The texts are parted by a hash of their id: the rules were tuned on 60 %, the other 40 % were only ever measured.
Texts agree with a label where both have the same preferred name or one is a kind of the other (`lineage`); the figure
with "forms" also counts two kinds of one parent ("tinea cruris" for "tinea corporis"), the one of the "family" any two
of one second-level family ("papulosquamous"). A label counts as a diagnosis where the table knows it, as it stands or
with the words of a file stem parted ("PityriasisAlba"), or `STEMS` does; all others ("IMG006", "patch testing",
"child") are left out and listed. Certified does not mean right: many texts
conclude with something else than the label, so agreement is the texts' accuracy and the extraction's together.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.results import keep
from skingpt_r1.dermbench.statistics import interval
from skingpt_r1.knowledge.conclusion import conclude, kin
from skingpt_r1.knowledge.diagnoses import get, preferred, table

TUNED: Final = 6  # tenths of the texts
STEMS: Final = {
    "atopic": "atopic dermatitis",
    "atopic child": "atopic dermatitis",
    "atopic fossa": "atopic dermatitis",
    "atopic lichenification": "atopic dermatitis",
    "AIDS": "HIV infection",
    "seb derm": "seborrheic dermatitis",
    "sebderm": "seborrheic dermatitis",
    "seb derm lids": "seborrheic dermatitis",
    "seb kerm": "seborrheic keratosis",
    "dermatitis drug": "drug eruption",
    "hot tub": "pseudomonas folliculitis",
    "pseudomonfoll": "pseudomonas folliculitis",
    "diaper derm": "diaper dermatitis",
    "icththyosis": "ichthyosis",
    "icthyosis": "ichthyosis",
    "sex link ichthosis": "ichthyosis",
    "sex linked echthyosis": "ichthyosis",
    "comedones": "comedonal acne",
    "perioral derm eye": "perioral dermatitis",
    "perioral derm": "perioral dermatitis",
    "herpes buttocks": "herpes simplex",
    "epiderm cyst ruptured": "ruptured epidermal cyst",
    "dry feet": "cracked heels",
}


def is_tuned(key: str) -> bool:
    """Whether the rules may have been read off this text."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10 < TUNED


def meaning(label: str) -> str | None:
    """The diagnosis behind a picture's label; None where the label is none."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    stem = STEMS.get(label) or STEMS.get(words) or STEMS.get(words.lower())
    return stem or preferred(label) or preferred(words)


def siblings(one: str, other: str) -> bool:
    """Whether two diagnoses are kinds of the same one."""
    parent = get(one).parent
    return parent is not None and parent == get(other).parent


def figures(rows: list[dict[str, Any]], labels: list[str | None]) -> dict[str, Any]:
    """Answered share and agreement of one part, with 95 % intervals."""
    found = [conclude(row["narrative"]) for row in rows]
    ids = [row["id"] for row in rows]
    answered = np.array([f.diagnosis is not None for f in found], dtype=float)
    pairs = [(f.diagnosis, label) for f, label in zip(found, labels, strict=True) if f.diagnosis and label]
    same = np.array([said == label for said, label in pairs], dtype=float)
    close = np.array([said in table() and kin(said, label) for said, label in pairs], dtype=float)
    forms = np.array([float(a or (s in table() and siblings(s, x))) for a, (s, x) in zip(close, pairs, strict=True)])
    family = np.array([float(s in table() and get(s).family[:2] == get(x).family[:2]) for s, x in pairs])
    reasons = Counter((f.reason or "").partition(":")[0] for f in found if f.diagnosis is None)
    return {
        "texts": len(rows),
        "answered": share(answered, ids),
        "labels_that_are_a_diagnosis": sum(label is not None for label in labels),
        "compared": len(pairs),
        "agreement": share(close, [str(i) for i in range(len(close))]),
        "agreement_same_name": share(same, [str(i) for i in range(len(same))]),
        "agreement_with_forms": share(forms, [str(i) for i in range(len(forms))]),
        "agreement_of_family": share(family, [str(i) for i in range(len(family))]),
        "as_written": sum(said not in table() for said, _ in pairs),
        "no_answer": dict(reasons.most_common()),
    }


def share(values: np.ndarray, groups: list[str]) -> dict[str, Any]:
    """A mean with its interval."""
    low, high = interval(lambda i: float(values[i].mean()), groups)
    return {"share": round(float(values.mean()), 4), "interval": [round(low, 4), round(high, 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the open dermatology data")
    parser.add_argument("--tuned-only", action="store_true", help="leave the held-out part alone, keep nothing")
    options = parser.parse_args()
    path = options.data / "dermbench_text" / "narratives.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    parts = {"tuned": [r for r in rows if is_tuned(r["id"])]}
    if not options.tuned_only:
        parts["held_out"] = [r for r in rows if not is_tuned(r["id"])]
    left_out = Counter(r["diagnosis"] for r in rows if meaning(r["diagnosis"]) is None)
    done: dict[str, Any] = {
        name: figures(part, [meaning(r["diagnosis"]) for r in part]) for name, part in parts.items()
    }
    done["labels_that_are_no_diagnosis"] = dict(left_out.most_common())
    print(json.dumps(done, indent=1))
    if not options.tuned_only:
        keep("extract", done)


if __name__ == "__main__":
    main()
