"""Every page of the studio and the portal, checked by axe-core: in light, in dark, and as narrow as a phone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import Page, expect

from medianest_models.db import database
from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.models import MediaRequest, User, YouTubeDownload
from medianest_models.repositories import downloads, media_requests
from medianest_models.settings import DatabaseUrl
from medianest_models.studio.tables import TABLES
from tests.browser.conftest import Visit, keep
from tests.commands import document

AXE: Final = Path(__file__).parent / "axe"
LOOKS: Final[list[tuple[Literal["light", "dark"], int]]] = [("light", 390), ("dark", 1280), ("light", 1280)]
"""The last one is what the next page begins with."""
DRAWN: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Waits until the page has noticed its new look and is drawn in it."""


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core; install it if it is not there."""
    source = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm on this machine, with which to install axe-core; on Debian: apt-get install npm")
        options = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        try:
            subprocess.run(("npm", "install", *options), cwd=AXE, check=True, stdout=subprocess.DEVNULL, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"npm can't install axe-core: {error}")
    return source.read_text()


async def show(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    """Give the page a look, and wait until it is drawn in it."""
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour fades into another
    await page.set_viewport_size({"width": width, "height": 800})
    await page.evaluate(DRAWN)


async def check(page: Page, axe: str) -> list[str]:
    """Return the serious problems of the page that the tab shows, in each look; also that it is too wide."""
    await page.wait_for_load_state("networkidle" if await page.locator("[data-live]").count() == 0 else "load")
    await page.evaluate(axe)
    problems = []
    for scheme, width in LOOKS:
        await show(page, scheme, width)
        look = f"{page.url}, {scheme}, {width} pixels wide"
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{look}: has to be scrolled sideways")
        found = await page.evaluate("axe.run().then((result) => result.violations)")
        problems += [
            f"{look}: {problem['id']}: {problem['nodes'][0]['html']}"
            for problem in found
            if problem["impact"] in ("serious", "critical")
        ]
    return problems


async def test_no_page_has_a_serious_problem(visit: Visit, page: Page, fresh_url: DatabaseUrl, axe: str) -> None:
    await asyncio.to_thread(document, "demo-data")
    await visit()
    for scheme, width in LOOKS:
        await show(page, scheme, width)
        await keep(page, f"dashboard-{scheme}-{width}")
        assert await page.locator("html").get_attribute("data-bs-theme") == scheme
    problems = await check(page, axe)
    home = page.url
    for table in TABLES:
        name = table.table._meta.db_table
        await page.goto(f"{home}{name}/list")
        problems += await check(page, axe)
        row = page.locator("tbody tr[data-sa-pk]").first
        paths = [f"{name}/create"] if table.creatable else []
        if await row.count():
            row_id = await row.get_attribute("data-sa-pk")
            paths += [f"{name}/detail?pk={row_id}", *([f"{name}/edit?pk={row_id}"] if table.editable else [])]
        for path in paths:
            await page.goto(f"{home}{path}")
            problems += await check(page, axe)
    await page.goto(f"{home}media_requests/list?filter=status__in=pending")
    await page.get_by_label("Select row").first.check()
    await page.get_by_role("button", name="With selected").click()
    await page.get_by_text("Approve", exact=True).click()
    await page.get_by_label("Message for the history").wait_for()
    problems += await check(page, axe)
    await page.goto(f"{home}nothing")
    problems += await check(page, axe)
    assert problems == []


async def test_no_page_of_the_portal_has_a_serious_problem(
    friend: Page, admin: Page, fresh_url: DatabaseUrl, axe: str
) -> None:
    async with database(fresh_url):
        ann, eve = await User.get(plex_username="portal-friend"), await User.get(plex_username="portal-admin")
        for status in RequestStatus:
            wish = await media_requests.submit(ann.id, title=f"{status} orbit", media_type="movie")
            await MediaRequest.filter(id=wish.id).update(status=status)
        theirs = await media_requests.submit(eve.id, title="Comet", media_type="movie", tmdb_id="1")
        await media_requests.follow(theirs.id, user_id=ann.id)
        await downloads.pause()
        for state in DownloadStatus:
            one = await downloads.enqueue(ann.id, playlist_url=f"https://www.youtube.com/playlist?list={state}")
            await YouTubeDownload.filter(id=one.id).update(status=state, progress=40)
    problems = []
    for tab, paths in ((friend, ("requests", "downloads", "services", "nothing")), (admin, ("manage",))):
        home = tab.url.removesuffix("requests")
        for path in paths:
            await tab.goto(home + path)
            await keep(tab, f"portal-{path}")
            problems += await check(tab, axe)
    await friend.goto(f"{home}requests")
    await friend.get_by_label("Title").fill("Comet")
    await friend.get_by_label("TMDB id").fill("1")
    await friend.get_by_role("button", name="Request it").click()
    await expect(friend.get_by_role("alert")).to_be_visible()
    problems += await check(friend, axe)
    await friend.get_by_role("button", name="Sign out").click()
    await expect(friend.get_by_role("heading", name="Sign in")).to_be_visible()
    problems += await check(friend, axe)
    assert problems == []
