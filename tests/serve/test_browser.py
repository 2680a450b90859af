"""Chromium: keyboard only, undo, accessibility, and thirty cases by three people at once on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Response
from sqlalchemy import select

from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.serve.certify.chain import verify_chain
from skingpt_r1.serve.certify.demo import make
from skingpt_r1.serve.certify.export import export
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import Answer, AuditRow, QueuedCase, Role, State, User
from tests.serve.browsers import ROOT, browser, chromium, joined, serious, serving, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium"),
]
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
ALLOWED = {"case", "version", "image", "draft", "history", "blocks", "claims", "diagnosis", "before"}
"""What a rater may receive of a case."""


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("demo"), ROOT / "examples", 30)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'certify.db'}"


async def ready(page: Page) -> str:
    """Waits for a case whose picture is there; its token, "" if nothing is left."""
    await until(
        page,
        "!document.getElementById('nothing').hidden || (!document.getElementById('case').hidden"
        " && document.getElementById('picture').naturalWidth > 0 && !document.getElementById('submit').disabled)",
    )
    if await page.is_visible("#nothing"):
        return ""
    return str(await page.get_attribute("#picture", "src")).rpartition("/")[2]


async def press(page: Page, keys: str) -> None:
    for key in keys.split():
        await page.keyboard.press(key)


async def replaced(page: Page, path: str, key: str) -> str:
    """Press a key that asks the server; waits for its answer and the next case."""
    async with page.expect_response(lambda r: r.url.endswith(path), timeout=60_000) as answer:
        await page.keyboard.press(key)
    assert (await answer.value).status == 200, await (await answer.value).text()
    return await ready(page)


def test_everything_can_be_done_by_keyboard(drafts: Path, store: Store, url: str) -> None:
    async def drive(home: str) -> None:
        async with browser() as opened:
            page = await joined(opened, store, home, "Ada", Role.RATER)
            first = await ready(page)
            await press(page, "4 Shift+3 5 4")
            assert await page.inner_text("#d-safety .value") == "3.5"
            assert await page.get_attribute("#d-reasoning_coherence .name", "aria-expanded") == "true"
            await press(page, "ArrowUp 2 Control+z")  # a slip, undone
            assert await page.inner_text("#d-clinical_coverage .value") == "4"
            await press(page, "Enter")
            assert "Reasoning Coherence has no score yet." in await page.inner_text("#message")
            await press(page, "4 4 Enter")
            assert "Choose accept, edit or reject." in await page.inner_text("#message")
            await press(page, "e")
            draft = await page.input_value("#text")
            await press(page, "Control+End")
            await page.keyboard.type(" more")
            await until(page, "document.getElementById('check').textContent.includes('outside the blocks')")
            assert await page.inner_text("#diff ins")
            await press(page, "Escape z z")  # zoom in
            assert await page.inner_text("#zoom-level") == "2.3 ×"
            await press(page, "i ArrowLeft ArrowUp Escape f")
            assert await page.inner_text("#zoom-level") == "1.0 ×"
            await page.reload()  # nothing is lost
            assert await ready(page) == first
            assert await page.input_value("#text") == draft + " more"
            assert await page.inner_text("#d-safety .value") == "3.5"
            await press(page, "r")
            await page.keyboard.type("Not what I see.")
            await press(page, "Escape ArrowUp 5")  # a correction goes on to the one below
            assert await page.get_attribute("#d-safety .name", "aria-expanded") == "true"
            second = await replaced(page, "/api/answer", "Control+Enter")
            assert second not in ("", first)
            assert "1 answered, 29 left" in await page.inner_text("#progress")
            assert await replaced(page, "/api/undo", "u") == first
            assert await page.input_value("#comment") == "Not what I see."
            assert await page.inner_text("#d-safety .value") == "3.5"
            assert await replaced(page, "/api/answer", "Enter") == second
            for key, verdict in zip("araear", ("accept", "reject", "accept", "edit", "accept", "reject"), strict=True):
                await press(page, "?")
                assert await page.is_visible("#help")
                await press(page, f"Escape {key}")  # at once: the key after it is not lost
                assert await page.get_attribute(f"[data-verdict={verdict}]", "aria-pressed") == "true"
                await press(page, "Escape")
            assert page.wrong == []  # type: ignore[attr-defined]

    with serving(drafts, url) as home:
        asyncio.run(drive(home))


def test_two_windows_and_a_lost_connection(drafts: Path, store: Store, url: str) -> None:
    async def drive(home: str) -> None:
        async with browser() as opened:
            page = await joined(opened, store, home, "Ada", Role.RATER)
            other = await page.context.new_page()
            await other.goto(f"{home}/rate")
            first = await ready(page)
            assert await ready(other) == first
            await press(page, "4 4 4 4 4 4 a")
            await page.context.set_offline(True)
            await press(page, "Enter")
            await page.wait_for_selector("#message:not([hidden])")
            assert "nothing is lost" in await page.inner_text("#message")
            await page.context.set_offline(False)
            second = await replaced(page, "/api/answer", "Enter")
            await press(other, "5 5 5 5 5 5 a Enter")
            await other.wait_for_selector("#message button")
            assert "no longer yours" in await other.inner_text("#message")
            await other.click("#message button")
            await until(other, f"document.getElementById('picture').src.endsWith('{second}')")

    with serving(drafts, url) as home:
        asyncio.run(drive(home))
    with store.begin() as session:
        assert [a.scores["safety"] for a in session.scalars(select(Answer))] == [4]


def test_no_serious_finding_of_axe(drafts: Path, store: Store, url: str) -> None:
    async def drive(home: str) -> list[str]:
        found = []
        async with browser() as opened:
            people = [
                ("Ada", Role.RATER, {}, ("/rate", "/answers", "/help", "/nowhere")),
                ("Bo", Role.RATER, TABLET | {"color_scheme": "dark"}, ("/rate", "/answers")),
                ("Cy", Role.ADJUDICATOR, {"color_scheme": "dark"}, ("/rate",)),
                ("Di", Role.ADMIN, {"color_scheme": "dark"}, ("/admin", "/admin/agreement")),
                ("Ed", Role.ADMIN, {}, ("/admin", "/sign-in")),
            ]
            for name, role, options, paths in people:
                page = await joined(opened, store, home, name, role, **options)
                if role is Role.RATER:
                    await ready(page)
                    await press(page, "4 4 4 4 4 4" if name == "Ada" else "1 1 1 1 1 1")
                    await press(page, "e" if name == "Ada" else "r")
                    await page.keyboard.type("x")
                    found += [f"{name} working: {v}" for v in await serious(page)]
                    await press(page, "Escape ? ")
                    found += [f"{name} keys: {v}" for v in await serious(page)]
                    await press(page, "Escape a" if name == "Ada" else "Escape")
                    await replaced(page, "/api/answer", "Enter")
                for path in paths:
                    await page.goto(home + path)
                    await page.wait_for_load_state("networkidle")
                    found += [f"{name} {path}: {v}" for v in await serious(page)]
        return found

    with serving(drafts, url) as home:
        assert asyncio.run(drive(home)) == []


# ---- three people, thirty cases, two server processes, one PostgreSQL ------------------------------------------------

Plan = Callable[[Page, str], Coroutine[Any, Any, dict[str, Any]]]


def rater(name: str, seed: int) -> Plan:
    """How one rater answers: by key, from a seed of his own and the case."""

    async def plan(page: Page, token: str) -> dict[str, Any]:
        rng = random.Random(f"{seed} {token}")
        verdict = rng.choices(["accept", "edit", "reject"], [6, 2, 1])[0]
        scores = [rng.choice((3, 4, 4, 4, 5)) for _ in DIMENSIONS]
        await press(page, " ".join(map(str, scores)))
        comment = f"MARK-{name}-{token}"
        await press(page, "c")
        await page.fill("#comment", comment)
        await press(page, "Escape")
        if verdict == "edit":
            await press(page, "e")
            text = await page.input_value("#text")
            await page.fill("#text", text.replace("[observation]", "[observation] Here:", 1))
            await press(page, "Escape")
        else:
            await press(page, verdict[0])
            await press(page, "Escape")
        return {
            "verdict": verdict,
            "scores": dict(zip(DIMENSIONS, map(float, scores), strict=True)),
            "comment": comment,
        }

    return plan


async def person(
    page: Page, plan: Plan, kept: dict[str, Any], received: list[str], finished: Callable[[], bool]
) -> None:
    """Answers whatever comes until nothing can come any more; now and then takes one back and gives it anew."""

    async def keep(response: Response) -> None:
        if "/static/" not in response.url and "/image/" not in response.url and response.status != 303:
            received.append(await response.text())

    pending: list[asyncio.Task[None]] = []
    page.on("response", lambda r: pending.append(asyncio.ensure_future(keep(r))))
    token, n = await ready(page), 0
    while True:
        if not token:
            if finished():
                break
            await asyncio.sleep(0.3)
            async with page.expect_response(lambda r: r.url.endswith("/api/next"), timeout=60_000):
                await page.click("#again")
            token = await ready(page)
            continue
        kept[token] = await plan(page, token)
        following = await replaced(page, "/api/answer", "Enter")
        n += 1
        if n % 7 == 0 and finished is never:
            async with page.expect_response(lambda r: r.url.endswith("/api/undo")) as answer:
                await page.keyboard.press("u")
            if (await answer.value).ok:  # the adjudicator may have it already
                again = await ready(page)
                await press(page, "5 5 5 5 5 5")
                kept[again]["scores"] = dict.fromkeys(DIMENSIONS, 5.0)
                following = await replaced(page, "/api/answer", "Enter")
            else:
                await page.reload()
                following = await ready(page)
        token = following
    await asyncio.gather(*pending, return_exceptions=True)


def never() -> bool:
    return True


def test_two_raters_and_an_adjudicator_at_once(
    drafts: Path, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(postgres_url)
    kept: dict[str, dict[str, Any]] = {"A": {}, "B": {}, "J": {}}
    received: dict[str, list[str]] = {"A": [], "B": [], "J": []}
    done: set[str] = set()

    async def drive(home: str, second: str) -> list[str]:
        async with browser() as opened:
            pages = {
                "A": await joined(opened, store, home, "Ada", Role.RATER, viewport={"width": 1440, "height": 900}),
                "B": await joined(opened, store, second, "Bo", Role.RATER, **TABLET),
                "J": await joined(opened, store, home, "Cy", Role.ADJUDICATOR, color_scheme="dark"),
            }

            async def run(name: str, seed: int, finished: Callable[[], bool]) -> None:
                await person(pages[name], rater(name, seed), kept[name], received[name], finished)
                done.add(name)

            await asyncio.gather(run("A", 1, never), run("B", 2, never), run("J", 3, lambda: {"A", "B"} <= done))
            return [w for page in pages.values() for w in page.wrong]  # type: ignore[attr-defined]

    began = time.monotonic()
    with serving(drafts, postgres_url) as home, serving(drafts, postgres_url) as second:
        began = time.monotonic()
        assert asyncio.run(drive(home, second)) == []
        took = time.monotonic() - began

    # no lost update: what was typed is what counts, once
    with store.begin() as session:
        people = {user.id: user.name[0] for user in session.scalars(select(User))}
        names = {"A": "A", "B": "B", "C": "J"}
        tokens = {case.id: case.token for case in session.scalars(select(QueuedCase))}
        counting = session.scalars(select(Answer).where(Answer.withdrawn_at.is_(None))).all()
        states = Counter(session.scalars(select(QueuedCase.state)))
        audited = Counter(session.scalars(select(AuditRow.action)))
        every = len(session.scalars(select(Answer.id)).all())
    stored = {
        (names[people[a.user_id]], tokens[a.case_id]): {"verdict": a.verdict, "scores": a.scores, "comment": a.comment}
        for a in counting
    }
    typed = {(name, token): told for name, cases in kept.items() for token, told in cases.items()}
    lost = {key for key in typed if stored.get(key) != typed[key]}
    assert lost == set() and len(stored) == len(counting) == len(typed)
    assert {len(kept[n]) for n in "AB"} == {30} and len(kept["J"]) > 3
    assert states[State.CERTIFIED] + states[State.REJECTED] == 30
    assert audited["answered"] == every and audited["took back"] == every - len(counting)

    # no leak: nothing that the other typed, and no field beyond those that a rater may receive
    leaks = [
        text for name, other in ("AB", "BA") for text in received[name] if f"MARK-{other}" in text or "MARK-J" in text
    ]
    assert leaks == []
    for name in "AB":
        tasks = [json.loads(t)["task"] for t in received[name] if t.startswith('{"task"')]
        assert len(tasks) > 30 and all(set(task) <= ALLOWED for task in tasks if task)
        assert not any(word in text for text in received[name] for word in ("ISIC", "case-0", "dataset", "scorer"))
    assert any("MARK-A" in t and "MARK-B" in t for t in received["J"])  # the search would have found it

    chain = export(store, tmp_path / "certified.jsonl")
    assert verify_chain(tmp_path / "certified.jsonl", chain.head).lines == states[State.CERTIFIED]
    walls = [a.wall for a in counting]
    with capsys.disabled():
        print(
            f"\n30 cases, {len(counting)} answers ({every - len(counting)} taken back and given anew) in {took:.0f} s; "
            f"median {statistics.median(walls):.1f} s a case for a driven browser; {len(kept['J'])} adjudicated; "
            f"{dict(states)}; lost updates {len(lost)}, leaks {len(leaks)}"
        )
    store.close()
