"""An answer comes in, is held against the other, and may be taken back.

Taking back is possible until the reference label was shown to this person, an adjudicator holds the case or it was
exported: whoever knows the label is no longer blind, and what others build on must stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from skingpt_r1.dermeval.rubric import checked_scores, rubric
from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.decisions import LEAST, Opinion, decide
from skingpt_r1.serve.certify.edits import checked, cleaned, tracked
from skingpt_r1.serve.certify.queue import HELD_FOR
from skingpt_r1.serve.certify.refusal import Refusal, Stale
from skingpt_r1.serve.certify.store import Store, fingerprint, note, now
from skingpt_r1.serve.certify.tables import ADJUDICATOR, RATERS, Answer, Assignment, QueuedCase, State, Verdict

LONGEST_COMMENT: Final = 2_000
_STALE: Final = "This case is no longer yours in this form; load the page again to go on."
_FINAL: Final = "This answer can no longer be taken back."


@dataclass(frozen=True, slots=True)
class Given:
    """A checked request. case: its token. version: of the assignment, as the page got it."""

    case: str
    version: int
    nonce: str
    verdict: Verdict
    text: str | None
    scores: Mapping[str, float]
    comment: str
    seconds: float


def read(told: Mapping[str, Any]) -> Given:
    """The request's JSON. Raises Refusal with one sentence."""
    verdict = told.get("verdict")
    if verdict not in tuple(Verdict):
        raise Refusal(422, "Choose accept, edit or reject.")
    scores = told.get("scores")
    if not isinstance(scores, dict):
        raise Refusal(422, "Give the six scores.")
    try:
        scores = checked_scores(scores)
    except SkinGPTError as error:
        raise Refusal(422, str(error)) from None
    comment, text = told.get("comment", ""), told.get("text")
    case, nonce, version, seconds = (told.get(k) for k in ("case", "nonce", "version", "seconds"))
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise Refusal(413, f"The comment must be text of at most {LONGEST_COMMENT:,} characters.")
    if not (isinstance(case, str) and isinstance(nonce, str) and 8 <= len(nonce) <= 64 and type(version) is int):
        raise Refusal(400, "The request is incomplete; load the page again.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e6:
        raise Refusal(400, "The time of the case is missing; load the page again.")
    if verdict == Verdict.EDIT and not isinstance(text, str):
        raise Refusal(422, "The edited text is missing.")
    comment = cleaned(comment)
    if verdict == Verdict.REJECT and not comment:
        raise Refusal(422, "Say in the comment why you reject it.")
    low = next((d.name for d in rubric().dimensions if scores[d.key] < LEAST), None)
    if verdict == Verdict.ACCEPT and low:
        raise Refusal(422, f"{low} is below {LEAST:g}: edit or reject a text that lacks so much.")
    return Given(case, version, nonce, Verdict(verdict), text, scores, comment, float(seconds))


def submit(store: Store, viewer: Viewer, given: Given) -> None:
    """Keep the answer and, where it is the last one needed, decide. Raises Refusal; 409 where the page is stale."""
    with store.begin() as session:
        case = _locked(session, given.case)
        if session.scalar(select(Answer.id).where(Answer.user_id == viewer.id, Answer.nonce == given.nonce)):
            return  # the same request once more: its answer got lost on the way
        seat = _seat(session, case, viewer)
        wanted = State.DISPUTED if seat and seat.slot == ADJUDICATOR else State.OPEN
        if seat is None or seat.answered or seat.version != given.version or case.state != wanted:
            raise Stale(_STALE)
        text = {Verdict.ACCEPT: case.draft, Verdict.REJECT: None}.get(given.verdict)
        if given.verdict is Verdict.EDIT:
            text = checked(case.draft, given.text or "")
        at = now()
        wall = max(0.0, (at - seat.claimed_at).total_seconds())
        answer = Answer(
            case_id=case.id,
            slot=seat.slot,
            user_id=viewer.id,
            verdict=given.verdict,
            text=text,
            edits=[] if text in (None, case.draft) else [list(step) for step in tracked(case.draft, str(text))],
            scores=dict(given.scores),
            comment=given.comment,
            seconds=round(min(given.seconds, wall), 1),
            wall=round(wall, 1),
            nonce=given.nonce,
            created_at=at,
        )
        session.add(answer)
        seat.answered = True
        seat.version += 1
        session.flush()
        note(
            session,
            "answered",
            viewer.id,
            case.id,
            answer=answer.id,
            slot=seat.slot,
            verdict=given.verdict,
            scores=dict(given.scores),
            text=None if text is None else fingerprint(text),
            comment=given.comment,
        )
        _settle(session, case)


def take_back(store: Store, viewer: Viewer) -> Answer | None:
    """Withdraw this person's last answer and hand the case to him again; None if there is none."""
    with store.begin() as session:
        last = _last(session, viewer)
        if last is None:
            return None
        case = _locked(session, last.case_id)
        session.refresh(last)
        seats = {a.slot: a for a in session.scalars(select(Assignment).where(Assignment.case_id == case.id))}
        adjudicated = last.slot != ADJUDICATOR and ADJUDICATOR in seats
        if last.withdrawn_at or last.revealed_at or case.exported_at or adjudicated:
            raise Stale(_FINAL)
        seat = seats[last.slot]
        last.withdrawn_at = seat.claimed_at = now()
        seat.answered, seat.expires_at = False, now() + HELD_FOR
        seat.version += 1
        _undecide(case, State.DISPUTED if last.slot == ADJUDICATOR else State.OPEN)
        note(session, "took back", viewer.id, case.id, answer=last.id)
        return last


def reveal(store: Store, viewer: Viewer, token: str) -> None:
    """Show this person the reference; with it his answer is final. Raises Refusal before he has answered."""
    with store.begin() as session:
        case = _locked(session, token)
        answer = session.scalar(
            select(Answer).where(Answer.case_id == case.id, Answer.user_id == viewer.id, Answer.withdrawn_at.is_(None))
        )
        if answer is None:
            raise Refusal(403, "The reference is shown after your answer.")
        if answer.revealed_at is None:
            answer.revealed_at = now()
            note(session, "saw reference", viewer.id, case.id, answer=answer.id)


def counting(session: Session, case_id: int) -> dict[int, Answer]:
    """The answers of a case that count, by slot."""
    found = session.scalars(select(Answer).where(Answer.case_id == case_id, Answer.withdrawn_at.is_(None)))
    return {answer.slot: answer for answer in found}


def _settle(session: Session, case: QueuedCase) -> None:
    """Decide the case if all who are needed have answered."""
    answers = counting(session, case.id)
    case.version += 1
    if (final := answers.get(ADJUDICATOR)) is not None:
        _close(case, State.REJECTED if final.text is None else State.CERTIFIED, "adjudication", final.text, ADJUDICATOR)
    elif all(slot in answers for slot in RATERS):
        first, second = (Opinion(Verdict(a.verdict), a.text, a.scores) for a in (answers[s] for s in RATERS))
        decision = decide(case.draft, first, second)
        if decision.state is State.DISPUTED:
            case.state, case.dispute = State.DISPUTED, list(decision.reasons)
        else:
            _close(case, decision.state, "agreement", decision.text, decision.author)
    else:
        return
    note(session, case.state, None, case.id, decision=case.decision and case.decision["by"], dispute=case.dispute)


def _close(case: QueuedCase, state: State, by: str, text: str | None, author: int | None) -> None:
    case.state, case.decided_at = state, now()
    case.decision = {"by": by, "author": author, "text": text}


def _undecide(case: QueuedCase, state: State) -> None:
    case.state, case.decision, case.decided_at = state, None, None
    if state is State.OPEN:
        case.dispute = None
    case.version += 1


def _locked(session: Session, case: str | int) -> QueuedCase:
    """The case, its row locked until the transaction ends: the first thing that every change does."""
    which = QueuedCase.token == case if isinstance(case, str) else QueuedCase.id == case
    found = session.scalar(select(QueuedCase).where(which).with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise Refusal(404, "There is no such case.")
    return found


def _seat(session: Session, case: QueuedCase, viewer: Viewer) -> Assignment | None:
    return session.scalar(select(Assignment).where(Assignment.case_id == case.id, Assignment.user_id == viewer.id))


def _last(session: Session, viewer: Viewer) -> Answer | None:
    return session.scalar(
        select(Answer)
        .where(Answer.user_id == viewer.id, Answer.withdrawn_at.is_(None))
        .order_by(Answer.created_at.desc(), Answer.id.desc())
        .limit(1)
    )
