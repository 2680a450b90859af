"""DermBench-Open: a suite that anybody can build from the test rows of the open image folders, offline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from skingpt_r1.dermbench.suites.manifest import Row, Suite, stratified
from skingpt_r1.dermbench.suites.reference import reference_of
from skingpt_r1.dermcot.evidence import tellable
from skingpt_r1.dermcot.stages import given
from skingpt_r1.knowledge.diagnoses import category_of
from skingpt_r1.narrative.lint import lint
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.registry import SOURCES, available, data_root, load
from skingpt_r1.sources.streams import sha256_of

NAME: Final = "dermbench-open"
VERSION: Final = "1.0"
"""Raised whenever a reference may read otherwise."""
_SUBGROUPS: Final = ("skin_type", "age", "sex", "site")


def build(data: Path | None = None, limit: int | None = None) -> Suite:
    """The suite of every source that is there and has test rows. Raises SkinGPTError without any."""
    root = data_root(data)
    cases = [case for source in available(root) for case in load(source.name, root) if case.split == "test"]
    if not cases:
        raise SkinGPTError(f"{root}: none of {', '.join(SOURCES)} has a row of split test there.")
    return suite_of(cases, root, limit)


def suite_of(cases: Sequence[Case], root: Path, limit: int | None = None) -> Suite:
    """The suite of these cases, whose pictures lie below `root`."""
    return Suite(NAME, VERSION, limit, tuple(stratified([row_of(case, root) for case in cases], limit)))


def row_of(case: Case, root: Path) -> Row:
    """One case with its references."""
    history = tellable(case.history)
    plain = reference_of(case)
    told = reference_of(case, history) if history.known() else None
    everything = case.history.known()
    assert case.diagnosis is not None  # reference_of() saw to it
    return Row(
        id=key(case),
        image=Path(os.path.relpath(case.image, root)).as_posix(),
        sha256=sha256_of(Path(case.image)),
        source=case.dataset,
        group=f"{case.dataset}/{case.group or case.id}",
        label=case.label or "",
        diagnosis=case.diagnosis,
        category=category_of(case.diagnosis),
        modality=case.modality.value,
        reference=plain.text,
        made=plain.made,
        history=history.known(),
        subgroup={name: everything[name] for name in _SUBGROUPS if name in everything},
        with_history=told.text if told else None,
        made_with_history=told.made if told else (),
        flags=tuple(sorted({f.rule for f in lint(plain.text, given(case, ()))})),
    )
