"""Turns on a counter: of what waits for its row one holds a connection, and the rest waits in memory.

Whoever keeps a counter locked would otherwise get every connection of the pool, one for each hit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

from medianest_models.db.client import Client
from medianest_models.db.statements import current_client
from medianest_models.errors import DatabaseTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator


CounterKey: TypeAlias = tuple[UUID | str, str]
"""A caller and an endpoint; an empty one for all of a caller's."""

_Queues: TypeAlias = dict[CounterKey, deque[asyncio.Future[None]]]
"""Who waits for each turn that somebody has."""

_queues: Final[WeakKeyDictionary[Client, _Queues]] = WeakKeyDictionary()


@asynccontextmanager
async def turn(counter: CounterKey) -> AsyncIterator[None]:
    """Wait for the turn on a counter, first come, first served, and have it for the length of an `async with`.

    Inside a transaction nobody waits: it has its connection already, and may be the one that locks the counter.

    Raises:
        DatabaseTimeoutError: It did not come within the time to wait for a connection.
    """
    client = current_client()
    if not isinstance(client, Client):
        yield
        return
    queues = _queues.setdefault(client, {})
    if counter in queues:
        await _wait(queues, counter, client.pool_timeout)
    else:
        queues[counter] = deque()
    try:
        yield
    finally:
        _end(queues, counter)


@contextmanager
def free_turns(counters: Iterable[CounterKey]) -> Iterator[set[CounterKey]]:
    """Have the turns that nobody has, for the length of a `with`, and wait for none."""
    client = current_client()
    assert isinstance(client, Client)  # noqa: S101 - inside a transaction each hit goes by itself
    queues = _queues.setdefault(client, {})
    free = {counter for counter in counters if counter not in queues}
    queues.update((counter, deque()) for counter in free)
    try:
        yield free
    finally:
        for counter in free:
            _end(queues, counter)


async def _wait(queues: _Queues, counter: CounterKey, seconds: float | None) -> None:
    came = asyncio.get_running_loop().create_future()
    queues[counter].append(came)
    try:
        async with asyncio.timeout(seconds):
            await came
    except BaseException as error:
        if came.done() and not came.cancelled():  # in the moment in which this ended
            _end(queues, counter)
        if not isinstance(error, TimeoutError):
            raise
    else:
        return
    raise DatabaseTimeoutError(f"a rate limit's counter was locked for longer than {seconds or 0:g} s")


def _end(queues: _Queues, counter: CounterKey) -> None:
    """Let the next one begin."""
    waiting = queues[counter]
    while waiting:
        came = waiting.popleft()
        if not came.done():
            came.set_result(None)
            return
    del queues[counter]
