"""The example portal, clicked through by a friend and an admin at the same time."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from medianest_models.db import database
from medianest_models.enums import DownloadStatus
from medianest_models.models import YouTubeDownload
from medianest_models.repositories import downloads, system_config
from medianest_models.settings import DatabaseUrl
from tests.browser.conftest import keep

PLAYLIST = "https://www.youtube.com/playlist?list=PL"
FOLLOW_BARS = """() => {
    window.seen = [];
    new MutationObserver((changes) => changes.forEach(({ target }) => window.seen.push(target.value))).observe(
        document.querySelector("ul"), { subtree: true, attributeFilter: ["value"] })
}"""
"""Collect the values that a progress bar takes without being replaced."""


async def ask_for(tab: Page, title: str, tmdb_id: str) -> None:
    await tab.get_by_label("Title").fill(title)
    await tab.get_by_label("TMDB id").fill(tmdb_id)
    await tab.get_by_role("button", name="Request it").click()


async def mark(tab: Page) -> None:
    """Leave a mark that a reload would remove."""
    await tab.evaluate("window.isMarked = true")


async def is_marked(tab: Page) -> bool:
    return bool(await tab.evaluate("window.isMarked === true"))


async def test_a_wish_becomes_available_before_the_eyes_of_who_has_it(friend: Page, admin: Page) -> None:
    await admin.get_by_role("link", name="All requests").click()
    await expect(admin.get_by_role("list")).to_have_text("No request is pending.")
    await mark(admin)
    await expect(friend.get_by_role("list")).to_contain_text("You have not requested anything yet.")
    await ask_for(friend, "Orbit", "603")
    mine = friend.get_by_role("listitem").filter(has_text="Orbit")
    await expect(mine.get_by_text("pending")).to_be_visible()

    await expect(admin.get_by_role("listitem")).to_contain_text("Orbit")
    approve = admin.get_by_role("button", name="Approve: Orbit")
    await approve.focus()
    await ask_for(friend, "Comet", "604")
    await expect(admin.get_by_role("listitem").first).to_contain_text("Comet")
    await expect(approve).to_be_focused()
    assert await is_marked(admin)
    await mark(friend)
    await admin.keyboard.press("Enter")
    await expect(mine.get_by_text("approved")).to_be_visible()
    await expect(friend.get_by_role("status")).to_have_text("Orbit: approved")
    await admin.get_by_role("button", name="Fail: Comet").click()
    await expect(admin.get_by_role("list")).to_have_text("No request is pending.")
    await admin.get_by_role("link", name="approved").click()
    await admin.get_by_role("button", name="Make available: Orbit").click()
    await expect(mine.get_by_text("available")).to_be_visible()
    assert await is_marked(friend)

    await friend.get_by_role("button", name="Sign out").click()
    await expect(friend.get_by_role("heading", name="Sign in")).to_be_visible()
    await friend.goto(friend.url.replace("sign-in", "requests"))
    await expect(friend.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_what_somebody_else_has_requested_can_be_followed(friend: Page, admin: Page) -> None:
    await ask_for(admin, "Orbit", "603")
    await ask_for(friend, "Orbit again", "603")
    await expect(friend.get_by_role("alert")).to_contain_text("is requested already")
    await expect(friend.get_by_label("Title")).to_have_value("Orbit again")
    await keep(friend, "portal-follow")
    await friend.get_by_role("button", name="Follow it").click()
    await expect(friend.get_by_role("listitem").filter(has_text="Orbit")).to_contain_text("pending")


async def test_too_many_wishes(friend: Page, fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        await system_config.set("rate_limit.media.request", value={"limit": 1, "window": 86_400})
    await ask_for(friend, "Orbit", "603")
    await expect(friend.get_by_role("listitem")).to_contain_text("Orbit")
    await ask_for(friend, "Comet", "604")
    await expect(friend.get_by_role("alert")).to_have_text(re.compile(r"Too many requests. Try again in \d+ s."))
    await expect(friend.get_by_label("Title")).to_have_value("Comet")


async def test_a_download_arrives_and_another_is_cancelled(friend: Page, fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        await downloads.pause()
        await friend.get_by_role("link", name="My downloads").click()
        await friend.get_by_label("YouTube playlist").fill(PLAYLIST + "cancelled")
        await friend.get_by_role("button", name="Download it").click()
        row = friend.get_by_role("listitem").filter(has_text="PLcancelled")
        await expect(row.get_by_text("queued")).to_be_visible()
        await row.get_by_role("button", name="Cancel").click()
        await expect(row.locator(".badge")).to_have_text("cancelled")
        assert (await YouTubeDownload.get()).status == DownloadStatus.FAILED
        await friend.get_by_label("YouTube playlist").fill(PLAYLIST + "done")
        await friend.get_by_role("button", name="Download it").click()
        row = friend.get_by_role("listitem").filter(has_text="youtube.com/playlist?list=PLdone")
        await expect(row.get_by_text("queued")).to_be_visible()
        await mark(friend)
        await friend.evaluate(FOLLOW_BARS)
        await downloads.resume()
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await keep(friend, "portal-downloads")
    await expect(row.locator(".badge")).to_have_text("completed", timeout=60_000)
    await expect(row).to_contain_text("100 %")
    assert await is_marked(friend)
    assert any(0 < value < 100 for value in await friend.evaluate("window.seen"))


async def test_the_services_are_checked_and_shown(friend: Page) -> None:
    await friend.get_by_role("link", name="Services").click()
    await expect(friend.get_by_role("listitem").filter(has_text="Plex").locator(".badge")).to_have_text("up")
    await expect(friend.get_by_role("img", name=re.compile("Uptime of the last 30 days"))).to_have_count(3)
    await keep(friend, "portal-services")
