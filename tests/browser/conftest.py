"""The studio and the example portal in a real browser: the system's Chromium, headless."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from medianest_models.settings import DatabaseUrl
from tests.commands import PROGRAM
from tests.conftest import CHECKOUT
from tests.portals import Portal, running_portal

SCREENSHOTS: Final = CHECKOUT / "build" / "screenshots"
CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_MILLISECONDS: Final = 30_000  # for a page, on a busy machine

Visit = Callable[..., Awaitable[None]]


def pytest_report_header() -> list[str]:
    npm = shutil.which("npm") or "!!! NONE HERE: test_accessibility.py is skipped; on Debian: apt-get install npm"
    return [
        f"browser: {CHROMIUM or '!!! NONE HERE: tests/browser are skipped; on Debian: apt-get install chromium'}",
        f"npm, which installs axe-core: {npm}",
    ]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start a browser."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    async with async_playwright() as playwright:
        expect.set_options(timeout=_MILLISECONDS)
        started = await playwright.chromium.launch(executable_path=CHROMIUM)
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Open a new tab."""
    # These statuses are the intended responses to a form with an error, or a page without the token.
    async with new_tab(browser, "403|404|422|400") as tab:
        yield tab


@asynccontextmanager
async def new_tab(browser: Browser, intended_statuses: str) -> AsyncIterator[Page]:
    """Open a tab that shares no cookies; check that it reports no error and requests nothing from other hosts."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Asia/Tokyo")
    tab = await context.new_page()
    tab.set_default_timeout(_MILLISECONDS)
    strangers: list[str] = []
    complaints: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            strangers.append(request.url)

    def said(message: ConsoleMessage) -> None:
        # A live page asks again when its server is gone, which a test stops before it closes the tab.
        gone = "ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)"
        intended = rf"status of ({intended_statuses})|{gone}"
        if message.type == "error" and not re.search(intended, message.text):
            complaints.append(message.text)

    tab.on("request", asked)
    tab.on("console", said)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    await context.close()
    assert strangers == complaints == []


@pytest.fixture
async def visit(fresh_url: DatabaseUrl, page: Page) -> AsyncIterator[Visit]:
    """Yield a function that opens a page of a `medianest studio` on the test's database, with its token or without."""
    process = await asyncio.create_subprocess_exec(PROGRAM, "studio", "--port", "0", stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = re.search(r"(http://\S+)\?(token=\S+)", (await process.stdout.readline()).decode())
        assert found

        async def visited(path: str = "", *, token: str = found[2]) -> None:
            await page.goto(f"{found[1]}{path}{'&' if '?' in path else '?'}{token}")

        yield visited
    finally:
        await page.goto("about:blank")  # a live page would report that its studio is gone
        process.terminate()
        await process.wait()


@pytest.fixture
async def portal(fresh_url: DatabaseUrl) -> AsyncIterator[Portal]:
    """Run the example portal on the test's database."""
    async with running_portal() as running:
        yield running


@pytest.fixture
async def friend(browser: Browser, portal: Portal) -> AsyncIterator[Page]:
    """Open a browser in which the friend is signed in."""
    async with new_tab(browser, "404|409|429") as tab:
        yield await signed_in(tab, portal, "portal-friend")


@pytest.fixture
async def admin(browser: Browser, portal: Portal) -> AsyncIterator[Page]:
    """Open another browser, in which the admin is signed in."""
    async with new_tab(browser, "409") as tab:
        yield await signed_in(tab, portal, "portal-admin")


async def signed_in(tab: Page, portal: Portal, name: str) -> Page:
    """Sign in, as the portal says."""
    await tab.goto(portal.address)
    await tab.get_by_label("Name").fill(name)
    await tab.get_by_label("Password").fill(portal.passwords[name])
    await tab.get_by_role("button", name="Sign in").click()
    await expect(tab.get_by_role("heading", name="My requests")).to_be_visible()
    return tab


async def keep(page: Page, name: str) -> None:
    """Save what the tab shows."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.evaluate("document.fonts.ready")
    await page.screenshot(path=SCREENSHOTS / f"{name}.png")
