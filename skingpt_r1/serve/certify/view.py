"""What a person may see. Everything that the page receives about a case is made here, field by field.

Before the answer: picture, history, narrative. Not: label, data set, file name, model, scores of programs, the other
rater, nor whether there is one. An adjudicator sees both answers, without names. After the answer, and only if asked
for (it makes the answer final): label, origin, and the other's answer once both have answered.
"""

from __future__ import annotations

import json
import statistics
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from skingpt_r1.dermcot.evidence import tellable
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.narrative.report_html import HEADINGS
from skingpt_r1.narrative.scan import scan
from skingpt_r1.narrative.verify import said
from skingpt_r1.records import History
from skingpt_r1.serve.certify import queue
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.answers import counting
from skingpt_r1.serve.certify.edits import diagnosis_of, tracked
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.tables import ADJUDICATOR, RATERS, Answer, Assignment, QueuedCase, Role

_LISTED: Final = 100  # answers on the page of one's own


def task(session: Session, seat: Assignment, viewer: Viewer) -> dict[str, Any]:
    """A case that waits for this person's answer."""
    case = session.get_one(QueuedCase, seat.case_id)
    shown: dict[str, Any] = {
        "case": case.token,
        "version": seat.version,
        "image": f"image/{case.token}",
        "draft": case.draft,
        "history": _history(case),
        **narrative(case.draft),
    }
    if seat.slot == ADJUDICATOR and viewer.role is Role.ADJUDICATOR:
        answers = counting(session, case.id)
        shown["dispute"] = list(case.dispute or ())
        shown["answers"] = [_opinion(case, answers[slot], f"Rater {'AB'[slot]}") for slot in RATERS]
    before = session.scalar(
        select(Answer)
        .where(Answer.case_id == case.id, Answer.user_id == viewer.id, Answer.withdrawn_at.is_not(None))
        .order_by(Answer.id.desc())
        .limit(1)
    )
    if before is not None:  # he took it back: his own words, to mend
        shown["before"] = {k: getattr(before, k) for k in ("verdict", "text", "scores", "comment", "seconds")}
    return shown


def narrative(text: str) -> dict[str, Any]:
    """The text by block, with its claims and diagnoses marked, and what it claims."""
    told = parse(text)
    blocks = [{"heading": HEADINGS[name], "parts": _parts(block)} for name, block in sections(text).items() if block]
    claims = [{"text": said(c), "denied": not c.polarity} for c in told.claims]
    return {"blocks": blocks, "claims": claims, "diagnosis": told.diagnosis}


def progress(session: Session, viewer: Viewer) -> dict[str, Any]:
    """Answers of one's own, what is left, and time per case. Nothing here moves with others' answers to one's cases."""
    seconds = list(
        session.scalars(
            select(Answer.seconds).where(Answer.user_id == viewer.id, Answer.withdrawn_at.is_(None)).order_by(Answer.id)
        )
    )
    return {
        "answered": len(seconds),
        "left": queue.left(session, viewer),
        "median_seconds": round(statistics.median(seconds), 1) if seconds else None,
    }


def own(session: Session, viewer: Viewer) -> list[dict[str, Any]]:
    """This person's answers, last first; the reference only where he has asked for it."""
    rows = session.execute(
        select(Answer, QueuedCase)
        .join(QueuedCase, QueuedCase.id == Answer.case_id)
        .where(Answer.user_id == viewer.id, Answer.withdrawn_at.is_(None))
        .order_by(Answer.id.desc())
        .limit(_LISTED)
    ).all()
    return [_own(session, answer, case) for answer, case in rows]


def may_see_picture(session: Session, viewer: Viewer, token: str) -> QueuedCase:
    """The case behind a picture that this person was given. Raises Refusal 404 for any other, known or not."""
    found = session.scalar(
        select(QueuedCase)
        .join(Assignment, Assignment.case_id == QueuedCase.id)
        .where(QueuedCase.token == token, Assignment.user_id == viewer.id)
    )
    if found is None:
        raise Refusal(404, "There is no such picture.")
    return found


def _own(session: Session, answer: Answer, case: QueuedCase) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "case": case.token,
        "at": answer.created_at,
        "verdict": answer.verdict,
        "scores": answer.scores,
        "comment": answer.comment,
        "seconds": answer.seconds,
        "diagnosis": parse(answer.text or case.draft).diagnosis,
        "reference": None,
    }
    if answer.revealed_at is not None:
        told = json.loads(case.entry)
        others = [a for slot, a in counting(session, case.id).items() if slot != answer.slot]
        shown["reference"] = {
            "diagnosis": told["case"].get("diagnosis"),
            "label": told["case"].get("label"),
            "dataset": told["case"].get("dataset"),
            "scorer": (told.get("score") or {}).get("scorer"),
            "score": (told.get("score") or {}).get("value"),
            "others": [_opinion(case, a, "Adjudicator" if a.slot == ADJUDICATOR else "Other rater") for a in others],
        }
    return shown


def _opinion(case: QueuedCase, answer: Answer, name: str) -> dict[str, Any]:
    text = answer.text if answer.text is not None else case.draft
    return {
        "name": name,
        "verdict": answer.verdict,
        "scores": answer.scores,
        "comment": answer.comment,
        "text": answer.text,
        "edits": tracked(case.draft, text) if text != case.draft else [],
        "diagnosis": None if answer.text is None else diagnosis_of(answer.text),
    }


def _history(case: QueuedCase) -> list[list[str]]:
    """What the patient told, in words, without the private fields."""
    known = tellable(History(**(json.loads(case.entry)["case"].get("history") or {}))).known()
    return [[name.replace("_", " "), _word(value)] for name, value in known.items()]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _parts(block: str) -> list[list[str]]:
    """[kind, text] pieces that join to the block; kind is "", "claim", "denied" or "diagnosis"."""
    parts, position = [], 0
    for mention in scan(block):
        kind = "diagnosis" if mention.key is None else ("claim" if mention.key[2] else "denied")
        parts += [["", block[position : mention.start]], [kind, block[mention.start : mention.end]]]
        position = mention.end
    return [part for part in [*parts, ["", block[position:]]] if part[1]]
