"""The real program behind a real Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from skingpt_r1.serve.certify.accounts import invite
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import Role
from tests.serve.databases import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def serving(corpus: Path, database: str) -> Iterator[str]:
    """`skingpt dermcot certify serve` as a process of its own; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "skingpt_r1.cli.main", "dermcot", "certify", "serve", str(corpus)]
    process = subprocess.Popen([*command, "--database", database, "--port", str(port)], cwd=ROOT)
    home = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, "the server has ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{home}/sign-in", timeout=5).close()
                break
            time.sleep(0.5)
        yield home
    finally:
        process.terminate()
        process.wait(20)


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(_ARGS))
        yield opened
        await opened.close()


async def joined(opened: Browser, store: Store, home: str, name: str, role: Role, **options: Any) -> Page:
    """A page of somebody who came by invitation; what goes wrong in it is kept in `page.wrong`."""
    context: BrowserContext = await opened.new_context(**options)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "requestfailed", lambda r: wrong.append(f"{r.url} {r.failure}") if "ERR_ABORTED" not in str(r.failure) else 0
    )
    page.on("request", lambda r: wrong.append(f"elsewhere: {r.url}") if not r.url.startswith(home) else None)
    page.wrong = wrong  # type: ignore[attr-defined]
    await page.goto(f"{home}/invitation/{invite(store, role)}")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda url: "invitation" not in url)
    return page


async def until(page: Page, condition: str, seconds: float = 60) -> None:
    """Polls from here: the page's content policy forbids Playwright's own polling, which evaluates a string."""
    for _ in range(int(seconds / 0.1)):
        if await page.evaluate(condition):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {condition}")


async def serious(page: Page) -> list[str]:
    """axe-core's serious and critical findings."""
    script = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(script)
    found = await page.evaluate("axe.run()")
    assert len(found["passes"]) > 5  # it has looked
    return [
        f"{v['id']}: {v['help']}: {json.dumps([n['target'] for n in v['nodes']][:3])}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
