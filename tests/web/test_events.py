"""Committed changes as server-sent events, from a real server to a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import Message

from medianest_models import web
from medianest_models.db import database, transaction
from medianest_models.enums import ServiceStatus, UserRole
from medianest_models.errors import DatabaseUnavailableError, InvalidTokenError
from medianest_models.models import Service, SessionToken
from medianest_models.repositories import downloads, media_requests, services, sessions, users
from medianest_models.settings import DatabaseUrl
from medianest_models.web import events
from tests.web.conftest import bearer, fastapi_app, served, somebody, starlette_app, until, visiting

APP: Final = starlette_app({"/events": web.change_events})


class Reader:
    """A client's stream: its events, and the comments between them."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> list[str]:
        """Return the lines up to the next empty one; none at the end of the stream."""
        lines: list[str] = []
        async for line in self._lines:
            if not line:
                break
            lines.append(line)
        return lines

    async def event(self) -> tuple[str, Any]:
        """Return the next event's name and data."""
        while (lines := await self.block()) == [":"]:
            pass
        assert len(lines) == 2, lines
        return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


@asynccontextmanager
async def following(url: str, headers: dict[str, str]) -> AsyncIterator[Reader]:
    """Open a stream for half a minute, and read its beginning."""
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - the line above is the timeout
        client.stream("GET", f"{url}/events", headers=headers) as found,
    ):
        assert found.status_code == 200, await found.aread()
        reader = Reader(found)
        assert await reader.block() == ["retry: 3000"]
        assert await reader.event() == ("ChangesMissed", {})
        yield reader


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """Have streams verify their session all the time, and list what each verification has raised."""
    outcomes: list[BaseException | None] = []
    verify = sessions.verify

    async def noted(token: SecretStr) -> SessionToken:
        outcome: BaseException | None = None
        try:
            return await verify(token)
        except BaseException as raised:
            outcome = raised
            raise
        finally:
            outcomes.append(outcome)

    monkeypatch.setattr(events, "_HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(sessions, "verify", noted)
    return outcomes


@pytest.mark.usefixtures("no_pooler")
@pytest.mark.parametrize("make_app", [starlette_app, fastapi_app])
async def test_a_user_hears_of_their_own_changes_and_an_admin_of_all(fresh_db: DatabaseUrl, make_app: Any) -> None:
    ann, bob, boss = await somebody("ann"), await somebody("bob"), await somebody("boss", role=UserRole.ADMIN)
    await Service.create(name="Plex", display_name="Plex", url="http://plex.test")
    async with (
        served(make_app({"/events": web.change_events})) as url,
        following(url, await bearer(ann)) as anns,
        following(url, await bearer(boss)) as bosses,
    ):
        assert anns.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert anns.response.headers["Cache-Control"] == "no-store"
        assert "Content-Length" not in anns.response.headers
        bobs = await media_requests.submit(bob.id, title="A title", media_type="movie")
        download = await downloads.enqueue(ann.id, playlist_url="https://example.org")
        checked_at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
        await services.record_check("Plex", status=ServiceStatus.DOWN, checked_at=checked_at)
        expected = [
            ("RequestChange", {"id": str(bobs.id), "user_id": str(bob.id), "status": "pending"}),
            ("DownloadChange", {"id": str(download.id), "user_id": str(ann.id), "status": "queued", "progress": 0}),
            ("ServiceChange", {"name": "Plex", "status": "down", "checked_at": "2030-01-02T03:04:05+00:00"}),
        ]
        assert [await bosses.event() for _ in expected] == expected
        assert [await anns.event() for _ in expected[1:]] == expected[1:]


@pytest.mark.usefixtures("no_pooler")
async def test_missed_changes_are_an_event(fresh_db: DatabaseUrl, medianest_server: Any) -> None:
    ann = await somebody("ann")
    async with served(APP) as url, following(url, await bearer(ann)) as reader:
        await medianest_server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{fresh_db.database}'"
        )
        assert await reader.event() == ("ChangesMissed", {})


@pytest.mark.usefixtures("no_pooler")
async def test_streams_hold_no_connection_of_the_pool(fresh_url: DatabaseUrl) -> None:
    async with database(replace(fresh_url, pool_max=1)):
        ann = await somebody("ann")
        headers = await bearer(ann)
        async with (
            served(APP) as url,
            following(url, headers),
            following(url, headers),
            following(url, headers) as reader,
        ):
            request = await media_requests.submit(ann.id, title="A title", media_type="movie")
            assert (await reader.event())[1]["id"] == str(request.id)


@pytest.mark.usefixtures("no_pooler")
async def test_a_quiet_stream_has_comments(fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_HEARTBEAT_SECONDS", 0.01)
    async with served(APP) as url, following(url, await bearer(await somebody())) as reader:
        assert [await reader.block() for _ in range(3)] == [[":"]] * 3


@pytest.mark.usefixtures("no_pooler")
async def test_a_stream_ends_with_its_session(
    fresh_db: DatabaseUrl, verifications: list[BaseException | None], caplog: pytest.LogCaptureFixture
) -> None:
    ann = await somebody("ann")
    async with served(APP) as url, following(url, await bearer(ann)) as reader:
        await sessions.revoke_all(ann.id)
        while (lines := await reader.block()) == [":"]:
            pass
        assert lines == []  # ended, not cut off: httpx would raise
    assert isinstance(verifications[-1], InvalidTokenError)
    assert not [record for record in caplog.records if record.name == "medianest_models.web"]


@pytest.mark.usefixtures("no_pooler")
async def test_a_defect_ends_a_stream_and_is_logged(
    fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(token: SecretStr) -> SessionToken:
        raise RuntimeError("a defect")

    monkeypatch.setattr(events, "_HEARTBEAT_SECONDS", 0.01)
    async with served(APP) as url, following(url, await bearer(await somebody())) as reader:
        monkeypatch.setattr(sessions, "verify", fail)
        while (lines := await reader.block()) == [":"]:
            pass
        assert lines == []
    (logged,) = (record for record in caplog.records if record.name == "medianest_models.web")
    assert logged.getMessage() == "a stream of events has ended: a defect"


@pytest.mark.usefixtures("no_pooler")
async def test_one_who_is_no_admin_any_more_hears_only_of_their_own(
    fresh_db: DatabaseUrl, verifications: list[BaseException | None]
) -> None:
    boss, ann = await somebody("boss", role=UserRole.ADMIN), await somebody("ann", role=UserRole.ADMIN)
    async with served(APP) as url, following(url, await bearer(boss)) as reader:
        await users.set_role(boss.id, role=UserRole.USER)
        seen = len(verifications)
        await until(lambda: len(verifications) >= seen + 2)  # the second one has begun since
        await media_requests.submit(ann.id, title="A title", media_type="movie")
        own = await media_requests.submit(boss.id, title="A title", media_type="movie")
        assert (await reader.event())[1]["id"] == str(own.id)


@pytest.mark.usefixtures("no_pooler")
async def test_a_stream_outlasts_a_database_that_is_away(
    fresh_db: DatabaseUrl, verifications: list[BaseException | None], medianest_server: Any
) -> None:
    ann = await somebody("ann")
    async with served(APP) as url, following(url, await bearer(ann)) as reader:
        name = fresh_db.database
        await medianest_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await medianest_server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        await until(lambda: isinstance(verifications[-1], DatabaseUnavailableError))
        await medianest_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert await reader.event() == ("ChangesMissed", {})


@pytest.mark.usefixtures("no_pooler")
async def test_a_client_that_is_gone_leaves_nothing_behind(fresh_db: DatabaseUrl) -> None:
    async with served(APP) as url:
        async with following(url, await bearer(await somebody())):
            assert len(events._stops) == 1
        await until(lambda: not events._stops)


@pytest.mark.usefixtures("no_pooler")
async def test_stopping_ends_every_stream_also_one_that_begins_then(fresh_db: DatabaseUrl) -> None:
    headers = await bearer(await somebody())
    async with served(APP) as url:
        with events.events_served():
            async with following(url, headers) as first, following(url, headers) as second:
                web.stop_events()
                assert [await first.block(), await second.block()] == [[], []]
            async with visiting(APP) as visitor, asyncio.timeout(30):
                assert (await visitor.get("/events", headers=headers)).status_code == 200
        async with following(url, headers):  # after the application has started again
            pass


@pytest.mark.usefixtures("no_pooler")
async def test_a_client_that_does_not_read_does_not_keep_the_server_from_stopping(
    fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_LAST_SECONDS", 0.01)
    ann = await somebody()
    blocked = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            blocked.set()
            await asyncio.Event().wait()  # for ever

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    headers = [(b"authorization", (await bearer(ann))["Authorization"].encode())]
    scope = {"type": "http", "method": "GET", "path": "/events", "headers": headers, "query_string": b""}
    with events.events_served():
        request = asyncio.ensure_future(APP(scope, receive, send))
        await blocked.wait()
        web.stop_events()
        async with asyncio.timeout(30):
            await request


@pytest.mark.usefixtures("no_pooler")
async def test_stopping_does_not_wait_for_a_stream_that_could_not_begin(fresh_db: DatabaseUrl) -> None:
    async def change_and_wait() -> None:
        async with transaction():
            await media_requests.submit(ann.id, title="A title", media_type="movie")
            changed.set()
            await answered.wait()

    ann = await somebody()
    headers = await bearer(ann)
    changed, answered = asyncio.Event(), asyncio.Event()
    changing = asyncio.create_task(change_and_wait())
    await changed.wait()
    with events.events_served():
        async with visiting(APP) as visitor:
            request = asyncio.create_task(visitor.get("/events", headers=headers))
            await until(lambda: bool(events._stops))  # it waits for the end of that transaction
            web.stop_events()
            response = await request
    answered.set()
    await changing
    assert (response.status_code, response.content) == (200, b"")  # a browser comes back; after an error it would not


@pytest.mark.usefixtures("no_pooler")
async def test_head_has_no_body(fresh_db: DatabaseUrl) -> None:
    async with visiting(APP) as visitor, asyncio.timeout(30):
        response = await visitor.head("/events", headers=await bearer(await somebody()))
        assert (response.status_code, response.content) == (200, b"")


@pytest.mark.usefixtures("no_pooler")
async def test_what_prevents_a_stream_is_a_problem(fresh_url: DatabaseUrl) -> None:
    async with database(replace(fresh_url, pgbouncer=True)), visiting(APP) as visitor:
        assert (await visitor.get("/events")).status_code == 401
        response = await visitor.get("/events", headers=await bearer(await somebody()))
        assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
