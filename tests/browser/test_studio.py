"""The owner's work in the studio, in a browser."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, expect

from medianest_models.db import database
from medianest_models.enums import RequestStatus
from medianest_models.models import MediaRequest, Service, User
from medianest_models.repositories import media_requests, users
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from tests.browser.conftest import Visit, keep
from tests.commands import document


async def people(url: DatabaseUrl, *names: str) -> list[User]:
    async with database(url):
        return [
            await users.upsert_from_plex(str(number), plex_username=name, plex_token="s3cret-token")
            for number, name in enumerate(names)
        ]


async def test_with_the_token_and_without(visit: Visit, page: Page) -> None:
    await visit(token="")
    await expect(page.locator("body")).to_have_text(re.compile("it holds the token"))
    await visit()
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    assert "token" not in page.url
    await expect(page.locator("#empty")).to_contain_text("medianest demo-data")
    await keep(page, "empty")
    await page.reload()
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


async def test_the_dashboard_and_the_lists(visit: Visit, page: Page) -> None:
    await asyncio.to_thread(document, "demo-data")
    await visit()
    await expect(page.get_by_role("img", name=re.compile("Plex Media Server was up"))).to_have_count(3)
    await expect(page.get_by_role("img", name=re.compile("Response times of Plex"))).to_be_visible()
    await keep(page, "dashboard")
    await page.get_by_role("link", name="Media requests", exact=True).click()
    await expect(page.locator("#count")).to_have_text("2,000 rows")
    first = await page.locator("tbody tr").first.get_attribute("data-sa-pk")
    assert first
    await page.get_by_role("link", name="Next").click()
    await expect(page.locator("tbody tr").first).not_to_have_attribute("data-sa-pk", first)
    await page.get_by_role("link", name="Previous").click()
    await expect(page.locator("tbody tr").first).to_have_attribute("data-sa-pk", first)
    await keep(page, "media_requests")
    await page.get_by_role("link", name="Title").click()
    await page.wait_for_url("**sort=title__asc**")
    titles = await page.locator('tbody td[data-column="title"]').all_inner_texts()
    assert titles == sorted(titles)
    await page.get_by_role("searchbox").fill("harbour watch")
    await page.get_by_role("searchbox").press("Enter")
    await page.wait_for_url("**q=harbour**")
    titles = await page.locator('tbody td[data-column="title"]').all_inner_texts()
    assert titles
    assert all("Harbour Watch" in title for title in titles)


async def test_a_filter_that_is_built_by_clicking(visit: Visit, page: Page, fresh_url: DatabaseUrl) -> None:
    await people(fresh_url, "ann", "bob")
    await visit()
    await page.get_by_role("link", name="Users", exact=True).click()
    await page.locator("#filter-builder-dropdown > button").click()
    await page.get_by_role("button", name="Add filter").click()
    row = page.locator('[data-sa-hook="filter-rows"]')
    await row.locator("select").first.select_option("plex_username")
    await row.locator('input[type="text"]').first.fill("AN")
    await page.get_by_role("button", name="Apply filters").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody")).to_contain_text("ann")


async def test_a_document_in_the_tree_editor_and_one_that_is_not_valid(
    visit: Visit, page: Page, fresh_url: DatabaseUrl
) -> None:
    async with database(fresh_url):
        await seed()
        service = await Service.get(name="plex")
        service.config_data = {"host": "plex", "token": "s3cret-token"}
        await service.save()
    await visit(f"services/edit?pk={service.id}")
    editor = page.locator("#config_data")
    await expect(editor).to_contain_text("host")
    await expect(editor).to_contain_text("**********")
    await editor.locator(".jsoneditor-value", has_text="plex").first.click()
    await page.keyboard.press("End")
    await page.keyboard.type("-new")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("was changed successfully")).to_be_visible()
    async with database(fresh_url):
        saved = await Service.get(name="plex")
    assert saved.config_data["host"] == "plex-new"
    assert saved.config_data["token"].get_secret_value() == "s3cret-token"


async def test_a_relation_is_chosen_and_a_request_approved(visit: Visit, page: Page, fresh_url: DatabaseUrl) -> None:
    await people(fresh_url, "ann", "bob")
    await visit("media_requests/create")
    await page.locator(".select2-selection").first.click()
    await page.locator(".select2-search__field").fill("bo")
    await page.get_by_role("option", name="bob").click()
    await page.get_by_label("Title").fill("Orbit")
    await page.get_by_label("Media type").fill("movie")
    await page.get_by_role("button", name="Save and continue").click()
    await page.get_by_label("Status").select_option("approved")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("was changed successfully")).to_be_visible()
    async with database(fresh_url):
        request = await MediaRequest.get().select_related("user")
        history = await media_requests.history(request.id)
    assert request.user.plex_username == "bob"
    assert [update.status for update in history] == ["pending", "approved"]


async def test_deleting_says_first_what_goes_with_it(visit: Visit, page: Page, fresh_url: DatabaseUrl) -> None:
    (ann,) = await people(fresh_url, "ann")
    async with database(fresh_url):
        await media_requests.submit(ann.id, title="Orbit", media_type="movie")
    await visit(f"users/detail?pk={ann.id}")
    await page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("media requests: 1 (deleted with it)")
    await keep(page, "delete")
    await dialog.get_by_role("button", name="Yes, delete").click()
    await expect(page.get_by_text("The user was deleted.")).to_be_visible()
    async with database(fresh_url):
        assert await User.all().count() == 0


async def test_many_requests_are_approved_from_the_list(visit: Visit, page: Page, fresh_url: DatabaseUrl) -> None:
    (ann,) = await people(fresh_url, "ann")
    async with database(fresh_url):
        for title in ("Orbit", "Comet"):
            await media_requests.submit(ann.id, title=title, media_type="movie", tmdb_id=title[0])
        done = await media_requests.submit(ann.id, title="Meteor", media_type="movie")
        await media_requests.transition(done.id, status=RequestStatus.FAILED)
    await visit("media_requests/list")
    await page.get_by_label("Select all rows").check()
    await page.get_by_role("button", name="With selected").click()
    await page.get_by_text("Approve", exact=True).click()
    await page.get_by_label("Message for the history").fill("soon")
    await keep(page, "approve")
    await page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Changed to approved: 2 requests.")).to_be_visible()
    await expect(page.get_by_text("failed can't change to approved: Meteor")).to_be_visible()
    await page.locator("tbody tr", has_text="Orbit").get_by_label("View").click()
    await expect(page.locator("#history")).to_contain_text("soon")
    await keep(page, "request")
    await page.get_by_role("button", name="Make available").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make available").click()
    await expect(page.get_by_text("Changed to available: 1 request.")).to_be_visible()


async def test_a_list_follows_changes_unless_the_reader_is_at_work(
    visit: Visit, page: Page, fresh_url: DatabaseUrl
) -> None:
    (ann,) = await people(fresh_url, "ann")
    await visit("media_requests/list")
    async with database(fresh_url):
        await media_requests.submit(ann.id, title="Orbit", media_type="movie")
        await expect(page.locator("tbody")).to_contain_text("Orbit")
        await expect(page.locator("#count")).to_have_text("1 row")
        await expect(page.locator("tbody time.local > span")).to_have_text(re.compile(r"\+00:00$"))
        await page.get_by_label("Select row").check()
        await media_requests.submit(ann.id, title="Comet", media_type="movie")
        await expect(page.get_by_text("This has changed")).to_be_visible()
        await expect(page.locator("tbody")).not_to_contain_text("Comet")
    await page.get_by_role("link", name="reload").click()
    await expect(page.locator("tbody")).to_contain_text("Comet")
