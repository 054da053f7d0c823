"""Roll-ups and pruning while checks are added, removed and changed: every answer is that of the checks."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest

from medianest_models.db import transaction
from medianest_models.db.partitions import make_partitions
from medianest_models.db.statements import current_client, execute, fetch
from medianest_models.db.transaction_client import IsolationLevel
from medianest_models.enums import ServiceStatus
from medianest_models.errors import InvalidInputError, TransactionConflictError
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.repositories.services import Check, Uptime
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.service_reference import TICK, at, reference_incidents, reference_uptime

UP, DOWN = ServiceStatus.UP, ServiceStatus.DOWN
TICKS: Final = 600
"""The length of the windows that are compared: five hours from noon on."""


@pytest.fixture
async def plex(fresh_db: DatabaseUrl) -> Service:
    service = await Service.create(name="plex", display_name="Plex")
    await services.record_checks([Check("plex", UP, checked_at=at(tick)) for tick in range(0, TICKS, 9)])
    return service


async def answers_are_right() -> None:
    history = await ServiceStatusHistory.all()
    for since, until_ in ((0, TICKS), (7, 250), (120, 240)):
        window: dict[str, Any] = {"since": at(since), "until": at(until_)}
        assert await services.uptime("plex", **window) == reference_uptime(history, since, until_)
        assert await services.incidents("plex", **window) == reference_incidents(history, since, until_)


async def test_a_check_that_is_not_committed_yet_is_waited_for(plex: Service) -> None:
    async with transaction():
        await services.record_check("plex", status=DOWN, checked_at=at(130))
        assert await elsewhere(services.roll_up()) == 0
    await answers_are_right()
    assert await services.roll_up() > 0
    await answers_are_right()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM service_status_history WHERE checked_at = $1",
        "UPDATE service_status_history SET status = 'down' WHERE checked_at = $1",
        "UPDATE service_status_history SET checked_at = checked_at + interval '2 hours' WHERE checked_at = $1",
    ],
)
@pytest.mark.parametrize("first", [False, True])
async def test_a_change_that_is_not_committed_yet_is_waited_for(plex: Service, change: str, *, first: bool) -> None:
    if first:
        await services.roll_up()
    async with transaction():
        assert await execute(change, at(126)) == 1
        assert await elsewhere(services.roll_up()) == 0
    await answers_are_right()
    await services.roll_up()
    await answers_are_right()


async def test_a_check_waits_for_the_roll_up_of_its_hour(plex: Service) -> None:
    async with transaction():
        await current_client().execute_script("LOCK TABLE service_rollups IN SHARE ROW EXCLUSIVE MODE")
        rolling = elsewhere(services.roll_up())
        await until(someone_waits_for_a_lock)
        recording = elsewhere(services.record_check("plex", status=DOWN, checked_at=at(130)))
        await asyncio.sleep(0.1)
        assert not recording.done()
    await rolling
    await recording
    await answers_are_right()
    await services.roll_up()
    await answers_are_right()


@pytest.mark.parametrize("action", ["add", "remove"])
async def test_a_snapshot_from_before_the_roll_up_changes_its_hours(plex: Service, action: str) -> None:
    async with transaction("repeatable read"):
        await fetch("SELECT FROM services")
        assert await elsewhere(services.roll_up()) > 0
        if action == "add":
            await services.record_check("plex", status=DOWN, checked_at=at(130))
        else:
            await execute("DELETE FROM service_status_history WHERE checked_at = $1", at(126))
    await answers_are_right()
    await services.roll_up()
    await answers_are_right()


@pytest.mark.parametrize("pruned", [False, True])
async def test_a_snapshot_from_before_the_pruning_adds_no_check_to_what_is_final(
    plex: Service, *, pruned: bool
) -> None:
    if pruned:
        assert await services.prune_history(at(10)) > 0
    with pytest.raises(TransactionConflictError):  # noqa: PT012 - the transaction is what raises
        async with transaction("repeatable read"):
            await fetch("SELECT FROM services")
            assert await elsewhere(services.prune_history(at(360))) > 0
            await services.record_check("plex", status=DOWN, checked_at=at(130))


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_snapshot_from_before_a_check_rolls_up_nothing(plex: Service, isolation: IsolationLevel) -> None:
    calls: list[tuple[Any, list[datetime]]] = [(services.roll_up, []), (services.prune_history, [at(360)])]
    for call, arguments in calls:
        with pytest.raises(InvalidInputError, match="read committed"):  # noqa: PT012 - the transaction is what raises
            async with transaction(isolation):
                await fetch("SELECT FROM services")
                await elsewhere(services.record_check("plex", status=DOWN, checked_at=at(130)))
                await call(*arguments)
    await answers_are_right()
    await services.roll_up()
    await answers_are_right()


async def test_marks_of_hours_that_are_not_rolled_up_yet_wait_for_their_turn(plex: Service) -> None:
    async with transaction("repeatable read"):
        await services.record_check("plex", status=DOWN, checked_at=at(410))
    assert await services.roll_up() == len(range(0, TICKS, 120)) + 1  # the last check counts into the hour after it
    await answers_are_right()
    assert await fetch("SELECT FROM stale_service_hours") == []


async def test_a_late_check_changes_the_hour_into_which_it_counts(plex: Service) -> None:
    await execute("DELETE FROM service_status_history WHERE checked_at BETWEEN $1 AND $2", at(230), at(250))
    await services.roll_up()
    await services.record_check("plex", status=DOWN, checked_at=at(238))
    await answers_are_right()
    assert await services.roll_up() == 2
    await answers_are_right()


async def test_late_checks_do_not_wait_for_each_other(plex: Service) -> None:
    await execute("DELETE FROM kept_history")  # as before the first removal
    async with transaction():
        await services.record_check("plex", status=DOWN, checked_at=at(130))
        await asyncio.wait_for(elsewhere(services.record_check("plex", status=UP, checked_at=at(131))), 30)
    await answers_are_right()


async def test_a_roll_up_that_is_cancelled_anywhere_leaves_every_answer_right(plex: Service) -> None:
    everything = 0
    for seconds in (0.0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02):
        task = elsewhere(services.roll_up())
        await asyncio.sleep(seconds)
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
        everything += done[0] if isinstance(done[0], int) else 0
        await answers_are_right()
    await services.roll_up()
    await answers_are_right()


async def test_checks_of_a_time_whose_checks_were_removed_are_refused(plex: Service) -> None:
    before = await services.uptime("plex", since=at(7), until=at(TICKS))
    incidents = await services.incidents("plex", since=at(7), until=at(TICKS))
    removed = await services.prune_history(at(245))
    assert removed == len(range(0, 245, 9))
    for late in (at(0), at(244), at(359)):
        with pytest.raises(InvalidInputError, match=r"^checked_at: checks of that time were removed"):
            await services.record_check("plex", status=DOWN, checked_at=late)
        with pytest.raises(InvalidInputError, match=r"^checked_at: checks of that time were removed"):
            await services.record_checks([Check("plex", UP), Check("plex", DOWN, checked_at=late)])
    await services.record_check("plex", status=UP, checked_at=at(360))
    await services.roll_up()
    assert await services.uptime("plex", since=at(7), until=at(TICKS)) == before
    assert await services.incidents("plex", since=at(7), until=at(TICKS)) == incidents


async def test_removing_the_first_checks_that_are_kept_changes_no_hour_that_is_final(plex: Service) -> None:
    await services.prune_history(at(245))
    before = await services.uptime("plex", since=at(0), until=at(360))
    await execute("DELETE FROM service_status_history WHERE checked_at < $1", at(350))
    await services.roll_up()
    assert await services.uptime("plex", since=at(0), until=at(360)) == before


async def test_nothing_is_pruned_that_is_not_rolled_up(plex: Service) -> None:
    async with transaction():
        await services.record_check("plex", status=DOWN, checked_at=at(130))
        assert await elsewhere(services.prune_history(at(360))) == 0
    assert await services.prune_history(at(360)) > 0
    found = await services.uptime("plex", since=at(0), until=at(360))
    assert found is not None
    assert found.down == 5 * TICK  # until the next check


async def test_nothing_is_pruned_while_a_check_is_not_committed(plex: Service) -> None:
    await services.roll_up()
    async with transaction():
        await services.record_check("plex", status=DOWN, checked_at=at(130))
        assert await elsewhere(services.prune_history(at(360))) == 0
    await answers_are_right()


@pytest.mark.parametrize("remove", [services.drop_history, services.prune_history])
async def test_nothing_is_removed_while_a_service_is_not_committed(plex: Service, remove: Any) -> None:
    await make_partitions("service_status_history", since=at(0))
    async with transaction():
        await Service.create(name="new", display_name="New")
        await services.record_checks([Check("new", UP, checked_at=at(tick)) for tick in range(0, TICKS, 9)])
        assert await elsewhere(remove(datetime(2026, 3, 1, tzinfo=UTC))) == 0
    assert await remove(datetime(2026, 3, 1, tzinfo=UTC)) > 0
    expected = Uptime(at(0), at(300), 300 * TICK, timedelta(), timedelta())
    assert await services.uptime("new", since=at(0), until=at(300)) == expected


async def test_a_check_counts_beyond_the_bound_of_pruning(plex: Service) -> None:
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    await services.record_check("plex", status=DOWN, checked_at=hour - timedelta(minutes=1))
    window: dict[str, Any] = {"since": hour - timedelta(hours=1), "until": now}
    before = await services.uptime("plex", **window)
    assert await services.prune_history(now) > 0
    assert await services.uptime("plex", **window) == before


# Everything at once, in several processes

_PATIENCE: Final = 40
_WRITTEN: Final = """
CREATE TABLE written (LIKE service_status_history);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO written SELECT * FROM added; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON service_status_history REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note()
"""


async def write(seconds: float, seed: int) -> int:
    """Record checks in any order, until some of the time are refused."""
    choose = random.Random(seed)  # noqa: S311 - no secret
    end, refused = asyncio.get_running_loop().time() + seconds, 0
    while (left := end - asyncio.get_running_loop().time()) > 0 or (not refused and left > -_PATIENCE):
        some = [(choose.randrange(TICKS), choose.choice([UP, DOWN])) for _ in range(choose.randrange(1, 5))]
        try:
            await services.record_checks([Check("plex", status, checked_at=at(tick)) for tick, status in some])
        except InvalidInputError:
            refused += 1
    return refused


async def some_are_removed() -> bool:
    return bool(await fetch("SELECT FROM kept_history WHERE begins_at > $1", at(0)))


async def look_after(seconds: float) -> int:
    """Roll up, and remove ever later checks, until some are removed: that has to find a moment without a writer."""
    loop = asyncio.get_running_loop()
    began, removed = loop.time(), 0
    while (passed := loop.time() - began) < seconds or (passed < seconds + _PATIENCE and not await some_are_removed()):
        await services.roll_up()
        if passed > seconds / 2:
            removed += await services.prune_history(at(int(TICKS * (min(passed / seconds, 1) - 0.5))))
    return removed


async def test_every_snapshot_is_right_while_all_of_it_happens(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex")
    await current_client().execute_script(_WRITTEN)
    in_processes = partial(run_in_processes, url=fresh_db, connected=True, timeout=8 + 2 * _PATIENCE)
    writers = asyncio.create_task(asyncio.to_thread(in_processes, write, 2, 8.0, 7))
    keepers = asyncio.create_task(asyncio.to_thread(in_processes, look_after, 2, 8.0))
    compared = 0
    while not (writers.done() and keepers.done()):
        since = random.randrange(TICKS - 1)  # noqa: S311 - no secret
        end = random.randrange(since + 1, TICKS)  # noqa: S311 - no secret
        async with transaction("repeatable read"):
            history = [ServiceStatusHistory.from_row(row) for row in await fetch("SELECT * FROM written")]
            uptime = await services.uptime("plex", since=at(since), until=at(end))
            incidents = await services.incidents("plex", since=at(since), until=at(end))
        assert uptime == reference_uptime(history, since, end)
        assert incidents == reference_incidents(history, since, end)
        compared += 1
    assert compared > 5
    refused, removed = await writers, await keepers
    assert all(isinstance(number, int) and number > 0 for number in refused), refused
    assert any(isinstance(number, int) and number > 0 for number in removed), removed
