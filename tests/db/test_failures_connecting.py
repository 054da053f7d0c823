"""Failures to connect: a prompt error with the reason, and without the password."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import SecretStr
from tortoise.context import TortoiseContext

from medianest_models.db import check_database_health, connect_database, database
from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from tests.db.pools import PATIENCE, client, healthy_within_two_seconds
from tests.db.proxies import black_hole, proxy_to
from tests.locks import until
from tests.servers import connection_to

PASSWORD = "correct horse"


async def refuses_within(seconds: float, url: DatabaseUrl) -> DatabaseUnavailableError:
    """Return the error of connecting, and check that it names the server, but not the password."""
    begun = time.monotonic()
    with pytest.raises(DatabaseUnavailableError) as caught:
        await connect_database(url)
    assert time.monotonic() - begun < seconds
    assert url.masked in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert await check_database_health() is False
    return caught.value


async def test_nobody_listens(fresh_url: DatabaseUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (
        replace(fresh_url, host="127.0.0.1", port=port, password=SecretStr(PASSWORD)),
        replace(fresh_url, host="localhost", port=port),
        replace(fresh_url, host="/no/such/folder"),
    ):
        assert "nothing listens there" in str(await refuses_within(10, url))


async def test_an_unknown_host(fresh_url: DatabaseUrl) -> None:
    assert "host name is not known" in str(await refuses_within(15, replace(fresh_url, host="db.invalid")))


async def test_a_missing_database(fresh_url: DatabaseUrl) -> None:
    url = replace(fresh_url, database="not-there")
    assert "the database does not exist: create it" in str(await refuses_within(10, url))


async def test_a_black_hole(fresh_url: DatabaseUrl) -> None:
    async with black_hole() as port:
        url = replace(fresh_url, host="127.0.0.1", port=port, connect_timeout=0.5, password=SecretStr(PASSWORD))
        for sslmode in ("disable", "prefer"):
            error = await refuses_within(3, replace(url, sslmode=sslmode))
            assert isinstance(error, DatabaseTimeoutError)
            assert "no answer within 0.5 s" in str(error)
        together = await asyncio.gather(*(connect_database(url) for _ in range(20)), return_exceptions=True)
        assert {type(error) for error in together} == {DatabaseTimeoutError}


@pytest.mark.parametrize(("at", "migration_wait"), [(b"search_path", "60"), (b"aerich", "0")])
async def test_a_server_that_falls_silent_after_the_handshake(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, at: bytes, migration_wait: str
) -> None:
    monkeypatch.setenv("DATABASE_MIGRATION_WAIT", migration_wait)
    async with proxy_to(fresh_url) as proxy:
        proxy.freezes_at = at
        url = replace(proxy.url, connect_timeout=0.5, pool_timeout=5)
        assert isinstance(await refuses_within(4, url), DatabaseTimeoutError)
        proxy.heal()
        async with asyncio.timeout(PATIENCE), database(url):
            await client().execute_query("SELECT 1")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_something_that_is_no_postgresql(fresh_url: DatabaseUrl, answer: bytes) -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        for sslmode in ("disable", "prefer"):
            url = replace(fresh_url, host="127.0.0.1", port=port, sslmode=sslmode, connect_timeout=2)
            await refuses_within(5, url)


async def test_an_embedded_server_that_does_not_start_in_time(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.stop)
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("MEDIANEST_HOME", str(server.home))
    monkeypatch.setenv("PG_BINDIR", str(server.bindir))
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "0.3")
    ended: list[EmbeddedServer] = []
    as_it_is = EmbeddedServer.start

    def start(embedded: EmbeddedServer) -> DatabaseUrl:
        try:
            return as_it_is(embedded)
        finally:
            ended.append(embedded)

    async def all_have_ended() -> bool:
        return len(ended) == 3

    monkeypatch.setattr(EmbeddedServer, "start", start)
    with (server.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # like another process that starts it
        begun = time.monotonic()
        with pytest.raises(DatabaseTimeoutError, match="can't connect to the embedded server: no answer"):
            await connect_database()
        async with TortoiseContext() as context:  # like Aerich's command
            await context.init(tortoise_config(load_settings()))
            with pytest.raises(DatabaseTimeoutError, match="can't connect to the embedded server: no answer"):
                await client().execute_query("SELECT 1")
        assert time.monotonic() - begun < 10
    await asyncio.to_thread(server.start)
    await until(all_have_ended)  # also the two that were not awaited, which would otherwise start it after this test


@asynccontextmanager
async def guarded(server: EmbeddedServer) -> AsyncIterator[DatabaseUrl]:
    """Run a server with a role `guest` that needs a password and may have two connections."""
    url = await asyncio.to_thread(server.start)
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all guest scram-sha-256\nlocal all stranger reject\n{rules.read_text()}")
    async with connection_to(url) as connection:
        await connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 2")
        await connection.execute("SELECT pg_reload_conf()")
    yield replace(url, user="guest", password=SecretStr(PASSWORD))


async def test_a_server_that_refuses(new_server: Callable[..., EmbeddedServer]) -> None:
    async with guarded(new_server()) as url:
        wrong = await refuses_within(10, replace(url, password=SecretStr("wrong " + PASSWORD)))
        assert "the server refused the password" in str(wrong)
        none = await refuses_within(10, replace(url, password=None))
        assert "password" in str(none)
        stranger = await refuses_within(10, replace(url, user="stranger"))
        assert "the server does not let this user in" in str(stranger)
        async with database(replace(url, pool_max=3), require_migrated=False), client().acquire_connection():
            async with client().acquire_connection():
                with pytest.raises(DatabaseUnavailableError, match="the server has too many connections"):
                    await client().execute_query("SELECT 1")
            assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
            assert await healthy_within_two_seconds()
