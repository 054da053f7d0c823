"""The search for a host of a URL: none that fails ends it, and it leaves nothing open."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from medianest_models.db import database, hosts
from medianest_models.db.direct import direct_connection
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.hosts import open_connection
from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import DatabaseUnavailableError, NoPrimaryError
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.db.pools import PATIENCE, client
from tests.db.proxies import black_hole, proxy_to
from tests.locks import until
from tests.ports import reserved_port
from tests.servers import connection_to

LONG = 600.0  # seconds, beyond the patience of a test
PASSWORD = "correct horse"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'search' AND datname = current_database()"


def hosts_of(url: DatabaseUrl, *places: tuple[str, int]) -> DatabaseUrl:
    """Return the URL with these hosts instead of its own."""
    (host, port), *fallbacks = places
    return replace(url, host=host, port=port, fallbacks=tuple(fallbacks))


def place(url: DatabaseUrl) -> tuple[str, int]:
    return url.host, url.port


async def search(url: DatabaseUrl, seconds: float = LONG, wait: float = 0) -> ForkSafeConnection:
    async with asyncio.timeout(PATIENCE):
        return await open_connection(
            url, seconds=seconds, wait=wait, server_settings={"application_name": "search"}, statement_cache_size=0
        )


async def sessions_left(url: DatabaseUrl, number: int) -> None:
    """Wait until so many sessions of searches are left, and check that no further one ends."""

    async def are_left() -> bool:
        return int(await connection.fetchval(SESSIONS)) <= number

    async with connection_to(url) as connection:
        await until(are_left)
        assert await connection.fetchval(SESSIONS) == number


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no host as the last good one."""
    monkeypatch.setattr(hosts, "_known", type(hosts._known)(hosts._known.default_factory))


@pytest.fixture
def closed_port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


@asynccontextmanager
async def refusing(new_server: Callable[..., EmbeddedServer], role: str) -> AsyncIterator[DatabaseUrl]:
    """Run a server that wants another password of the role."""
    server = new_server()
    url = await asyncio.to_thread(server.start)
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
    async with connection_to(url) as connection:
        await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'another'")
        await connection.execute("SELECT pg_reload_conf()")
    yield url


async def test_a_host_that_can_not_be_reached_does_not_end_the_search(fresh_url: DatabaseUrl, closed_port: int) -> None:
    async with black_hole() as silent, proxy_to(fresh_url) as cut:
        cut.closed = True
        for bad in (("127.0.0.1", silent), ("127.0.0.1", closed_port), ("db.invalid", 5432), place(cut.url)):
            connection = await search(hosts_of(fresh_url, bad, place(fresh_url)))
            assert await connection.fetchval("SELECT current_database()") == fresh_url.database
            await connection.close()


async def test_a_host_that_lets_nobody_in_does_not_end_the_search(
    new_server: Callable[..., EmbeddedServer], fresh_url: DatabaseUrl, medianest_server: Server, closed_port: int
) -> None:
    role = f"guest_{os.getpid()}"
    await medianest_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    try:
        async with refusing(new_server, role) as bad:
            url = hosts_of(fresh_url, place(bad), place(fresh_url))
            lacks_database = await search(url)
            await lacks_database.close()
            url = replace(url, user=role, password=SecretStr(PASSWORD))
            refuses_password = await search(url)
            await refuses_password.close()
            async with connection_to(bad) as administrator:
                await administrator.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
            is_full = await search(url)
            await is_full.close()

            several = hosts_of(url, place(bad), ("127.0.0.1", closed_port))
            with pytest.raises(NoPrimaryError) as caught:
                await search(several)  # at once, since neither is about to become a primary
            assert caught.value.sent is False
            assert (
                f"no primary that can be written to among its hosts: {bad.host}:{bad.port} (the server has too many"
                in (str(caught.value))
            )
            assert f"; 127.0.0.1:{several.places[1][1]} (nothing listens there" in str(caught.value)
            assert PASSWORD not in str(caught.value)
    finally:
        await medianest_server.execute(f"DROP ROLE {role}")


async def test_the_error_says_which_host_was_silent(fresh_url: DatabaseUrl) -> None:
    async with black_hole() as silent:
        url = hosts_of(fresh_url, ("127.0.0.1", silent), ("/no/such/folder", 1))
        with pytest.raises(NoPrimaryError) as caught:
            await search(url, seconds=0.5)
        assert f"127.0.0.1:{silent} (no answer within 0.5 s" in str(caught.value)
        assert "/no/such/folder:1 (nothing listens there" in str(caught.value)


async def test_the_host_that_was_taken_last_is_asked_first(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_HEAD_START_SECONDS", LONG)
    async with proxy_to(fresh_url) as first, proxy_to(fresh_url) as second:
        url = hosts_of(first.url, place(first.url), place(second.url))
        first.closed = True
        for _ in range(3):
            await (await search(url)).close()  # the second, at once: the first has failed
            first.closed = False
        assert (first.asked, second.asked) == (1, 3)
        for_reading = replace(url, target_session_attrs="any")
        await (await search(for_reading)).close()
        assert (first.asked, second.asked) == (2, 3)  # another role has another last host


async def test_one_host_is_asked_once(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy:
        proxy.closed = True
        with pytest.raises(DatabaseUnavailableError, match="can't connect to") as caught:
            await search(proxy.url)
        assert not isinstance(caught.value, NoPrimaryError)
        assert (caught.value.sent, proxy.asked) == (False, 1)


async def test_one_that_fails_is_asked_again_for_as_long_as_one_may_wait(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy:
        proxy.closed = True
        searching = asyncio.create_task(search(proxy.url, wait=LONG))

        async def was_asked_again() -> bool:
            return proxy.asked >= 3

        await until(was_asked_again)
        proxy.heal()
        await (await searching).close()
        proxy.closed = True
        with pytest.raises(DatabaseUnavailableError):
            await search(proxy.url, wait=0.3)


async def test_a_role_that_is_only_preferred_is_not_waited_for(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_PREFERENCE_SECONDS", LONG)
    await (await search(replace(fresh_url, target_session_attrs="prefer-standby"), wait=LONG)).close()


async def test_what_waiting_can_not_mend_fails_at_once(new_server: Callable[..., EmbeddedServer]) -> None:
    async with refusing(new_server, "guest") as url:
        for bad, reason in (
            (replace(url, user="guest", password=SecretStr(PASSWORD)), "refused the password"),
            (replace(url, user="nobody_knows"), "does not let this user in"),
            (replace(url, database="not-there"), "the database does not exist"),
        ):
            with pytest.raises(DatabaseUnavailableError, match=reason):
                await search(bad, wait=LONG)


async def test_of_many_searches_one_at_a_time_asks_a_host_again(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_PAUSE_SECONDS", LONG)
    async with proxy_to(fresh_url) as proxy:
        proxy.closed = True
        searches = [asyncio.create_task(search(proxy.url, wait=LONG)) for _ in range(10)]

        async def one_asks_again() -> bool:
            return proxy.asked > len(searches)

        await until(one_asks_again)
        await asyncio.sleep(0.3)  # in which all would ask again
        for searching in searches:
            searching.cancel()
        await asyncio.wait(searches)
        assert proxy.asked == len(searches) + 1


def test_an_event_loop_that_has_ended_is_forgotten(
    fresh_url: DatabaseUrl, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_PAUSE_SECONDS", 0)
    url = replace(fresh_url, host="127.0.0.1", port=closed_port)

    async def search_at_once() -> weakref.ref[asyncio.AbstractEventLoop]:
        await asyncio.gather(*(search(url, wait=0.2) for _ in range(10)), return_exceptions=True)
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(search_at_once())
    gc.collect()
    assert loop() is None


@dataclass
class Hold:
    """Holds every search between connecting and the check of the role.

    Attributes:
        parties: How many are to be held.
        are_there: Says that so many are.
        go_on: Lets them go on.
    """

    parties: int
    are_there: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, patch: pytest.MonkeyPatch) -> None:
        check = hosts._Search._check_role

        async def held(*arguments: Any) -> None:
            self.parties -= 1
            if self.parties == 0:
                self.are_there.set()
            await self.go_on.wait()
            await check(*arguments)

        patch.setattr(hosts._Search, "_check_role", held)
        patch.setattr(hosts, "_HEAD_START_SECONDS", 0.01)


@asynccontextmanager
async def both_connected(
    url: DatabaseUrl, patch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[asyncio.Task[ForkSafeConnection], Hold]]:
    """Search among two hosts until both are connected, and hold the search there."""
    async with proxy_to(url) as first, proxy_to(url) as second:
        (both := Hold(2)).begin(patch)
        searching = asyncio.create_task(search(hosts_of(first.url, place(first.url), place(second.url))))
        await both.are_there.wait()
        yield searching, both


async def test_the_connection_of_a_host_that_was_too_late_is_closed(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both_connected(fresh_url, monkeypatch) as (searching, both):
        both.go_on.set()
        connection = await searching
        await sessions_left(fresh_url, 1)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()


async def test_a_search_that_is_cancelled_leaves_nothing_open(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both_connected(fresh_url, monkeypatch) as (searching, _):
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        await sessions_left(fresh_url, 0)


async def test_a_search_whose_time_is_over_leaves_nothing_open(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hold(1).begin(monkeypatch)
    with pytest.raises(DatabaseUnavailableError, match="no answer within 1 s"):
        await search(fresh_url, seconds=1)
    await sessions_left(fresh_url, 0)


async def test_the_pool_and_direct_connections_search_too(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", str(LONG))
    async with black_hole() as silent, asyncio.timeout(PATIENCE):
        url = hosts_of(fresh_url, ("127.0.0.1", silent), place(fresh_url))
        async with database(url), direct_connection(url) as direct:
            assert await direct.fetchval("SELECT 1") == 1
            assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
