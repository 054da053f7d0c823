"""Removing old checks."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.db import database, transaction
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.enums import ServiceStatus
from medianest_models.errors import InvalidInputError
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.repositories.services import Check
from tests.processes import run_in_processes

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def add(service: str, instants: list[datetime]) -> None:
    await Service.get_or_create(name=service, defaults={"display_name": "S"})
    await services.record_checks([Check(service, ServiceStatus.UP, checked_at=instant) for instant in instants])


async def left() -> int:
    return await ServiceStatusHistory.all().count()


async def until_some_are_gone(count: int) -> None:
    async with asyncio.timeout(30):
        while await left() == count:
            pass


async def now() -> datetime:
    row = await fetch_one("SELECT now()")
    assert row is not None
    instant: datetime = row["now"]
    return instant


@pytest.mark.parametrize("batch_size", [1, 3, 4, 12, 1000])
async def test_prune_history_removes_what_is_older(db: DatabaseUrl, batch_size: int) -> None:
    today = await now()
    await add("a", [today - n * DAY for n in range(16)])
    await add("b", [today - n * DAY for n in range(16)])
    await add("c", [today])
    assert await services.prune_history(4 * DAY, batch_size=batch_size) == 22
    rows = await fetch("SELECT DISTINCT checked_at FROM service_status_history ORDER BY 1 DESC")
    assert [row["checked_at"] for row in rows] == [today - n * DAY for n in range(5)]
    assert await left() == 5 + 5 + 1
    assert await services.prune_history(4 * DAY, batch_size=batch_size) == 0


async def test_a_day_has_24_hours_in_every_time_zone(db: DatabaseUrl) -> None:
    await execute("SET LOCAL TIME ZONE 'XXX0YYY,J1/0,J183/0'")  # summer in the first half of the year
    today, age = await now(), 182 * DAY
    await add("a", [today - age - timedelta(minutes=1), today - age + timedelta(minutes=1)])
    assert await services.prune_history(age) == 1


async def test_prune_history_until_an_instant(db: DatabaseUrl) -> None:
    await add("a", [LONG_AGO, LONG_AGO + DAY, LONG_AGO + 2 * DAY])
    assert await services.prune_history(LONG_AGO + DAY) == 1
    assert await left() == 2


async def test_checks_of_one_instant_go_over_the_edge_of_a_batch(db: DatabaseUrl) -> None:
    await add("a", [LONG_AGO] * 10)
    assert await services.prune_history(DAY, batch_size=3) == 10
    assert await left() == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"older_than": timedelta()}, "older_than"),
        ({"older_than": -DAY}, "older_than"),
        ({"older_than": 30}, "older_than"),
        ({"older_than": datetime(2026, 1, 1)}, "older_than"),  # noqa: DTZ001 - that is the point
        ({"older_than": timedelta.max}, "out of range"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"batch_size": 2**31}, "batch_size"),
    ],
)
async def test_bad_arguments_are_refused(fresh_db: DatabaseUrl, arguments: dict[str, Any], name: str) -> None:
    await add("a", [LONG_AGO])
    arguments = {"older_than": DAY, **arguments}
    with pytest.raises(InvalidInputError, match=name):
        await services.prune_history(arguments.pop("older_than"), **arguments)
    assert await left() == 1


async def prune() -> int:
    return await services.prune_history(DAY, batch_size=10)


def test_prunes_at_once_share_the_work(fresh_url: DatabaseUrl) -> None:
    async def fill() -> None:
        async with database(fresh_url):
            await add("a", [LONG_AGO + n * DAY for n in range(1000)])

    async def count() -> int:
        async with database(fresh_url):
            return await left()

    asyncio.run(fill())
    outcomes = run_in_processes(prune, 4, url=fresh_url, connected=True)
    assert sum(outcomes) == 1000
    assert asyncio.run(count()) == 0


async def test_a_prune_waits_for_no_lock(fresh_db: DatabaseUrl) -> None:
    await add("a", [LONG_AGO + n * DAY for n in range(10)])
    begin = asyncio.Event()

    async def prune_later() -> int:
        await begin.wait()
        return await services.prune_history(DAY, batch_size=2)

    task = asyncio.create_task(prune_later())
    async with transaction():
        await fetch("SELECT 1 FROM service_status_history ORDER BY checked_at LIMIT 3 FOR UPDATE")
        begin.set()
        async with asyncio.timeout(10):
            assert await task == 7
    assert await services.prune_history(DAY, batch_size=2) == 3


SLOW_PRUNE = """
import asyncio, datetime
from medianest_models.db import database
from medianest_models.repositories import services

async def main():
    async with database():
        await services.prune_history(datetime.timedelta(days=1), batch_size=1)

asyncio.run(main())
"""


async def test_a_prune_that_is_killed_keeps_what_it_did_and_can_be_run_again(fresh_db: DatabaseUrl) -> None:
    count = 3000
    await add("a", [LONG_AGO + n * timedelta(minutes=1) for n in range(count)])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SLOW_PRUNE, cwd=Path(__file__).parents[2])
    try:
        await until_some_are_gone(count)
    finally:
        process.kill()
        assert await process.wait() == -signal.SIGKILL
    remaining = await left()
    assert 0 < remaining < count
    assert await services.prune_history(DAY) in {remaining, remaining - 1}  # the last batch may just be ending
    assert await left() == 0


async def test_a_prune_that_is_cancelled_keeps_what_it_did(fresh_db: DatabaseUrl) -> None:
    await add("a", [LONG_AGO + n * timedelta(minutes=1) for n in range(3000)])
    task = asyncio.create_task(services.prune_history(DAY, batch_size=1))
    await until_some_are_gone(3000)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 0 < await left() < 3000
    assert await execute("DELETE FROM services") == 1
