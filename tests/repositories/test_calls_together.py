"""Batched calls of many tasks: each gets its own result."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import Any, Final
from uuid import uuid4

import pytest
from pydantic import SecretStr

from medianest_models.db import database, transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import UserStatus
from medianest_models.errors import (
    AccountSuspendedError,
    ConfigurationError,
    DatabaseTimeoutError,
    InvalidReferenceError,
    InvalidTokenError,
)
from medianest_models.models import RateLimit, RollingRateLimit, SessionToken, User
from medianest_models.repositories import rate_limits, sessions, users
from medianest_models.settings import DatabaseUrl
from tests.db.proxies import proxy_to
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.servers import connect

PATIENCE: Final = 20
DAY: Final = 86_400


async def make_users(count: int) -> list[User]:
    await User.bulk_create(User(plex_id=f"plex {n}", plex_username=f"user {n}") for n in range(count))
    return await User.all().order_by("id")


async def together(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    """Run calls together, and return each result or error."""
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE)


async def test_find_by_plex_id(fresh_db: DatabaseUrl) -> None:
    everybody = await make_users(60)
    found = await together(users.find_by_plex_id(f"plex {n % 70}") for n in range(140))
    assert found == [*everybody, *[None] * 10] * 2
    for one, other in zip(found[:60], found[70:], strict=False):
        assert one is not other
        one.plex_username = "changed"
        assert other.plex_username != "changed"


async def test_the_way_of_a_lone_lookup_to_the_driver_is_short(fresh_db: DatabaseUrl) -> None:
    await users.find_by_plex_id("plex 0")  # connects, and prepares the statement
    hops: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        if name == "fetchrow":
            sys.setprofile(None)
        elif event == "call" and "/medianest_models/" in path:
            hops.append((path.rpartition("/medianest_models/")[2], name))

    sys.setprofile(note)
    try:
        await users.find_by_plex_id("plex 0")
        assert sys.getprofile() is None  # the driver was reached
    finally:
        sys.setprofile(None)
    assert hops[0] == ("repositories/users/accounts.py", "find_by_plex_id")
    assert len(set(hops)) <= 12, hops
    assert len({path for path, _ in hops}) <= 7, hops


async def test_verify(fresh_db: DatabaseUrl) -> None:
    people = await make_users(30)
    tokens = [(await sessions.issue(user.id)).token for user in people]
    await execute(
        "UPDATE session_tokens SET last_used_at = now() - interval '2 minutes' WHERE user_id = $1", people[0].id
    )
    await execute(
        "UPDATE session_tokens SET created_at = now() - interval '9 years', expires_at = now() WHERE user_id = $1",
        people[1].id,
    )
    await User.filter(id=people[2].id).update(status=UserStatus.SUSPENDED)
    await execute("UPDATE session_tokens SET rotated_at = now() - interval '1 hour' WHERE user_id = $1", people[3].id)
    presented: list[SecretStr | str] = [*tokens, "unknown", *tokens]
    outcomes = await together(map(sessions.verify, presented))
    assert [type(outcome) for outcome in outcomes[1:4]] == [InvalidTokenError, AccountSuspendedError, InvalidTokenError]
    assert isinstance(outcomes[30], InvalidTokenError)
    good = [0, *range(4, 30)]
    for number in (*good, *(31 + number for number in good)):
        session, user = outcomes[number], people[number % 31]
        assert isinstance(session, SessionToken)
        assert (session.user_id, session.user) == (user.id, user)
        assert session.last_used_at is not None
        stored = await SessionToken.get(id=session.id)
        assert stored.last_used_at == session.last_used_at
        assert stored.last_used_at is not None
        assert abs(stored.last_used_at - stored.created_at) < timedelta(minutes=1)
    assert outcomes[0] is not outcomes[31]
    assert outcomes[0].user is not outcomes[31].user
    untouched = await fetch("SELECT user_id FROM session_tokens WHERE last_used_at IS NULL")
    assert {row["user_id"] for row in untouched} == {person.id for person in people[1:4]}


BOTH_KINDS: Final = pytest.mark.parametrize("rolling", [False, True])


async def counts(*, rolling: bool) -> dict[tuple[Any, str], int]:
    """Return the counts, by caller and endpoint."""
    if rolling:
        return {(row.user_id or row.ip_address, row.endpoint): sum(row.counts) for row in await RollingRateLimit.all()}
    return {(row.user_id or row.ip_address, row.endpoint): row.request_count for row in await RateLimit.all()}


@BOTH_KINDS
@pytest.mark.parametrize("limit", [1, 2, 7, 19, 20, 21, 500])
async def test_hits_of_one_counter(fresh_db: DatabaseUrl, limit: int, *, rolling: bool) -> None:
    for already in (0, 3):
        results = await together(
            rate_limits.hit("e", ip_address="::1", limit=limit, window_seconds=DAY, rolling=rolling) for _ in range(20)
        )
        left = max(limit - (20 if already else 0), 0)
        allowed = [result.remaining for result in results if result.allowed]
        assert sorted(allowed, reverse=True) == list(range(left - 1, left - 1 - min(left, 20), -1))
        assert {(result.limit, result.remaining) for result in results if not result.allowed} <= {(limit, 0)}
        assert all((result.retry_after is None) == result.allowed for result in results)
    assert await counts(rolling=rolling) == {("::1", "e"): min(limit, 40)}


@BOTH_KINDS
async def test_hits_of_many_counters(fresh_db: DatabaseUrl, *, rolling: bool) -> None:
    people = await make_users(10)
    await execute("""INSERT INTO system_config (key, value) VALUES ('rate_limit.odd', '{"limit": 0}')""")
    nobody = uuid4()
    callers: list[dict[str, Any]] = [
        *({"user_id": user.id} for user in people),
        {"ip_address": "::1"},
        {"ip_address": "::2"},
    ]

    def hits() -> Iterable[Awaitable[Any]]:
        for number in range(100):
            caller = callers[number % len(callers)]
            limit = 3 + number // 50
            yield rate_limits.hit(f"e{number % 3}", **caller, limit=limit, window_seconds=DAY, rolling=rolling)
            if number % 20 == 0:
                yield rate_limits.hit("e", user_id=nobody, limit=5, rolling=rolling)
                yield rate_limits.hit("odd", **caller, rolling=rolling)
                yield rate_limits.hit("media.request", **caller, rolling=rolling)

    for _ in range(3):
        outcomes = await together(hits())
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds[InvalidReferenceError] == kinds[ConfigurationError] == 5
        by_rule = Counter(outcome.limit for outcome in outcomes if hasattr(outcome, "limit"))
        assert by_rule == {3: 50, 4: 50, 20: 5}
    hit_with: dict[tuple[Any, str], set[int]] = {}
    for number in range(100):
        (caller,) = callers[number % len(callers)].values()
        hit_with.setdefault((caller, f"e{number % 3}"), set()).add(3 + number // 50)
    assert len(hit_with) == 12
    counted = await counts(rolling=rolling)
    assert {key: count for key, count in counted.items() if key[1] != "media.request"} == {
        key: max(limits) for key, limits in hit_with.items()
    }
    assert sum(count for (_, endpoint), count in counted.items() if endpoint == "media.request") == 15


@asynccontextmanager
async def held_counter(url: DatabaseUrl, endpoint: str, *, rolling: bool = False) -> AsyncIterator[None]:
    """Lock the row of a counter in another process."""
    connection = await connect(url)
    try:
        async with connection.transaction():
            table = "rolling_rate_limits" if rolling else "rate_limits"
            assert await connection.fetch(f"SELECT id FROM {table} WHERE endpoint = $1 FOR UPDATE", endpoint)
            yield
    finally:
        await connection.close()


async def hit_one(endpoint: str, **arguments: Any) -> rate_limits.RateLimitResult:
    return await rate_limits.hit(endpoint, ip_address="::1", limit=1000, window_seconds=DAY, **arguments)


@BOTH_KINDS
async def test_a_counter_that_is_locked_holds_one_connection(fresh_url: DatabaseUrl, *, rolling: bool) -> None:
    async with database(replace(fresh_url, pool_max=5, pool_timeout=60)):
        await hit_one("held", rolling=rolling)
        async with held_counter(fresh_url, "held", rolling=rolling):
            stuck = []
            for number in range(100):  # in sequence, as they arrive within a few seconds
                stuck.append(asyncio.create_task(hit_one("held", rolling=rolling)))
                await hit_one(f"free {number % 7}", rolling=rolling)
                await fetch("SELECT 1")
            assert len(await fetch("SELECT FROM pg_locks WHERE NOT granted")) == 1
            await together(fetch("SELECT pg_sleep(0.01)") for _ in range(20))
            assert not any(task.done() for task in stuck)
        remaining = [(await task).remaining for task in stuck]
    assert remaining == list(range(998, 898, -1))  # in order, and exact


async def test_of_those_that_wait_for_a_counter_any_can_be_cancelled(fresh_db: DatabaseUrl) -> None:
    await hit_one("held")
    async with held_counter(fresh_db, "held"):
        stuck = [asyncio.create_task(hit_one("held"))]
        await until(someone_waits_for_a_lock)
        for _ in range(9):
            stuck.append(asyncio.create_task(hit_one("held")))
            await asyncio.sleep(0.06)  # so that few are batched
        for task in (stuck[0], stuck[1], stuck[5], stuck[9]):
            task.cancel()
            await asyncio.wait({task})
    left = [task for task in stuck if not task.cancelled()]
    remaining = [result.remaining for result in await together(left)]
    assert len(remaining) == 6
    assert remaining == sorted(set(remaining), reverse=True)
    assert (await hit_one("held")).remaining == remaining[-1] - 1


async def test_what_waits_for_a_counter_gives_up_in_time(fresh_url: DatabaseUrl) -> None:
    async with database(replace(fresh_url, pool_timeout=0.5)):
        await hit_one("held")
        async with held_counter(fresh_url, "held"):
            first = asyncio.create_task(hit_one("held"))
            await until(someone_waits_for_a_lock)
            with pytest.raises(DatabaseTimeoutError, match=r"counter was locked for longer than 0\.5 s"):
                await hit_one("held")
            with pytest.raises(DatabaseTimeoutError, match=r"counter was locked"):
                await rate_limits.clear("held", ip_address="::1")
        assert (await first).remaining == 998
        assert (await hit_one("held")).remaining == 997


async def test_a_transaction_that_holds_a_counter_goes_on_with_it(fresh_db: DatabaseUrl) -> None:
    async with transaction():
        await hit_one("e")
        other = elsewhere(hit_one("e"))
        await until(someone_waits_for_a_lock)
        assert (await asyncio.wait_for(hit_one("e"), PATIENCE)).remaining == 998
        assert await rate_limits.clear("e", ip_address="::1") == 1
    assert (await other).remaining == 999


@BOTH_KINDS
async def test_a_counter_that_begins_in_an_open_transaction_holds_up_no_other(
    fresh_db: DatabaseUrl, *, rolling: bool
) -> None:
    async def begin() -> None:
        async with transaction():
            await hit_one("b", rolling=rolling)
            begun.set()
            await ended.wait()

    begun, ended = asyncio.Event(), asyncio.Event()
    beginner = elsewhere(begin())
    await begun.wait()
    stuck = asyncio.create_task(hit_one("b", rolling=rolling))
    calls = [hit_one(endpoint, rolling=rolling) for endpoint in "acac"]
    others = await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)
    assert sorted(result.remaining for result in others) == [998, 998, 999, 999]
    assert not stuck.done()
    ended.set()
    await beginner
    assert (await stuck).remaining == 998


async def test_hits_that_may_have_been_counted_are_not_repeated(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "5")  # enough for a slow machine to connect
    async with proxy_to(fresh_url) as proxy, database(proxy.url):
        await together(fetch("SELECT pg_sleep(0.1)") for _ in range(5))  # so many connections would be used
        proxy.frozen = True
        with caplog.at_level("DEBUG", "medianest_models.query"):
            outcomes = await together(rate_limits.hit("e", ip_address=f"::{n}", limit=9) for n in range(3))
        proxy.heal()
    assert [type(outcome) for outcome in outcomes] == [DatabaseTimeoutError] * 3
    assert sum("INSERT INTO rate_limits" in line for line in caplog.messages) == 1


async def test_new_counters_are_begun_without_a_look_at_others(fresh_url: DatabaseUrl) -> None:
    async with database(replace(fresh_url, pool_max=1)):  # whose one connection tells its statistics
        await execute("ANALYZE rate_limits")  # so that every plan is made for an empty table
        for number in range(20):
            await together(rate_limits.hit(f"e{number}", ip_address=f"10.0.0.{n}", limit=9) for n in range(50))
        await execute("SELECT pg_stat_force_next_flush()")
        (table,) = await fetch("SELECT seq_tup_read, n_tup_ins FROM pg_stat_user_tables WHERE relname = 'rate_limits'")
        (indexes,) = await fetch("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'rate_limits'")
        assert (table["n_tup_ins"], table["seq_tup_read"], indexes["sum"]) == (1000, 0, 0)
