"""Invitations work once, passwords are Argon2id, sessions end, and trying is limited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from skingpt_r1.serve.certify import throttle
from skingpt_r1.serve.certify.accounts import (
    Viewer,
    invite,
    join,
    new_login,
    set_active,
    sign_in,
    sign_out,
    viewer_of,
)
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import Store, now
from skingpt_r1.serve.certify.tables import Attempt, Invitation, Login, Role, User
from tests.serve.conftest import PASSWORD

Person = Callable[..., Viewer]


def test_an_invitation_works_once_even_for_several_at_the_same_moment(store: Store) -> None:
    token = invite(store, Role.RATER)

    def try_it(name: str) -> int | str:
        try:
            return join(store, token, name, PASSWORD)
        except Refusal as refusal:
            return str(refusal)

    with ThreadPoolExecutor(3) as pool:
        got = list(pool.map(try_it, ("Ada", "Bo", "Cy")))
    assert sum(isinstance(g, int) for g in got) == 1
    assert all("used, expired or mistyped" in g for g in got if isinstance(g, str))
    with store.begin() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_an_invitation_ends(store: Store) -> None:
    token = invite(store, Role.RATER, lasts=dt.timedelta(seconds=-1))
    for bad in (token, "x", ""):
        with pytest.raises(Refusal, match="expired"):
            join(store, bad, "Ada", PASSWORD)


def test_no_secret_is_stored(store: Store) -> None:
    token = invite(store, Role.RATER)
    cookie = new_login(store, join(store, token, "Ada", PASSWORD))
    with store.begin() as session:
        user = session.scalars(select(User)).one()
        stored = [session.scalars(select(Invitation)).one().token, session.scalars(select(Login)).one().token]
    assert user.password.startswith("$argon2id$") and PASSWORD not in user.password
    assert token not in stored and cookie not in stored


@pytest.mark.parametrize(
    ("name", "password", "word"),
    [
        ("A", PASSWORD, "2 to 80"),
        ("Ada\u202eB", PASSWORD, "2 to 80"),
        ("x" * 81, PASSWORD, "2 to 80"),
        ("Ada", "short", "12 to 200"),
        ("Ada", "x" * 201, "12 to 200"),
        ("Ada", "aaaaaaaaaaaaaa", "too easy"),
        ("Ada Lovelace of London", "ada lovelace  OF London", "too easy"),
        ("  LOVELACE ", PASSWORD, "taken"),
    ],
)
def test_a_refused_name_leaves_the_invitation_usable(store: Store, name: str, password: str, word: str) -> None:
    join(store, invite(store, Role.RATER), "Lovelace", PASSWORD)
    token = invite(store, Role.RATER)
    with pytest.raises(Refusal, match=word):
        join(store, token, name, password)
    assert join(store, token, "Somebody Else", PASSWORD)


def test_signing_in_and_out(store: Store, person: Person) -> None:
    ada = person("Ada Ünal", Role.ADJUDICATOR)
    cookie = sign_in(store, "ada  ÜNAL", PASSWORD, "1.2.3.4")
    found = viewer_of(store, cookie)
    assert found is not None and (found.id, found.role) == (ada.id, Role.ADJUDICATOR)
    assert viewer_of(store, cookie + "x") is None and viewer_of(store, None) is None
    for name, password in (("Ada Ünal", PASSWORD + "x"), ("Nobody", PASSWORD)):
        with pytest.raises(Refusal, match=r"^Name or password is wrong.$"):
            sign_in(store, name, password, "1.2.3.4")
    sign_out(store, found)
    assert viewer_of(store, cookie) is None


@pytest.mark.parametrize("column", ["created_at", "seen_at"])
def test_a_session_ends_by_age_and_by_idleness(store: Store, person: Person, column: str) -> None:
    cookie = new_login(store, person("Ada").id)
    with store.begin() as session:
        session.execute(update(Login).values({column: now() - dt.timedelta(hours=12, minutes=1)}))
    assert viewer_of(store, cookie) is None


def test_a_locked_person_is_out_at_once(store: Store, person: Person) -> None:
    ada, admin = person("Ada"), person("Boss", Role.ADMIN)
    cookie = new_login(store, ada.id)
    set_active(store, ada.id, False, admin.id)
    assert viewer_of(store, cookie) is None
    with pytest.raises(Refusal):
        sign_in(store, "Ada", PASSWORD, "1.2.3.4")
    with pytest.raises(Refusal, match="yourself"):
        set_active(store, admin.id, False, admin.id)
    set_active(store, ada.id, True, admin.id)
    assert sign_in(store, "Ada", PASSWORD, "1.2.3.4")


def test_guessing_is_limited_and_does_not_lock_the_owner_out(store: Store, person: Person) -> None:
    person("Ada")
    seen = []
    for _ in range(throttle.PASSWORD.most + 2):
        with pytest.raises(Refusal) as caught:
            sign_in(store, "Ada", "wrong password!", "6.6.6.6")
        seen.append(caught.value.status)
    assert seen == [401] * throttle.PASSWORD.most + [429] * 2
    assert sign_in(store, "Ada", PASSWORD, "1.2.3.4")  # from elsewhere


def test_attempts_are_forgotten_with_time_and_kept_without_address(store: Store) -> None:
    limit = throttle.Limit("test", 2, 60)
    for _ in range(2):
        throttle.spend(store, limit, "6.6.6.6")
    with pytest.raises(Refusal, match="wait 1 minute and"):
        throttle.spend(store, limit, "6.6.6.6")
    throttle.spend(store, limit, "7.7.7.7")
    with store.begin() as session:
        assert not any("6.6" in who for who in session.scalars(select(Attempt.who)))
        session.execute(update(Attempt).values(at=now() - dt.timedelta(seconds=61)))
    throttle.spend(store, limit, "6.6.6.6")
