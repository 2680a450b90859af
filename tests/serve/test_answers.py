"""Answers on both databases: stale ones, repeated ones, simultaneous ones, and taking back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify import queue, view
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.answers import Given, counting, read, reveal, submit, take_back
from skingpt_r1.serve.certify.refusal import Refusal, Stale
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import Answer, AuditRow, QueuedCase, Role, State
from tests.serve.test_queue import expire

Person = Callable[..., Viewer]


def work(store: Store, viewer: Viewer) -> dict[str, Any]:
    with store.begin() as session:
        seat = queue.take(session, viewer)
        assert seat is not None
        return view.task(session, seat, viewer)


def answer(task: dict[str, Any], verdict: str = "accept", nonce: str = "", **changes: Any) -> Given:
    scores = dict.fromkeys(DIMENSIONS, 4) | changes.pop("scores", {})
    told = {
        "case": task["case"],
        "version": task["version"],
        "nonce": nonce or f"nonce-{task['case']}-{task['version']}",
        "verdict": verdict,
        "scores": scores,
        "comment": "Because." if verdict == "reject" else "",
        "seconds": 12.5,
    }
    return read(told | changes)


def both(store: Store, a: Viewer, b: Viewer, **second: Any) -> str:
    """Two raters answer the same next case; its token."""
    one, other = work(store, a), work(store, b)
    assert one["case"] == other["case"]
    submit(store, a, answer(one))
    submit(store, b, answer(other, **second))
    return str(one["case"])


def case_of(store: Store, token: str) -> QueuedCase:
    with store.begin() as session:
        return session.scalars(select(QueuedCase).where(QueuedCase.token == token)).one()


def actions(store: Store) -> list[str]:
    with store.begin() as session:
        return list(session.scalars(select(AuditRow.action).order_by(AuditRow.id)))


def test_two_answers_decide_a_case(queued: Store, person: Person) -> None:
    a, b = person("Ada"), person("Bo")
    case = case_of(queued, both(queued, a, b))
    assert (case.state, case.decision) == (State.CERTIFIED, {"by": "agreement", "author": None, "text": case.draft})
    case = case_of(queued, both(queued, a, b, verdict="reject"))
    assert (case.state, case.dispute) == (State.DISPUTED, ["One rejects the narrative, the other does not."])
    assert actions(queued)[-2:] == ["answered", "disputed"]


def test_an_adjudicator_decides_a_dispute_and_nobody_else_sees_it(queued: Store, person: Person) -> None:
    a, b, judge = person("Ada"), person("Bo"), person("Cy", Role.ADJUDICATOR)
    token = both(queued, a, b, scores={"safety": 5, "accuracy": 2.5}, verdict="edit", text=edited(queued))
    task = work(queued, judge)
    assert task["case"] == token
    assert [o["name"] for o in task["answers"]] == ["Rater A", "Rater B"]
    assert "Accuracy: 4 and 2.5." in task["dispute"]
    assert "Bo" not in str(task["answers"]) and "Ada" not in str(task["answers"])
    with queued.begin() as session, pytest.raises(Refusal):
        view.may_see_picture(session, person("Di", Role.ADJUDICATOR), token)
    submit(queued, judge, answer(task, "edit", text=task["answers"][1]["text"]))
    case = case_of(queued, token)
    assert case.state == State.CERTIFIED and case.decision is not None
    assert case.decision["by"] == "adjudication" and "light brown" in case.decision["text"]
    assert take_back(queued, judge) is not None
    assert case_of(queued, token).state == State.DISPUTED
    submit(queued, judge, answer(work(queued, judge), "reject", nonce="once-more"))
    assert case_of(queued, token).state == State.REJECTED


def edited(store: Store) -> str:
    with store.begin() as session:
        draft = session.scalars(select(QueuedCase.draft).order_by(QueuedCase.place)).first()
    assert draft is not None
    return str(draft).replace("dark brown", "light brown")


def test_a_stale_answer_changes_nothing(queued: Store, person: Person) -> None:
    a, b = person("Ada"), person("Bo")
    task = work(queued, a)
    submit(queued, a, answer(task))
    with pytest.raises(Stale, match="no longer yours"):  # the second window
        submit(queued, a, answer(task, nonce="another-nonce", scores={"safety": 3}))
    late = work(queued, a)
    expire(queued)
    c = person("Cy")
    for viewer in (b, c):
        while work(queued, viewer)["case"] != late["case"]:
            submit(queued, viewer, answer(work(queued, viewer), nonce=f"another-{viewer.id}-{len(actions(queued))}"))
    with pytest.raises(Stale):  # two others have it by now
        submit(queued, a, answer(late))
    with queued.begin() as session:
        mine = session.scalars(select(Answer).where(Answer.user_id == a.id)).all()
    assert [m.scores["safety"] for m in mine] == [4]


def test_the_same_request_twice_is_one_answer(queued: Store, person: Person) -> None:
    a = person("Ada")
    task = work(queued, a)
    for _ in range(2):
        submit(queued, a, answer(task))
    with ThreadPoolExecutor(4) as pool:
        task = work(queued, a)
        list(pool.map(lambda _: submit(queued, a, answer(task)), range(4)))
    with queued.begin() as session:
        assert len(session.scalars(select(Answer)).all()) == 2


def test_two_last_answers_at_the_same_moment_make_one_decision(queued: Store, person: Person) -> None:
    a, b = person("Ada"), person("Bo")
    for _ in range(6):
        one, other = work(queued, a), work(queued, b)
        start = threading.Barrier(2)

        def send(viewer: Viewer, task: dict[str, Any], low: float, start: threading.Barrier = start) -> None:
            start.wait()
            submit(queued, viewer, answer(task, scores={"safety": low}))

        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(send, a, one, 5), pool.submit(send, b, other, 3)]
            assert [job.result() for job in jobs] == [None, None]
    with queued.begin() as session:
        states = session.scalars(select(QueuedCase.state)).all()
        assert states == [State.DISPUTED] * 6  # neither thought itself the first
        for case in session.scalars(select(QueuedCase)):
            found = counting(session, case.id)
            assert {slot: found[slot].user_id for slot in (0, 1)} in ({0: a.id, 1: b.id}, {0: b.id, 1: a.id})
    assert actions(queued).count("disputed") == 6


def test_taking_back_gives_the_case_again_with_ones_own_words(queued: Store, person: Person) -> None:
    a, b = person("Ada"), person("Bo")
    assert take_back(queued, a) is None
    token = both(queued, a, b, scores={"safety": 3})
    following = work(queued, b)
    assert take_back(queued, b) is not None
    again = work(queued, b)
    assert again["case"] == token and again["before"]["scores"]["safety"] == 3
    assert case_of(queued, token).state == State.OPEN
    submit(queued, b, answer(again, "reject", nonce="second-thought"))
    assert case_of(queued, token).state == State.DISPUTED
    assert work(queued, b)["case"] == following["case"]
    with queued.begin() as session:
        kept = session.scalars(select(Answer).where(Answer.user_id == b.id).order_by(Answer.id)).all()
    assert [(k.verdict, k.withdrawn_at is None) for k in kept] == [("accept", False), ("reject", True)]


def test_what_cannot_be_taken_back(queued: Store, person: Person) -> None:
    a, b, judge = person("Ada"), person("Bo"), person("Cy", Role.ADJUDICATOR)
    token = both(queued, a, b)
    with pytest.raises(Refusal, match="after your answer"):
        reveal(queued, judge, token)
    reveal(queued, a, token)
    with pytest.raises(Stale, match="no longer be taken back"):  # he knows the label
        take_back(queued, a)
    both(queued, a, b, verdict="reject")
    work(queued, judge)
    with pytest.raises(Stale):  # the adjudicator works on it
        take_back(queued, b)


def test_the_reference_comes_after_the_answer_and_the_others_with_it(queued: Store, person: Person) -> None:
    a, b = person("Ada"), person("Bo")
    one = work(queued, a)
    submit(queued, a, answer(one, comment="from Ada"))
    with queued.begin() as session:
        assert view.own(session, a)[0]["reference"] is None
    reveal(queued, a, one["case"])
    with queued.begin() as session:
        shown = view.own(session, a)[0]["reference"]
    assert shown["dataset"] == "hidden-set" and shown["diagnosis"] and shown["others"] == []
    other = work(queued, b)
    assert "from Ada" not in str(other)
    submit(queued, b, answer(other, comment="from Bo"))
    with queued.begin() as session:
        assert [o["comment"] for o in view.own(session, a)[0]["reference"]["others"]] == ["from Bo"]
        assert "from Ada" not in str(view.own(session, b))


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"verdict": "maybe"}, 422, "accept, edit or reject"),
        ({"verdict": ["accept"]}, 422, "accept, edit or reject"),
        ({"scores": {"safety": 6}}, 422, "Safety: 6 is no score"),
        ({"scores": {"safety": 2}}, 422, "Safety is below 3"),
        ({"scores": {"x": 2}}, 422, "no dimension"),
        ({"comment": "x" * 2001}, 413, "2,000"),
        ({"comment": 7}, 413, "text"),
        ({"comment": "a\0b"}, 422, "cannot be printed"),
        ({"verdict": "reject", "comment": " \n"}, 422, "why you reject"),
        ({"verdict": "edit"}, 422, "edited text is missing"),
        ({"version": "1"}, 400, "incomplete"),
        ({"version": True}, 400, "incomplete"),
        ({"case": None}, 400, "incomplete"),
        ({"nonce": "x"}, 400, "incomplete"),
        ({"seconds": -1}, 400, "time"),
        ({"seconds": float("nan")}, 400, "time"),
        ({"seconds": True}, 400, "time"),
    ],
)
def test_what_is_no_answer(change: dict[str, Any], status: int, word: str) -> None:
    with pytest.raises(Refusal, match=word) as caught:
        answer({"case": "c" * 24, "version": 1}, **change)
    assert caught.value.status == status
    with pytest.raises(Refusal, match="six scores"):
        read({"verdict": "accept", "scores": [4] * 6})
