"""Reading while standbys are stopped, frozen, promoted or follow nobody: the primary answers, and nobody waits long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from medianest_models.db import reading, reading_counts, standbys
from medianest_models.db.standbys import Standby, WalPosition
from medianest_models.db.statements import Connection, execute, fetch
from medianest_models.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    MigrationError,
    ReadingError,
    StatementError,
)
from tests.clusters import Pair
from tests.db.pools import PATIENCE, backend, client
from tests.db.proxies import black_hole
from tests.db.replicated import beside, connected, note, notes, port_of, who_answers
from tests.locks import until
from tests.poolers import running_pooler

SLEEP_ON_A_STANDBY: Final = "pg_sleep(CASE WHEN pg_is_in_recovery() THEN 600 ELSE 0 END)"


@pytest.fixture
async def read_before(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Be connected to the pair, without a limit for a statement, and have read from its standby.

    On a slow machine too, it has its time to answer.
    """
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "0")
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)
    async with connected(pair, monkeypatch):
        await until_the_standby_answers(pair)
        yield


async def standby_answers(pair: Pair) -> bool:
    async with reading():
        return await who_answers(pair) == "standby"


async def until_the_standby_answers(pair: Pair) -> None:
    await until(lambda: standby_answers(pair))


async def someone_sleeps(pair: Pair) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'"
    return bool(await pair.standby.ask(query))


async def test_while_the_standby_is_stopped_the_primary_answers(
    pair: Pair, read_before: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    token = await note(1)
    async with reading():
        assert await who_answers(pair) == "standby"
        await pair.standby.stop("immediate")
        assert await who_answers(pair) == "primary"
        async with asyncio.timeout(PATIENCE), reading(after=token, wait=timedelta(days=1)):
            assert await notes() == {1}
        assert caplog.text.count("reading without the standby") == 1
        await pair.standby.start()
        await pair.wait_until_streaming()
        await until_the_standby_answers(pair)
        assert await who_answers(pair) == "primary"  # it may have seen there what the standby does not have yet
    assert caplog.text.count("again") == 1


async def test_a_read_in_the_middle_of_which_the_standby_ends_is_repeated(pair: Pair, read_before: None) -> None:
    async with reading():
        read = asyncio.create_task(fetch(f"SELECT {SLEEP_ON_A_STANDBY}, inet_server_port() AS port"))
        await until(lambda: someone_sleeps(pair))
        await pair.standby.stop("immediate")
        (row,) = await read
    assert port_of(pair)[row["port"]] == "primary"


async def test_a_read_that_replay_ends_is_repeated(pair: Pair, read_before: None) -> None:
    await pair.standby.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
    await note(1)
    await pair.wait_until_replayed()
    async with reading():
        read = asyncio.create_task(fetch(f"SELECT n, {SLEEP_ON_A_STANDBY}, inet_server_port() AS port FROM notes"))
        await until(lambda: someone_sleeps(pair))
        await pair.primary.execute("ALTER TABLE notes ADD COLUMN more int")
        (row,) = await read
    assert port_of(pair)[row["port"]] == "primary"


async def test_what_the_standby_does_not_have_yet_is_read_on_the_primary(pair: Pair, read_before: None) -> None:
    """A migration that it has not replayed, while the code that needs it runs already."""
    await pair.pause()
    await pair.primary.execute("CREATE TABLE later (n int)")
    async with reading():
        assert await fetch("SELECT n FROM later") == []
        assert await who_answers(pair) == "primary"
        with pytest.raises(MigrationError):
            await fetch("SELECT n FROM never")


async def test_a_read_that_begins_while_another_fails_goes_to_the_primary_too(
    pair: Pair, read_before: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    acquire, has_connection, may_go_on = Standby.acquire, asyncio.Event(), asyncio.Event()

    async def acquire_slowly(self: Standby, after: WalPosition | None) -> Connection | None:
        connection = await acquire(self, after)
        has_connection.set()
        await may_go_on.wait()
        return connection

    await pair.pause()
    await pair.primary.execute("CREATE TABLE later (n int)")
    async with asyncio.timeout(PATIENCE), reading():
        with monkeypatch.context() as patch:
            patch.setattr(Standby, "acquire", acquire_slowly)
            read = asyncio.create_task(who_answers(pair))
            await has_connection.wait()
        assert await fetch("SELECT n FROM later") == []
        may_go_on.set()
        assert await read == "primary"
    assert "was ended when it was returned" not in caplog.text  # each went back to its own pool


async def test_a_frozen_standby_is_waited_for_once(
    pair: Pair, read_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "_FRESH_SECONDS", 0)
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 1)
    pair.standby.freeze()
    async with asyncio.timeout(PATIENCE), reading():
        assert await who_answers(pair) == "primary"
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 3600)  # whoever waited for it again would wait for ever
    for n in range(100):
        async with reading(after=await note(n)):
            assert n in await notes()
    pair.standby.thaw()
    await until_the_standby_answers(pair)


async def test_many_that_read_at_once_do_not_wait_one_after_the_other(
    pair: Pair, read_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "_FRESH_SECONDS", 0)
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 1)
    pair.standby.freeze()
    async with asyncio.timeout(PATIENCE):
        assert not any(await asyncio.gather(*(standby_answers(pair) for _ in range(50))))
    pair.standby.thaw()


async def test_a_read_that_a_frozen_standby_has_ends_with_the_command_timeout(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "2")
    async with connected(pair, monkeypatch):
        await until_the_standby_answers(pair)
        async with reading():
            read = asyncio.create_task(fetch(f"SELECT {SLEEP_ON_A_STANDBY}"))
            await until(lambda: someone_sleeps(pair))
            pair.standby.freeze()
            with pytest.raises(DatabaseTimeoutError):
                await read
            assert await who_answers(pair) == "primary"
        pair.standby.thaw()


async def test_a_read_that_a_frozen_primary_never_got_says_so(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "1")
    async with connected(pair, monkeypatch):
        await pair.standby.stop("immediate")
        async with reading():
            pair.primary.freeze()
            with pytest.raises(DatabaseTimeoutError) as raised:
                await notes()
        pair.primary.thaw()
    assert raised.value.sent is False
    assert raised.value.__context__ is None


async def test_a_statement_that_the_standby_ends_for_its_length_is_not_repeated(pair: Pair, read_before: None) -> None:
    before = reading_counts()
    async with reading():
        async with client().acquire_connection() as connection:
            await connection.execute("SET statement_timeout = '1s'")
        with pytest.raises(DatabaseTimeoutError, match="ran longer"):
            await fetch("SELECT pg_sleep(10)")
        assert await who_answers(pair) == "standby"
    assert reading_counts().primary == before.primary


async def test_a_promoted_standby_is_no_standby(pair: Pair, read_before: None) -> None:
    async with reading():
        await pair.promote()
        assert await who_answers(pair) in {"standby", "primary"}  # it answered a moment ago
        await asyncio.sleep(standbys._FRESH_SECONDS)
        assert await who_answers(pair) == "primary"
    for n in range(3):
        async with reading(after=await note(n)):
            assert n in await notes()


async def test_a_standby_that_is_promoted_before_the_statement_writes_nothing(
    pair: Pair, read_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "_FRESH_SECONDS", 3600)
    async with reading():
        await pair.promote()
        with pytest.raises(ReadingError):
            await execute("INSERT INTO notes VALUES (1)")
        assert await who_answers(pair) == "standby"
    assert await pair.standby.ask("SELECT count(*) FROM notes") == 0


async def test_a_standby_whose_primary_is_gone_is_not_asked(pair: Pair, read_before: None) -> None:
    async with reading():
        before = await backend()
    await pair.primary.stop("immediate")
    await asyncio.sleep(standbys._FRESH_SECONDS)
    with pytest.raises(DatabaseUnavailableError):
        await standby_answers(pair)
    await pair.primary.start()
    await pair.wait_until_streaming()
    await until_the_standby_answers(pair)
    async with reading():
        assert await backend() != before  # the address could lead to another server now


async def test_a_standby_that_has_diverged_is_not_asked(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its position is past every token, and its rows are others."""
    async with connected(pair, monkeypatch):
        await pair.diverge()
        for n in range(3):
            async with reading(after=await note(n)):
                assert n in await notes()
            async with reading():
                assert await who_answers(pair) == "primary"


async def test_of_several_hosts_those_in_order_are_asked(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary itself, and a port where nobody listens, are none of them."""
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)
    replicas = beside(pair.standby.url, pair.primary.url.port, 1)
    async with connected(pair, monkeypatch, replicas=replicas):
        before = reading_counts()
        for _ in range(20):
            assert await standby_answers(pair)
        assert reading_counts().primary == before.primary


async def test_a_host_that_refuses_is_not_asked_for_each_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()

    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(pair, monkeypatch, replicas=replace(pair.standby.url, port=port)):
            begun = loop.time()
            while loop.time() < begun + 2.5 * standbys._PAUSE_SECONDS:
                async with reading():
                    assert await who_answers(pair) == "primary"
            most = 1 + (loop.time() - begun) / standbys._PAUSE_SECONDS
    assert 2 <= asked <= most


async def test_no_failover_of_a_standby_is_waited_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", "3600")
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 3600)
    for port in (1, pair.primary.url.port):  # nobody listens there, or no standby does
        async with (
            asyncio.timeout(PATIENCE),
            connected(pair, monkeypatch, replicas=replace(pair.standby.url, port=port)),
        ):
            assert not await standby_answers(pair)


async def test_a_silent_host_is_waited_for_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        black_hole() as port,
        connected(pair, monkeypatch, replicas=replace(pair.standby.url, port=port)),
    ):
        assert not await standby_answers(pair)
        monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 3600)
        for _ in range(100):
            assert not await standby_answers(pair)


async def test_standbys_behind_a_pooler(
    pair: Pair, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which server gets a statement is known only within a transaction."""
    program = request.config.getoption("--pgbouncer")
    if program is None:
        pytest.skip("needs --pgbouncer")
    async with (
        running_pooler(str(program), pair.standby.url) as pooler,
        connected(pair, monkeypatch, replicas=pooler),
    ):
        await until_the_standby_answers(pair)
        async with reading():
            async with client().acquire_connection() as connection:
                assert connection.is_in_transaction()
            with pytest.raises(ReadingError):
                await execute("INSERT INTO notes VALUES (1)")
            assert await who_answers(pair) == "standby"
            with pytest.raises(StatementError):
                await fetch("SELECT 1/0")
            assert await asyncio.gather(*(who_answers(pair) for _ in range(50))) == ["standby"] * 50
        await pair.pause()
        async with reading(after=await note(2)):
            assert await notes() == {2}
