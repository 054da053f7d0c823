"""Concurrent calls become one statement, and each gets the result that it would get alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from medianest_models.db import connect_database, database, disconnect_database, transaction
from medianest_models.db.data_loader import DataLoader, Retry
from medianest_models.db.statements import StatementClient, fetch, fetch_one
from medianest_models.errors import DatabaseUnavailableError, InvalidInputError, StatementError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE, assert_whole, client
from tests.locks import until

T = TypeVar("T")

# A number returns itself; 0 raises an error, and -n sleeps for n seconds.
_ANSWER = """
SELECT 1 / n * 0 + n AS answer, CASE WHEN n < 0 THEN pg_sleep(-n) END
FROM unnest($1::int[]) WITH ORDINALITY AS asked (n, place) ORDER BY place
"""


class Statement:
    """A statement that records its calls."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def one(self, number: int, *, client: StatementClient) -> int:
        self.asked.append([number])
        row = await fetch_one(_ANSWER, [number], client=client)
        assert row is not None
        return int(row["answer"])

    async def many(self, numbers: list[int]) -> Sequence[int | Retry]:
        self.asked.append(numbers)
        return [row["answer"] for row in await fetch(_ANSWER, numbers)]

    async def until_asked(self, times: int = 1) -> None:
        while len(self.asked) < times:  # noqa: ASYNC110 - a statement says nothing
            await asyncio.sleep(0)


class Held(Statement):
    """A statement that ends when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[asyncio.Future[None]] = []

    async def many(self, numbers: list[int]) -> Sequence[int | Retry]:
        self.ends.append(asyncio.get_running_loop().create_future())
        self.asked.append(numbers)
        await self.ends[-1]
        return numbers


@pytest.fixture
def statement() -> Statement:
    return Statement()


@pytest.fixture
def ask(statement: Statement) -> DataLoader[int, int]:
    return DataLoader(statement.one, statement.many)


def loader_of(ask: Callable[[list[int]], Awaitable[Sequence[T | Retry]]]) -> DataLoader[int, T]:
    """Make a loader that uses one statement for single calls too."""

    async def ask_one(number: int, *, client: StatementClient) -> T:
        (answer,) = await ask([number])
        assert not isinstance(answer, Retry)
        return answer

    return DataLoader(ask_one, ask)


async def test_a_call_without_company_runs_in_the_callers_own_task(fresh_db: DatabaseUrl) -> None:
    async def one(number: int, *, client: StatementClient) -> asyncio.Task[Any] | None:
        return asyncio.current_task()

    async def many(numbers: list[int]) -> list[asyncio.Task[Any] | None]:
        return [asyncio.current_task()] * len(numbers)

    ask = DataLoader(one, many)
    assert await ask(1) is asyncio.current_task()
    first, second = await asyncio.gather(ask(1), ask(2))
    assert first is second
    async with transaction():
        assert await ask(1) is asyncio.current_task()


async def test_calls_that_come_meanwhile_are_the_next_one(fresh_db: DatabaseUrl) -> None:
    statement = Held()
    ask = loader_of(statement.many)
    first = asyncio.create_task(ask(100))
    await statement.until_asked()
    numbers = range(1, 8)
    others = []
    for number in numbers:
        others.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(0)
    statement.ends[0].set_result(None)
    await statement.until_asked(2)
    statement.ends[1].set_result(None)
    assert await asyncio.gather(first, *others) == [100, *numbers]
    assert statement.asked == [[100], [*numbers]]


async def test_there_are_so_many_in_a_statement(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    numbers = list(range(1, 501))
    assert await asyncio.gather(*map(ask, numbers)) == numbers
    assert [len(asked) for asked in statement.asked] == [200, 200, 100]


async def test_a_statement_that_takes_long_is_not_waited_for(fresh_db: DatabaseUrl, ask: DataLoader[int, int]) -> None:
    long = asyncio.create_task(ask(-PATIENCE))
    await asyncio.sleep(0.01)
    assert await asyncio.wait_for(asyncio.gather(*map(ask, (1, 2))), PATIENCE / 2) == [1, 2]
    assert not long.done()
    long.cancel()


async def test_an_error_is_that_of_its_own_call(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    answers = await asyncio.gather(*map(ask, (1, 0, 2, 2**40, 0, 3, 3)), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == [1, 2, 3, 3]
    zero, too_large, other_zero = (answer for answer in answers if isinstance(answer, Exception))
    assert isinstance(zero, StatementError)
    assert isinstance(other_zero, StatementError)
    assert zero.sqlstate == other_zero.sqlstate == "22012"
    assert zero is not other_zero
    assert isinstance(too_large, InvalidInputError)
    assert sorted(statement.asked[1:]) == [[0, 0], [1], [2], [3, 3], [2**40]]


async def test_what_a_statement_can_not_answer_is_retried_alone(fresh_db: DatabaseUrl) -> None:
    asked = []

    async def odd_ones_alone(numbers: list[int]) -> Sequence[int | Retry]:
        asked.append(numbers)
        return [Retry.ALONE if number % 2 and len(set(numbers)) > 1 else number for number in numbers]

    assert await asyncio.gather(*map(loader_of(odd_ones_alone), (1, 2, 3, 1, 4))) == [1, 2, 3, 1, 4]
    assert asked == [[1, 2, 3, 1, 4], [1, 1], [3]]


async def test_a_lost_connection_is_told_to_all_and_nothing_is_repeated(fresh_db: DatabaseUrl) -> None:
    times = 0

    async def lose(numbers: list[int]) -> list[int]:
        nonlocal times
        times += 1
        await fetch("SELECT pg_terminate_backend(pg_backend_pid())")
        return numbers

    errors = await asyncio.gather(*map(loader_of(lose), range(5)), return_exceptions=True)
    assert [type(error) for error in errors] == [DatabaseUnavailableError] * 5
    assert len({id(error) for error in errors}) == 5
    assert times == 1


async def test_a_call_that_is_cancelled_leaves_the_others_alone(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    early, late, other = (asyncio.create_task(ask(number)) for number in (1, 2, 3))
    await asyncio.sleep(0)  # all three wait in the batch
    early.cancel()
    await statement.until_asked()
    late.cancel()
    assert await other == 3
    assert (early.cancelled(), late.cancelled()) == (True, True)
    assert statement.asked == [[2, 3]]


async def test_a_call_that_is_cancelled_while_it_looks_for_company_leaves_the_others_alone(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    first, another, *others = (asyncio.create_task(ask(number)) for number in (1, 0, 2, 3))
    await asyncio.sleep(0)
    first.cancel()
    another.cancel()
    assert await asyncio.wait_for(asyncio.gather(*others), PATIENCE) == [2, 3]
    assert statement.asked == [[2, 3]]
    lonely = asyncio.create_task(ask(4))
    await asyncio.sleep(0)
    lonely.cancel()
    assert await asyncio.wait_for(ask(5), PATIENCE) == 5
    assert statement.asked == [[2, 3], [5]]


async def test_a_call_that_is_cancelled_in_its_own_statement_lets_the_next_ones_go(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    lone = asyncio.create_task(ask(-PATIENCE))
    await statement.until_asked()
    others = [asyncio.create_task(ask(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    lone.cancel()
    assert await asyncio.wait_for(asyncio.gather(*others), PATIENCE / 2) == [1, 2]
    assert await asyncio.wait_for(ask(3), PATIENCE / 2) == 3
    await assert_whole(client())


async def test_a_statement_that_is_cancelled_from_outside_cancels_its_calls(fresh_db: DatabaseUrl) -> None:
    async def end(numbers: list[int]) -> list[int]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()  # as at the event loop's end
        await asyncio.sleep(PATIENCE)
        return numbers

    calls = [asyncio.create_task(loader(1)) for loader in [loader_of(end)] * 2]
    await asyncio.wait(calls, timeout=PATIENCE / 4)
    assert [call.cancelled() for call in calls] == [True, True]


async def test_a_late_statement_lets_nobody_overtake_the_one_that_has_its_turn(fresh_db: DatabaseUrl) -> None:
    statement = Held()
    ask = loader_of(statement.many)
    late = asyncio.create_task(ask(1))
    await statement.until_asked()
    current = asyncio.create_task(ask(2))
    await statement.until_asked(2)
    third = asyncio.create_task(ask(3))
    await asyncio.sleep(0)
    statement.ends[0].set_result(None)
    assert await late == 1
    await asyncio.sleep(0)
    assert len(statement.asked) == 2
    statement.ends[1].set_result(None)
    assert await current == 2
    await statement.until_asked(3)
    statement.ends[2].set_result(None)
    assert await third == 3


async def test_a_call_that_is_cancelled_as_its_statement_ends_leaves_the_next_ones_alone(fresh_db: DatabaseUrl) -> None:
    statement = Held()
    ask = loader_of(statement.many)
    first, second = asyncio.create_task(ask(1)), asyncio.create_task(ask(2))
    await statement.until_asked()
    third = asyncio.create_task(ask(3))
    await asyncio.sleep(0)
    statement.ends[0].set_result(None)
    first.cancel()
    second.cancel()
    await statement.until_asked(2)
    for _ in range(5):
        await asyncio.sleep(0)  # the cancelled ones have ended
    assert (first.cancelled(), second.cancelled(), statement.ends[1].done()) == (True, True, False)
    statement.ends[1].set_result(None)
    assert await third == 3


if sys.version_info >= (3, 12):

    async def test_eager_tasks(fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        try:
            assert await asyncio.wait_for(asyncio.gather(*map(ask, (3, 1, 2))), PATIENCE) == [3, 1, 2]
        finally:
            loop.set_task_factory(None)
        assert statement.asked == [[3, 1, 2]]


async def test_inside_a_transaction_each_is_a_statement_of_its_own(
    fresh_db: DatabaseUrl, ask: DataLoader[int, int], statement: Statement
) -> None:
    async def backends(numbers: list[int]) -> list[tuple[int, int]]:
        (row,) = await fetch("SELECT pg_backend_pid() AS pid, count(*) AS rows FROM users")
        return [(row["pid"], row["rows"])] * len(numbers)

    async def inside() -> None:
        async with transaction():
            await fetch("INSERT INTO users (plex_id, plex_username) VALUES ('a', 'a')")
            inserted.set()
            (row,) = await fetch("SELECT pg_backend_pid() AS pid")
            assert [await seen(0), *await asyncio.gather(seen(1), seen(2))] == [(row["pid"], 1)] * 3
            assert await asyncio.gather(*map(ask, (1, 2))) == [1, 2]
            await seen_outside.wait()

    async def outside() -> None:
        await inserted.wait()
        assert {rows for _, rows in await asyncio.gather(*map(seen, range(5)))} == {0}
        seen_outside.set()

    seen = loader_of(backends)
    inserted, seen_outside = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(inside(), outside())
    assert sorted(statement.asked) == [[1], [2]]


async def test_not_connected_and_connected_anew(fresh_url: DatabaseUrl, ask: DataLoader[int, int]) -> None:
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await ask(1)
    for _ in range(2):
        async with database(fresh_url):
            assert await asyncio.gather(*map(ask, (1, 2))) == [1, 2]
    await connect_database(fresh_url)
    left = asyncio.create_task(ask(1))
    await asyncio.sleep(0)
    await disconnect_database()
    (outcome,) = await asyncio.gather(left, return_exceptions=True)
    assert outcome == 1 or isinstance(outcome, DatabaseUnavailableError)
    async with database(fresh_url):
        assert await ask(3) == 3


async def test_another_event_loop_is_refused(fresh_db: DatabaseUrl, ask: DataLoader[int, int]) -> None:
    async def elsewhere() -> None:
        for _ in range(50):
            with pytest.raises(DatabaseUnavailableError, match="on another event loop"):
                await asyncio.wait_for(ask(1), PATIENCE / 4)

    thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    while not thread.done():  # so that a statement is always running
        assert await ask(2) == 2
    await thread


async def test_a_statement_that_nobody_waits_for_is_ended(fresh_db: DatabaseUrl, ask: DataLoader[int, int]) -> None:
    async def sleepers() -> int:
        (row,) = await fetch("SELECT count(*) AS rows FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        return int(row["rows"])

    async def until_there_are(number: int) -> None:
        async def are_there() -> bool:
            return await sleepers() == number

        await until(are_there, seconds=PATIENCE / 2)

    one, other = (asyncio.create_task(ask(-PATIENCE)) for _ in range(2))
    await until_there_are(1)
    one.cancel()
    await asyncio.sleep(0.1)
    assert await sleepers() == 1
    other.cancel()
    await until_there_are(0)
    assert await ask(1) == 1
    await assert_whole(client())
