"""Observers of statements, and of the waits for a connection: who counts or traces what this package's clients send.

An observer is called for each statement, in the task that sends it, and returns a context manager, which is left when
the statement is over: with the exception that it raised, if any. It must not swallow that exception, nor raise one.
While there is no observer, a statement costs a look at each of two empty lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import Context, ContextVar, copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from medianest_models.db.client import Client
    from medianest_models.db.statements import StatementClient

T = TypeVar("T")

Observer: TypeAlias = "Callable[[StatementClient, str, Sequence[Any]], AbstractContextManager[object]]"
"""Called with the client, the SQL, which holds no values, and the parameters, which may be secrets."""

observers: Final[list[Observer]] = []
"""Who observes the statements of this process: append an observer, and remove it in the end."""


def observed(client: StatementClient, sql: str, parameters: Sequence[Any]) -> AbstractContextManager[object]:
    """Tell the observers of the statement that is run in a `with` block, the wait for its connection included."""
    if len(observers) == 1:
        return observers[0](client, sql, parameters)
    return _observed_by_all(client, sql, parameters)


@contextmanager
def _observed_by_all(client: StatementClient, sql: str, parameters: Sequence[Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for observer in tuple(observers):
            stack.enter_context(observer(client, sql, parameters))
        yield


wait_observers: Final[list[Callable[[Client, float], object]]] = []
"""Called with a pool and the seconds in which a call got a connection of it, or did not."""


async def observed_wait(pool: Client, acquire: Callable[[None], Awaitable[T]]) -> T:
    """Wait for a connection for as long as the pool allows, and tell the observers how long that took."""
    started = perf_counter()
    try:
        return await acquire(None)
    finally:
        for observer in tuple(wait_observers):
            observer(pool, perf_counter() - started)


answered_calls: Final[ContextVar[Sequence[Context]]] = ContextVar("answered_calls", default=())
"""While a data loader's statement runs: the context of each call that it answers; empty around every other one."""

_contexts: Final[WeakKeyDictionary[asyncio.Future[Any], Context]] = WeakKeyDictionary()


def note_call(call: asyncio.Future[Any]) -> None:
    """Remember the context of a call that waits for a data loader's statement."""
    _contexts[call] = copy_context()


def note_batch(calls: Iterable[asyncio.Future[Any]]) -> None:
    """Set `answered_calls` for the rest of this task."""
    answered_calls.set([_contexts[call] for call in calls if call in _contexts])
