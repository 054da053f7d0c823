"""Rolling windows: never more hits than the limit in any span of their length, and rarely fewer."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from asyncpg import Connection, Record

from medianest_models.db import database, transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.errors import TransactionConflictError
from medianest_models.models import RateLimit, RollingRateLimit
from medianest_models.repositories import rate_limits
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.servers import connect

ADDRESS: Final = "192.0.2.77"
WINDOW: Final = timedelta(minutes=1)
TENTH: Final = WINDOW / 10
START: Final = datetime(2026, 3, 1, 12, 0, 3, 141592, tzinfo=UTC)
NOTHING: Final = timedelta()
MOMENT: Final = timedelta(microseconds=1)

FAKE_CLOCK: Final = (
    "CREATE SCHEMA fake_time",
    "CREATE TABLE fake_time.clock AS SELECT clock_timestamp() AS time",
    "CREATE FUNCTION fake_time.clock_timestamp() RETURNS timestamptz RETURN (SELECT time FROM fake_time.clock)",
)
BEFORE_THE_REAL_ONE: Final = "search_path = fake_time, pg_catalog, public"


async def hit(limit: int = 3, **arguments: Any) -> RateLimitResult:
    given = {"ip_address": ADDRESS, "window_seconds": 60, **arguments}
    return await rate_limits.hit("e", limit=limit, rolling=True, **given)


async def hit_at(time: datetime, limit: int = 3, **arguments: Any) -> RateLimitResult:
    """Make a hit with the database's clock set to that time."""
    await execute("UPDATE fake_time.clock SET time = $1", time)
    return await hit(limit, **arguments)


@pytest.fixture
async def clock(db: DatabaseUrl) -> None:
    """Let `hit_at` set the database's clock, in this test's transaction."""
    for statement in FAKE_CLOCK:
        await execute(statement)
    await execute(f"SET LOCAL {BEFORE_THE_REAL_ONE}")


@pytest.fixture
async def clock_url(fresh_url: DatabaseUrl) -> DatabaseUrl:
    """Do the same for every connection to a database."""
    connection = await connect(fresh_url)
    for statement in (*FAKE_CLOCK, f'ALTER DATABASE "{fresh_url.database}" SET {BEFORE_THE_REAL_ONE}'):
        await connection.execute(statement)
    await connection.close()
    return fresh_url


def a_while(dice: random.Random) -> timedelta:
    """Return a random duration: mostly short, and often about that of a part or of the window."""
    edge = dice.choice((NOTHING, TENTH, WINDOW - TENTH, WINDOW, WINDOW + TENTH, 3 * WINDOW))
    around = dice.choice((NOTHING, MOMENT, -MOMENT, dice.uniform(-1, 1) * TENTH))
    return max(NOTHING, dice.choice((NOTHING, dice.expovariate(0.5) * timedelta(seconds=1), edge + around)))


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_span_of_its_length_at_most_the_limit(clock: None, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    limit = dice.choice((1, 2, 3, 10))
    now, allowed, refused = START, list[datetime](), 0
    for _ in range(250):
        now += a_while(dice)
        result = await hit_at(now, limit)
        if result.allowed:
            allowed.append(now)
            assert result.retry_after is None
            used = limit - result.remaining
            assert sum(now - earlier <= WINDOW for earlier in allowed) <= used <= limit
            assert used <= sum(now - earlier <= WINDOW + TENTH for earlier in allowed)
        else:
            refused += 1
            # Rejected at most a tenth of the window too long.
            assert sum(now - earlier < WINDOW + TENTH for earlier in allowed) >= limit
            assert result.remaining == 0
            assert result.retry_after is not None
            assert NOTHING < result.retry_after <= result.reset_at - now <= WINDOW + TENTH
    for last in allowed:
        assert sum(last - WINDOW <= other <= last for other in allowed) <= limit
    assert refused > 20
    assert len(allowed) > 20


@pytest.mark.parametrize("seed", range(3))
async def test_what_it_says_of_the_future_is_true(clock: None, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    now = START
    for _ in range(40):
        now += a_while(dice)
        result = await hit_at(now, 5)
        if result.allowed:
            assert [(await hit_at(now, 5)).allowed for _ in range(result.remaining + 1)] == [
                *[True] * result.remaining, False
            ]  # fmt: skip
            result = await hit_at(now, 5)
        assert result.retry_after is not None
        if dice.random() < 0.5:
            now += result.retry_after
            assert not (await hit_at(now - MOMENT, 5)).allowed
            assert (await hit_at(now, 5)).allowed
        else:
            assert (await hit_at(result.reset_at - MOMENT, 6)).remaining < 5
            now = result.reset_at + WINDOW + TENTH
            assert (await hit_at(now, 5)).remaining == 4


async def test_a_clock_that_is_set_back_makes_room_for_nobody(clock: None) -> None:
    assert [(await hit_at(START)).allowed for _ in range(2)] == [True] * 2
    assert [(await hit_at(START - WINDOW)).allowed for _ in range(2)] == [True, False]
    assert not (await hit_at(START + WINDOW)).allowed
    assert (await hit_at(START + WINDOW + TENTH)).remaining == 2


async def test_kinds_and_lengths_are_counted_apart(db: DatabaseUrl) -> None:
    for _ in range(2):
        assert (await hit(2)).allowed
        assert (await hit(2, window_seconds=61)).allowed
        assert (await rate_limits.hit("e", ip_address=ADDRESS, limit=2, window_seconds=60)).allowed
    assert not (await hit(2)).allowed
    assert sorted([(row.window_seconds, sum(row.counts)) for row in await RollingRateLimit.all()]) == [(60, 2), (61, 2)]
    assert (await RateLimit.get()).request_count == 2
    assert await rate_limits.clear("e", ip_address=ADDRESS) == 3
    assert not await RateLimit.exists()
    assert not await RollingRateLimit.exists()


async def test_delete_expired_leaves_what_still_counts(clock: None) -> None:
    first = await hit_at(START)
    await hit_at(START + WINDOW)
    await hit_at(START, ip_address="::1")
    await execute("UPDATE rolling_rate_limits SET expires_at = expires_at - ($1::timestamptz - now())", first.reset_at)
    await execute("UPDATE rolling_rate_limits SET expires_at = expires_at - interval '1 microsecond'")
    assert await rate_limits.delete_expired(batch_size=1) == 1
    assert (await RollingRateLimit.get()).ip_address == ADDRESS
    assert await rate_limits.delete_expired() == 0


async def test_a_hit_that_waited_counts_from_when_it_was_counted(clock_url: DatabaseUrl) -> None:
    connection = await connect(clock_url)
    async with database(clock_url):
        assert (await hit_at(START, 2)).allowed
        async with connection.transaction():
            await connection.execute("SELECT FROM rolling_rate_limits FOR UPDATE")
            late = asyncio.create_task(hit(2))
            await until(someone_waits_for_a_lock)
            await execute("UPDATE fake_time.clock SET time = $1", START + WINDOW - TENTH)
        assert (await late).allowed
        assert [(await hit_at(START + 1.2 * WINDOW, 2)).allowed for _ in range(2)] == [True, False]
    await connection.close()


async def test_hits_that_come_together_find_the_room_that_there_is_now(clock_url: DatabaseUrl) -> None:
    async with database(clock_url):
        for now, expected in ((START, 3), (START + 1.2 * WINDOW, 3), (START + 1.3 * WINDOW, 0)):
            await execute("UPDATE fake_time.clock SET time = $1", now)
            results = await asyncio.gather(*[hit() for _ in range(5)])
            assert sum(result.allowed for result in results) == expected
            assert {result.retry_after for result in results} <= {None, WINDOW + TENTH, WINDOW}


async def test_a_hit_that_waited_for_the_first_one_says_when_there_is_room(
    fresh_db: DatabaseUrl, connection: Connection[Record]
) -> None:
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO rolling_rate_limits (ip_address, endpoint, window_seconds, counts, expires_at) "
            "VALUES ($1, 'e', 60, 3 || array_fill(0, ARRAY[10]), now() + interval '50 seconds')",
            ADDRESS,
        )
        late = asyncio.create_task(hit())
        await until(someone_waits_for_a_lock)
    result = await late
    assert not result.allowed
    assert result.retry_after is not None
    assert timedelta(seconds=20) < result.retry_after < timedelta(seconds=50)


async def test_a_transaction_that_can_t_see_the_others_hits_is_refused(fresh_db: DatabaseUrl) -> None:
    async def hit_late() -> None:
        async with transaction("repeatable read"):
            await fetch_one("SELECT 1")  # takes the snapshot
            assert (await elsewhere(hit(1))).allowed
            await hit(1)

    with pytest.raises(TransactionConflictError):
        await hit_late()
    assert not (await hit(1)).allowed
