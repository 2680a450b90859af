"""The application over HTTP: what it shows to whom, what it refuses, and what its answers carry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update
from starlette.testclient import TestClient

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify import throttle
from skingpt_r1.serve.certify.accounts import Viewer, invite, new_login
from skingpt_r1.serve.certify.app import create_app
from skingpt_r1.serve.certify.security import BODY, Site, site
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import QueuedCase, Role, User
from tests.serve.conftest import PASSWORD

HOME = "http://127.0.0.1:8601"
Person = Callable[..., Viewer]
HIDDEN = ("secret-", "hidden-set", "label-in-comment", "Jane", "lint", "measured", "6.25", "skin_type", "skin type")
"""Of the corpus of conftest: file name, data set, metadata, scorer, private history."""


@pytest.fixture
def url(tmp_path) -> str:
    """HTTP does not depend on the database; SQLite is quicker."""
    return f"sqlite:///{tmp_path / 'certify.db'}"


class Browser:
    """A person's browser: cookie, and the secret that the page holds."""

    def __init__(self, store: Store, viewer: Viewer | None = None, home: str = HOME) -> None:
        self.client = TestClient(create_app(store, Site(home)), base_url=home, follow_redirects=False)
        self.received: list[str] = []
        if viewer is not None:
            self.client.cookies.set(Site(home).cookie, new_login(store, viewer.id))
        page = self.client.get("/answers" if viewer and viewer.role is not Role.ADMIN else "/admin").text
        self.form = page.partition('name="form" value="')[2].partition('"')[0]

    def post(self, path: str, told: Any = None, **more: Any) -> Any:
        headers = {"X-Form-Token": self.form} | more.pop("headers", {})
        answer = self.client.post(path, json=told, headers=headers, **more)
        self.received.append(answer.text)
        return answer

    def task(self) -> dict[str, Any]:
        return self.post("/api/next").json()["task"]

    def answer(self, task: dict[str, Any], **changes: Any) -> Any:
        told = {"case": task["case"], "version": task["version"], "nonce": f"nonce {task['case']}{task['version']}"}
        told |= {"verdict": "accept", "scores": dict.fromkeys(DIMENSIONS, 4), "comment": "", "seconds": 3}
        return self.post("/api/answer", told | changes)


@pytest.fixture
def browser(queued: Store, person: Person) -> Iterator[Callable[..., Browser]]:
    opened: list[Browser] = []

    def make(name: str, role: Role = Role.RATER) -> Browser:
        opened.append(Browser(queued, person(name, role)))
        return opened[-1]

    yield make
    for one in opened:
        one.client.close()


def test_a_rater_sees_the_case_and_nothing_that_would_bias(browser: Callable[..., Browser]) -> None:
    ada = browser("Ada")
    task = ada.task()
    assert set(task) == {"case", "version", "image", "draft", "history", "blocks", "claims", "diagnosis"}
    assert [name for name, _ in task["history"]] == ["age"]
    assert "".join(text for block in task["blocks"] for _, text in block["parts"])[:10] == task["draft"][22:32]
    picture = ada.client.get(f"/image/{task['case']}")
    assert picture.headers["content-type"] == "image/jpeg"
    decoded = Image.open(io.BytesIO(picture.content))
    assert decoded.size == (80, 60) and not decoded.getexif() and "comment" not in decoded.info
    seen = json.dumps(task) + ada.client.get("/rate").text + ada.client.get("/answers").text
    for word in HIDDEN:
        assert word not in seen and word.encode() not in picture.content, word


def test_nothing_of_the_others_answer_arrives_before_ones_own(browser: Callable[..., Browser]) -> None:
    ada, bo = browser("Ada"), browser("Bo")
    task = ada.task()
    ada.answer(task, scores=dict.fromkeys(DIMENSIONS, 4.5), comment="MARK-OF-ADA")
    before = bo.task()
    assert before["case"] == task["case"]
    pages = [bo.client.get(path).text for path in ("/rate", "/answers", "/help")]
    assert not any(word in text for text in [*bo.received, *pages] for word in ("MARK-OF-ADA", "4.5", "Ada"))
    bo.answer(before, comment="MARK-OF-BO")
    assert "MARK-OF-BO" not in ada.client.get("/answers").text  # she has not asked for the reference
    shown = bo.client.post(f"/answers/{task['case']}", data={"form": bo.form})
    assert shown.headers["location"] == f"/answers#{task['case']}"
    assert "MARK-OF-ADA" in bo.client.get("/answers").text
    assert bo.post("/api/undo").status_code == 409


def test_pictures_of_cases_that_one_was_not_given(browser: Callable[..., Browser], queued: Store) -> None:
    ada, boss = browser("Ada"), browser("Boss", Role.ADMIN)
    mine = ada.task()["case"]
    with queued.begin() as session:
        other = session.scalars(select(QueuedCase.token).where(QueuedCase.token != mine)).first()
    for token in (other, "0" * 24, "..%2f..%2fetc%2fpasswd"):
        assert ada.client.get(f"/image/{token}").status_code == 404
    assert boss.client.get(f"/image/{mine}").status_code == 403
    with queued.begin() as session:
        session.execute(update(QueuedCase).values(picture="/nowhere/melanoma.jpg"))
    broken = ada.client.get(f"/image/{mine}")
    assert broken.status_code == 410 and "nowhere" not in broken.text and "melanoma" not in broken.text


def test_a_text_that_is_html_stays_text(browser: Callable[..., Browser], queued: Store) -> None:
    attack = "<script>alert(1)</script>"
    with queued.begin() as session:
        for case in session.scalars(select(QueuedCase)):
            case.draft = case.draft.replace("Dermoscopic", f"{attack} Dermoscopic")
        session.execute(update(User).values(name=attack))
    ada = browser("Ada")
    with queued.begin() as session:
        session.execute(update(User).values(name=attack))
    task = ada.task()
    assert attack in task["draft"]
    assert ada.answer(task, comment=attack).status_code == 200
    for path in ("/rate", "/answers"):
        page = ada.client.get(path).text
        assert attack not in page and "&lt;script&gt;" in page


def test_every_answer_carries_the_headers(browser: Callable[..., Browser]) -> None:
    ada = browser("Ada")
    for path in ("/rate", "/nowhere", "/static/rate.js", "/api/next", f"/image/{ada.task()['case']}"):
        headers = ada.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
    page = ada.client.get("/rate").text
    assert "http://" not in page and "https://" not in page and "style=" not in page and "onclick" not in page
    assert "research and education only" in page


def test_changes_need_the_sessions_secret_our_origin_and_our_host(browser: Callable[..., Browser]) -> None:
    ada, bo = browser("Ada"), browser("Bo")
    assert ada.post("/api/next", headers={"X-Form-Token": bo.form}).status_code == 403
    assert ada.client.post("/api/next").status_code == 403
    assert ada.post("/api/next", headers={"Origin": "http://evil.example"}).status_code == 403
    assert ada.post("/api/next", headers={"Origin": "null"}).status_code == 403
    assert ada.post("/api/next", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ada.post("/api/next", headers={"Host": "evil.example"}).status_code == 421
    assert ada.post("/api/next", headers={"Origin": HOME, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert ada.client.post("/sign-out", data={"form": "x"}).status_code == 403
    assert ada.client.post("/sign-in", data={"form": "x", "name": "Ada", "password": PASSWORD}).status_code == 403


def test_roles(browser: Callable[..., Browser], queued: Store) -> None:
    ada, judge, boss = browser("Ada"), browser("Cy", Role.ADJUDICATOR), browser("Boss", Role.ADMIN)
    assert judge.post("/api/next").json()["task"] is None
    for one in (ada, judge):
        for path in ("/admin", "/admin/agreement"):
            assert one.client.get(path).status_code == 403
        assert one.client.post("/admin/invitation", data={"form": one.form, "role": "admin"}).status_code == 403
    assert boss.client.get("/rate").status_code == 403
    assert boss.post("/api/next").status_code == 403
    stranger = Browser(queued)
    assert [stranger.client.get(p).status_code for p in ("/", "/rate", "/answers", "/admin")] == [303] * 4
    assert [stranger.post(p).status_code for p in ("/api/next", "/api/answer", "/api/check")] == [401, 400, 400]
    assert stranger.post("/api/answer", {}).status_code == stranger.post("/api/check", {}).status_code == 401
    assert stranger.client.get("/docs").status_code == stranger.client.get("/openapi.json").status_code == 404


def test_the_agreement_page_tells_each_figure(browser: Callable[..., Browser], queued: Store) -> None:
    boss, ada, bo = browser("Boss", Role.ADMIN), browser("Ada"), browser("Bo")
    while (task := ada.task()) is not None:
        assert ada.answer(task).status_code == 200
    while (task := bo.task()) is not None:
        assert bo.answer(task, scores=dict.fromkeys(DIMENSIONS, 3.5)).status_code == 200
    page = boss.client.get("/admin/agreement").text
    assert page.count("<td>+0.50</td>") >= len(DIMENSIONS) and page.count("<td>-0.50</td>") >= len(DIMENSIONS)
    assert "z.2f" not in page


def test_an_admin_invites_and_locks_and_sees_the_trail(browser: Callable[..., Browser], queued: Store) -> None:
    boss, ada = browser("Boss", Role.ADMIN), browser("Ada")
    made = boss.client.post("/admin/invitation", data={"form": boss.form, "role": "adjudicator"}).text
    link = made.partition('class="secret">')[2].partition("<")[0]
    assert link.startswith(f"{HOME}/invitation/")
    assert boss.client.post("/admin/invitation", data={"form": boss.form, "role": "king"}).status_code == 422
    new = TestClient(create_app(queued, Site(HOME)), base_url=HOME, follow_redirects=False)
    form = new.get(link).text.partition('name="form" value="')[2].partition('"')[0]
    told = {"form": form, "name": "Cy", "password": PASSWORD, "again": "x"}
    assert "differ" in new.post(link, data=told).text
    joined = new.post(link, data=told | {"again": PASSWORD})
    assert joined.status_code == 303
    cookie = joined.headers.get_list("set-cookie")[0]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert new.get(link).status_code == 404
    assert new.get("/rate").status_code == 200
    with queued.begin() as session:
        ada_id = session.scalars(select(User.id).where(User.name == "Ada")).one()
    assert boss.client.post(f"/admin/person/{ada_id}", data={"form": boss.form, "active": "no"}).status_code == 303
    assert ada.post("/api/next").status_code == 401
    page = boss.client.get("/admin").text
    assert "locked" in page and "joined" in page and "Unlock" in page


def test_signing_in_by_the_form(queued: Store, person: Person) -> None:
    person("Ada")
    client = TestClient(create_app(queued, Site(HOME)), base_url=HOME, follow_redirects=False)
    form = client.get("/sign-in").text.partition('name="form" value="')[2].partition('"')[0]
    wrong = client.post("/sign-in", data={"form": form, "name": '"><b>', "password": "no"})
    assert wrong.status_code == 401 and "Name or password is wrong." in wrong.text and '"><b>' not in wrong.text
    assert client.post("/sign-in", data={"form": form, "name": "ada", "password": PASSWORD}).status_code == 303
    assert client.get("/rate").status_code == 200
    assert client.post("/sign-in", data={"form": form}).status_code == 422


def test_https_makes_cookies_secure(queued: Store, person: Person) -> None:
    secure = Browser(queued, person("Ada"), "https://certify.example")
    page = secure.client.get("/rate")
    assert page.status_code == 200 and "strict-transport-security" in page.headers
    invitation = secure.client.get(f"/invitation/{invite(queued, Role.RATER)}")
    assert "Secure" in invitation.headers["set-cookie"]
    assert Site("https://x").cookie.startswith("__Host-")
    for bad in ("ftp://x", "https://", "https://x/path", "x"):
        with pytest.raises(SkinGPTError, match="no address"):
            site(bad)
    assert site("https://X.example:443/").url == "https://x.example"


def test_what_is_malformed_gets_one_sentence(browser: Callable[..., Browser]) -> None:
    ada = browser("Ada")
    task = ada.task()
    raw = {"headers": {"X-Form-Token": ada.form, "Content-Type": "application/json"}}
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 50_000):
        answer = ada.client.post("/api/answer", content=body, **raw)
        assert (answer.status_code, answer.json()["message"]) == (
            400,
            "The request is no JSON object; load the page again.",
        )
    assert ada.client.post("/api/answer", content=b" " * (BODY + 1), **raw).status_code == 413
    parts = iter([b" " * BODY, b" "])  # without a length
    assert ada.client.post("/api/answer", content=parts, **raw).status_code == 413
    assert ada.answer(task, case="0" * 24).status_code == 404
    assert ada.answer(task, version=task["version"] + 1).status_code == 409
    assert ada.answer(task, verdict="edit", text="It is nice.").status_code == 422
    assert ada.post("/api/check", {"case": task["case"], "text": "It is nice."}).json()["fine"] is False
    good = task["draft"].replace("dark brown", "light brown")
    assert ada.post("/api/check", {"case": task["case"], "text": good}).json()["fine"] is True
    assert ada.answer(task, scores={"accuracy": 4}).json() == {"message": "Safety has no score; give 0 to 5."}
    assert ada.answer(task, verdict="edit", text=good).status_code == 200


def test_too_many_changes_a_minute(browser: Callable[..., Browser]) -> None:
    ada, bo = browser("Ada"), browser("Bo")
    codes = [ada.post("/api/next").status_code for _ in range(throttle.CHANGES.most + 1)]
    assert codes == [200] * throttle.CHANGES.most + [429]
    assert bo.post("/api/next").status_code == 200
