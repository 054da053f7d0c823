"""Counting: many hits in one statement, each exactly.

Of those that wait for a counter's row one holds a connection, and the rest waits in memory: whoever keeps a counter
locked would otherwise get every connection of the pool, one for each hit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import accumulate
from math import ceil
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

from asyncpg import Record

from medianest_models.db.client import Client
from medianest_models.db.data_loader import DataLoader, Retry
from medianest_models.db.statements import StatementClient, current_client, fetch, in_steps
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError, replace_errors
from medianest_models.repositories.rate_limits.statements import count_hits
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS, default_value

_LOCK_NOT_AVAILABLE: Final = "55P03"

CounterKey: TypeAlias = tuple[UUID | str, str]
"""A caller and an endpoint; an empty one for all of a caller's."""

_Locks: TypeAlias = WeakValueDictionary[CounterKey, asyncio.Lock]
"""The locks that somebody has or waits for."""

_locks: Final[WeakKeyDictionary[Client, _Locks]] = WeakKeyDictionary()


class Hit(NamedTuple):
    """One use of an endpoint by a user or an address.

    The first setting of `keys` that exists holds the limit and the window, where these are None.
    """

    caller: UUID | str
    endpoint: str
    keys: tuple[str, ...]
    limit: int | None
    window_seconds: int | None


class Count(NamedTuple):
    """The outcome of a hit."""

    number: int | None
    """The hit's position among the counted ones, from 1; None if it is rejected, and so not counted."""
    limit: int
    reset_at: datetime
    """The time from which none of the counted hits counts any more."""
    time_left: timedelta | None
    """The time until another hit is allowed; None if one is allowed now."""


@asynccontextmanager
async def turn(counter: CounterKey) -> AsyncIterator[None]:
    """Have a counter to oneself in this process, first come, first served.

    Inside a transaction nobody waits: it has its connection already, and may be the one that locks the row.

    Raises:
        DatabaseTimeoutError: That took longer than a connection may be waited for, or the block took longer than a call
            may, including the wait.
    """
    client = current_client()
    if not isinstance(client, Client):
        yield
        return
    lock = _locks.setdefault(client, WeakValueDictionary()).setdefault(counter, asyncio.Lock())
    with replace_errors(TimeoutError, lambda _: DatabaseTimeoutError()):
        async with asyncio.timeout(client.longest_call):
            try:
                async with asyncio.timeout(client.pool_timeout):
                    await lock.acquire()
            except TimeoutError:
                seconds = client.pool_timeout or 0
                problem = f"a rate limit's counter was locked for longer than {seconds:g} s"
                raise DatabaseTimeoutError(problem, sent=False) from None
            try:
                yield
            finally:
                lock.release()


@asynccontextmanager
async def free_turns(counters: Iterable[CounterKey]) -> AsyncIterator[Iterable[CounterKey]]:
    """Have those counters that nobody has or waits for, and wait for none."""
    client = current_client()
    assert isinstance(client, Client)  # noqa: S101 - inside a transaction each hit goes by itself
    locks = _locks.setdefault(client, WeakValueDictionary())
    free = {counter: asyncio.Lock() for counter in counters if counter not in locks}
    locks.update(free)
    for lock in free.values():
        await lock.acquire()  # at once, because it is new
    try:
        yield free
    finally:
        for lock in free.values():
            lock.release()


class _Counters:
    """The counters of one kind, for callers identified by one column."""

    def __init__(self, caller: str, type_: str, *, rolling: bool) -> None:
        self._statement = count_hits(caller, type_, rolling=rolling)
        self._read = _read_rolling if rolling else _read_fixed

    async def count(self, hit: Hit, *, client: StatementClient) -> Count:
        """Count a hit."""
        async with turn((hit.caller, hit.endpoint)):
            (count,) = await self._count_equal(hit, 1, client)
        return count

    async def count_together(self, hits: list[Hit]) -> list[Count | Retry]:
        """Count hits, equal ones in any order; return `Retry.ALONE` for those whose counter is locked or full."""
        times = Counter(hits)
        if len(times) == 1:
            async with turn((hits[0].caller, hits[0].endpoint)):
                return list(await self._count_equal(hits[0], len(hits)))
        by_counter = {(hit.caller, hit.endpoint): hit for hit in times}
        async with free_turns(by_counter) as free:
            asked = {by_counter[counter]: times[by_counter[counter]] for counter in free}
            try:
                rows = await fetch(self._statement, *_parameters(asked, hurried=True)) if asked else []
            except DatabaseTimeoutError as error:
                if error.sqlstate != _LOCK_NOT_AVAILABLE:  # it may have been counted
                    raise
                rows = []
        by_number = list(asked.items())
        counted = {}
        for row in rows:
            hit, several = by_number[row["number"] - 1]
            count, _ = self._read(row)
            if count.number is not None:
                counted[hit] = _each(count, count.number, several)
        return [next(counted[hit]) if hit in counted else Retry.ALONE for hit in hits]

    async def _count_equal(self, hit: Hit, times: int, client: StatementClient | None = None) -> list[Count]:
        counts: list[Count] = []
        together = times
        while len(counts) < times:
            with in_steps() if counts else nullcontext():
                rows = await fetch(self._statement, *_parameters({hit: together}, hurried=False), client=client)
            if not rows:
                raise ConfigurationError(
                    f"the setting {' or '.join(hit.keys)} in system_config must hold a limit and a window (in seconds, "
                    f"at most {LONGEST_WINDOW_SECONDS}) in whole numbers"
                )
            count, used = self._read(rows[0])
            if count.number is not None:
                counts.extend(_each(count, count.number, together))
                together = min(count.limit - count.number, times - len(counts))
            else:
                together = min(count.limit - used, together - 1)
            if together <= 0 and count.time_left is None:  # another hit is allowed again since one was rejected
                together = 1
            elif together <= 0:
                counts.extend([count._replace(number=None)] * (times - len(counts)))
        return counts


def _parameters(times: dict[Hit, int], *, hurried: bool) -> Iterator[Any]:
    defaults = [default_value(hit.keys[-1]) for hit in times]
    yield [hit.caller for hit in times]
    yield [hit.endpoint for hit in times]
    yield list(times.values())
    yield [hit.keys[0] for hit in times]
    yield [hit.keys[-1] for hit in times]
    yield [hit.limit for hit in times]
    yield [hit.window_seconds for hit in times]
    yield [default["limit"] for default in defaults]
    yield [default["window"] for default in defaults]
    yield hurried


def _read_fixed(row: Record) -> tuple[Count, int]:
    """Read a counter from a statement's row, and the number of counted hits if several were rejected."""
    return Count(row["request_count"], row["hits"], row["reset_at"], row["time_left"]), row["used"] or 0


def _read_rolling(row: Record) -> tuple[Count, int]:
    counts, part = row["counts"] or [], timedelta(seconds=row["seconds"]) / 10
    reset_at = row["expires_at"] or row["now"]
    left = reset_at - row["now"]
    used = list(accumulate(counts[: max(0, ceil(left / part))]))  # for the newest part, the newest two, and so on
    time_left = next((left - age * part for age, several in enumerate(used) if several >= row["hits"]), None)
    return Count(sum(counts) if row["is_counted"] else None, row["hits"], reset_at, time_left), used[-1] if used else 0


def _each(count: Count, last: int, times: int) -> Iterator[Count]:
    """Yield the result of each hit, counted back from the number of the last one."""
    for number in range(last - times + 1, last + 1):
        yield count._replace(number=number)


COUNT_BY: Final = {
    (column, rolling): DataLoader(counters.count, counters.count_together)
    for column, type_ in (("user_id", "uuid"), ("ip_address", "text"))
    for rolling in (False, True)
    for counters in (_Counters(column, type_, rolling=rolling),)
}
"""The loaders that count a hit, by the caller's column and the kind of counter."""
