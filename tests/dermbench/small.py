"""A small suite of made-up lesions, for tests that need neither data nor model."""

from __future__ import annotations

from pathlib import Path

from skingpt_r1.dermbench.suites.manifest import Suite, write
from skingpt_r1.dermbench.suites.openly import suite_of
from skingpt_r1.records import Case, History, Modality
from tests.sources.pictures import lesion

LABELS = {"nv": "melanocytic nevus", "mel": "melanoma", "bcc": "basal cell carcinoma"}


def cases(root: Path, n: int) -> list[Case]:
    """Labelled pictures below a folder, each its own patient."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(n):
        path = root / "images" / f"{number}.png"
        lesion(number).save(path)
        label = list(LABELS)[number % 3]
        history = History(age=40.0 + number, site="back") if number % 2 else History()
        made.append(
            Case(
                f"{number}",
                str(path),
                Modality.DERMOSCOPY,
                "ham10000",
                history,
                label,
                LABELS[label],
                f"P{number}",
                "test",
            )
        )
    return made


def small_suite(root: Path, n: int = 6) -> Suite:
    """Pictures in root/images and the suite in root/suite."""
    suite = suite_of(cases(root, n), root)
    write(suite, root / "suite")
    return suite
