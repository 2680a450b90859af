"""Who gets which case: order, two different raters, expiry, and many at once on both databases."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify import queue
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.intake import Waiting, load, ordered
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import Store, now
from skingpt_r1.serve.certify.tables import Assignment, QueuedCase, Role
from tests.serve.conftest import make_corpus

Person = Callable[..., Viewer]


def taken(store: Store, viewer: Viewer) -> tuple[int, int] | None:
    with store.begin() as session:
        seat = queue.take(session, viewer)
        return None if seat is None else (seat.case_id, seat.slot)


def expire(store: Store) -> None:
    with store.begin() as session:
        session.execute(update(Assignment).values(expires_at=now() - dt.timedelta(seconds=1)))


def test_kinds_take_turns_and_the_uncertain_come_first() -> None:
    cases = [
        Waiting("nevus sure", ("nevus", "2"), 0.0),
        Waiting("nevus unsure", ("nevus", "2"), 2.0),
        Waiting("nevus dark", ("nevus", "5"), 0.5),
        Waiting("melanoma", ("melanoma", "2"), 1.0),
        Waiting("nevus middling", ("nevus", "2"), 1.5),
    ]
    expected = ["nevus unsure", "melanoma", "nevus dark", "nevus middling", "nevus sure"]
    assert [c.name for c in ordered(cases)] == expected
    assert [c.name for c in ordered(cases[::-1])] == expected


def test_after_one_turn_every_kind_was_seen() -> None:
    kinds = [("a", "1")] * 50 + [("b", "1")] * 5 + [("c", "6")]
    cases = [Waiting(str(i), kind, i % 3) for i, kind in enumerate(kinds)]
    assert {c.kind for c in ordered(cases)[:3]} == set(kinds)
    assert Counter(c.kind for c in ordered(cases)) == Counter(kinds)


def test_the_corpus_is_queued_once_and_grows_at_the_end(store: Store, corpus: Path, tmp_path: Path) -> None:
    assert load(store, corpus) == 6
    assert load(store, corpus) == 0
    more = make_corpus(tmp_path / "more", 8)
    assert load(store, more) == 2
    with store.begin() as session:
        names = session.scalars(select(QueuedCase.name).order_by(QueuedCase.place)).all()
        tokens = session.scalars(select(QueuedCase.token)).all()
    assert set(names[6:]) == {"hidden-set/secret-6", "hidden-set/secret-7"}
    assert len(set(tokens)) == 8 and not any("secret" in token for token in tokens)


def test_a_corpus_that_changed_or_is_broken_is_refused_with_its_line(store: Store, corpus: Path) -> None:
    load(store, corpus)
    path = corpus / "corpus.jsonl"
    lines = path.read_text().splitlines()
    changed = json.loads(lines[2]) | {"text": "Something else."}
    for broken, word in (
        ([*lines[:2], json.dumps(changed), *lines[3:]], "corpus.jsonl:3: the text of hidden-set/secret-2"),
        ([*lines, "{"], "corpus.jsonl:7: no entry"),
        ([*lines, json.dumps({"case": {"dataset": "d", "id": "i", "image": "x"}, "text": " "})], "no text"),
        ([*lines, lines[0]], "corpus.jsonl:7: hidden-set/secret-0 stands twice"),
        ([], "holds no entry"),
    ):
        path.write_text("\n".join(broken) + "\n")
        with pytest.raises(SkinGPTError, match=word):
            load(store, corpus)
    path.unlink()
    with pytest.raises(SkinGPTError, match="no corpus"):
        load(store, corpus)


def test_a_case_goes_to_two_different_raters_and_to_no_third(queued: Store, person: Person) -> None:
    a, b, c = (person(name) for name in ("Ada", "Bo", "Cy"))
    first = taken(queued, a)
    assert taken(queued, a) == first  # asking again gives the same case
    second, third = taken(queued, b), taken(queued, c)
    assert first is not None and second is not None and third is not None
    assert (second[0], second[1]) == (first[0], 1)
    assert third[0] != first[0]
    assert taken(queued, person("Di", Role.ADJUDICATOR)) is None
    with pytest.raises(Refusal, match="Admins do not rate"):
        taken(queued, person("Ed", Role.ADMIN))


def test_what_nobody_answers_goes_to_the_next_and_the_holder_may_go_on_until_then(
    queued: Store, person: Person
) -> None:
    a, b, c = (person(name) for name in ("Ada", "Bo", "Cy"))
    first = taken(queued, a)
    taken(queued, b)
    expire(queued)
    assert taken(queued, a) == first  # came back late, nobody took it
    with queued.begin() as session:
        before = {s.id: s.version for s in session.scalars(select(Assignment))}
        ada = session.scalars(select(Assignment).where(Assignment.user_id == a.id)).one().id
    expire(queued)
    assert taken(queued, c) == first  # slot 0 is the first that is free
    with queued.begin() as session:
        seats = {s.id: s for s in session.scalars(select(Assignment))}
    assert (seats[ada].user_id, seats[ada].version) == (c.id, before[ada] + 1)
    assert taken(queued, a) not in (None, first)


def test_many_at_once_fill_each_slot_once(queued: Store, person: Person) -> None:
    people = [person(f"Rater {i}") for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            got = list(pool.map(lambda p: taken(queued, p), people * 2))
    filled = Counter(got)
    assert len(filled) == 8 and set(filled.values()) == {2}  # everybody holds one, and got the same one twice
    with queued.begin() as session:
        seats = session.scalars(select(Assignment)).all()
    assert len(seats) == 8
    assert len({(s.case_id, s.slot) for s in seats}) == 8
    assert Counter(s.case_id for s in seats).most_common(1)[0][1] == 2


def test_left_counts_what_one_could_still_answer(queued: Store, person: Person) -> None:
    a, b, c = (person(name) for name in ("Ada", "Bo", "Cy"))
    taken(queued, a), taken(queued, b)
    with queued.begin() as session:
        assert [queue.left(session, p) for p in (a, b, c)] == [6, 6, 5]
