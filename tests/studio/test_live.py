"""Events of committed changes for the pages that follow them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from medianest_models.db import database
from medianest_models.models import User
from medianest_models.repositories import downloads, media_requests
from medianest_models.settings import DatabaseUrl
from medianest_models.studio.live import LiveEvents
from medianest_models.studio.tables import TABLES
from tests.studio.conftest import Visitor, visiting


async def opened(live: LiveEvents) -> AsyncGenerator[str, None]:
    """Open a page's stream of events, and yield their names."""
    response = await live.respond(Request({"type": "http"}))
    assert isinstance(response, StreamingResponse)
    assert response.media_type == "text/event-stream"
    async for event in response.body_iterator:
        assert isinstance(event, str)
        assert event.endswith("\ndata:\n\n")
        yield event.removeprefix("event: ").removesuffix("\ndata:\n\n")


async def test_a_page_hears_of_each_change_and_of_no_value(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    async with aclosing(opened(LiveEvents())) as events:
        assert await anext(events) == "Reload"
        request = await media_requests.submit(user.id, title="Orbit", media_type="movie")
        assert await anext(events) == "RequestChange"
        await downloads.enqueue(user.id, playlist_url="https://example.org")
        assert await anext(events) == "DownloadChange"
        await request.delete()
        assert await anext(events) == "RequestChange"


async def test_closing_ends_every_stream_also_one_that_still_connects(fresh_db: DatabaseUrl) -> None:
    live = LiveEvents()
    async with aclosing(opened(live)) as first, aclosing(opened(live)) as second:
        assert await anext(first) == "Reload"
        waiting = [asyncio.ensure_future(anext(events, None)) for events in (first, second)]
        await asyncio.sleep(0)  # both wait now
        live.close()
        assert await asyncio.gather(*waiting) == [None, None]


async def test_a_page_that_connects_while_the_studio_stops_is_not_waited_for(fresh_db: DatabaseUrl) -> None:
    live = LiveEvents()
    live.close()
    async with asyncio.timeout(10):
        assert [event async for event in opened(live)] == []


async def test_a_lost_database_ends_the_stream_so_that_the_page_connects_again(fresh_url: DatabaseUrl) -> None:
    live = LiveEvents()
    assert [event async for event in opened(live)] == []
    async with database(fresh_url):
        events = opened(live)
        assert await anext(events) == "Reload"
    assert [event async for event in events] == []


async def test_behind_a_pooler_a_page_is_told_once_and_works(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_DIRECT_URL", raising=False)
    async with database(replace(fresh_url, pgbouncer=True)):
        assert [event async for event in opened(LiveEvents())] == ["Unavailable"]
        async with visiting() as visitor:
            assert 'data-live="RequestChange"' in await visitor.page("/media_requests/list")


async def test_the_lists_of_requests_and_downloads_follow_and_the_dashboard(visitor: Visitor) -> None:
    for table in TABLES:
        text = await visitor.page(f"/{table.table._meta.db_table}/list")
        assert ("data-live" in text) is (table.__name__ in {"MediaRequests", "YouTubeDownloads"})
    assert 'data-live="RequestChange DownloadChange ServiceChange"' in await visitor.page("/")


async def test_no_event_is_told_without_the_cookie(visitor: Visitor) -> None:
    async with visiting(studio=visitor.studio, with_token=False) as stranger:
        assert (await stranger.get("/_live")).status_code == 403
