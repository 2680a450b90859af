"""Decided cases leave the house as a corpus: entries of `skingpt dermcot build` with who certified them, as a chain.

A folder (`--out certified`) holds corpus.jsonl, rejected.jsonl, settings.json and report.json, so that `skingpt dermcot
export certified` goes on from there; a name that ends in .jsonl is the chain of certified cases alone. People appear
under their number: names stay in the database. What is exported can no longer be taken back by a rater.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from skingpt_r1 import __version__
from skingpt_r1.dermcot.journal import Totals
from skingpt_r1.dermeval.rubric import rubric
from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.answers import counting
from skingpt_r1.serve.certify.chain import Chain, write_chain
from skingpt_r1.serve.certify.edits import diagnosis_of
from skingpt_r1.serve.certify.store import Store, fingerprint, note, now
from skingpt_r1.serve.certify.tables import ADJUDICATOR, Answer, QueuedCase, State
from skingpt_r1.sources.streams import appearing, write_text

SCORER: Final = "dermatologists"


def export(store: Store, out: Path) -> Chain:
    """Write all decided cases; returns the chain of the certified ones. Raises SkinGPTError where there is none."""
    with store.begin() as session:
        decided = list(
            session.scalars(
                select(QueuedCase)
                .where(QueuedCase.state.in_((State.CERTIFIED, State.REJECTED)))
                .order_by(QueuedCase.decided_at, QueuedCase.id)
                .with_for_update()
            )
        )
        certified = [case for case in decided if case.state == State.CERTIFIED]
        if not certified:
            raise SkinGPTError("no case is certified yet; two raters must agree on one first.")
        if out.suffix == ".jsonl":
            chain = write_chain(out, _entries(session, certified, out.parent))
            shipped = certified
        else:
            chain = _folder(session, decided, certified, out)
            shipped = decided
        ids = [case.id for case in shipped]
        fresh = update(QueuedCase).where(QueuedCase.id.in_(ids), QueuedCase.exported_at.is_(None))
        session.execute(fresh.values(exported_at=now()))
        note(session, "exported", lines=chain.lines, head=chain.head)
    return chain


def _folder(session: Session, decided: list[QueuedCase], certified: list[QueuedCase], out: Path) -> Chain:
    if out.exists():
        raise SkinGPTError(f"{out}: exists already; name a folder that does not, or a file that ends in .jsonl.")
    with appearing(out) as partial:
        good = list(_entries(session, certified, out))
        others = list(_entries(session, [case for case in decided if case.state == State.REJECTED], out))
        chain = write_chain(partial / "corpus.jsonl", good)
        other = write_chain(partial / "rejected.jsonl", others)
        settings = {
            "certified": True,
            "by": "two dermatologists blind to each other, a third where they disagreed",
            "rubric": rubric().version,
            "program": f"skingpt-r1 {__version__}",
            "head": chain.head,
            "head of rejected": other.head,
        }
        totals = Totals()
        for entry in (*good, *others):
            totals.add(entry)
        _write(partial / "settings.json", settings)
        _write(partial / "report.json", totals.report([entry["text"] for entry in good]))
    return chain


def _entries(session: Session, cases: list[QueuedCase], folder: Path) -> Iterator[dict[str, Any]]:
    for case in cases:
        entry = entry_of(case, counting(session, case.id))
        if not Path(entry["case"]["image"]).is_absolute():  # as seen from the new folder
            entry["case"]["image"] = os.path.relpath(case.picture, folder)
        yield entry


def entry_of(case: QueuedCase, answers: dict[int, Answer]) -> dict[str, Any]:
    """The corpus entry with the certified text. score: mean of those who decided, of the draft; see `certification`."""
    told: dict[str, Any] = json.loads(case.entry)
    decision = case.decision or {}
    deciding = [answers[ADJUDICATOR]] if decision["by"] == "adjudication" else [answers[s] for s in (0, 1)]
    text, author = decision["text"], decision["author"]
    certified = case.state == State.CERTIFIED
    values = [score for answer in deciding for score in answer.scores.values()]
    final = case.draft if text is None else text
    return {
        "findings": [],
        **told,
        "text": final,
        "score": {"scorer": SCORER, "value": round(sum(values) / len(values), 3), "reason": "of the draft as shown"},
        "kept": certified,
        "why": "" if certified else f"rejected by {decision['by']}",
        "certification": {
            "state": case.state,
            "decided_by": decision["by"],
            "decided_at": _when(case.decided_at),
            "diagnosis": diagnosis_of(final) if certified else None,
            "edited": certified and text != case.draft,
            "text_by": None if author is None or not certified else answers[author].user_id,
            "draft": case.draft,
            "draft_sha256": fingerprint(case.draft),
            "scored_by_program": told.get("score"),
            "dispute": case.dispute or [],
            "rubric": rubric().version,
            "answers": [_answer(answer) for _, answer in sorted(answers.items())],
        },
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "rater": answer.user_id,
        "role": "adjudicator" if answer.slot == ADJUDICATOR else "rater",
        "verdict": answer.verdict,
        "scores": answer.scores,
        "comment": answer.comment,
        "edits": answer.edits,
        "seconds": answer.seconds,
        "at": _when(answer.created_at),
    }


def _when(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _write(path: Path, told: dict[str, Any]) -> None:
    write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
