"""Reading from standbys: `async with reading():`, and the token of a write that must be visible there."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, ParamSpec, TypeVar

from tortoise.connection import get_connections

from medianest_models.checks import as_duration
from medianest_models.db.client import Client
from medianest_models.db.reading_client import ReadingClient
from medianest_models.db.standbys import WalPosition, choose_standby
from medianest_models.db.statements import current_client, fetch
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import MedianestError, ReadingError
from medianest_models.settings import DEFAULT_ALIAS

P = ParamSpec("P")
T = TypeVar("T")

_IN_TRANSACTION: Final = "must be called outside of the transaction, because a standby sees only what is committed"
_LAST_WRITE: Final = """
SELECT pg_walfile_name(pg_current_wal_flush_lsn()) AS file,
       CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
       ELSE pg_current_wal_flush_lsn() END AS lsn
"""
_TIMELINE_DIGITS: Final = 8  # at the beginning of the file's name, hexadecimal

_in_a_block: Final = ContextVar("in_a_block", default=False)
"""Whether this task is inside a block of `reading`, or was begun there; quicker than asking for its client."""


@asynccontextmanager
async def reading(*, after: str | None = None, wait: timedelta | None = None) -> AsyncIterator[None]:
    """Let a standby of `DATABASE_REPLICA_URL` answer what is read inside the `async with` block.

    A standby lags by milliseconds, or by minutes; `after` names a write that must be visible. A block reads from one
    standby that streams from a primary; without a standby, or once it fails, from the primary. It never goes back in
    time. Tasks and data loaders work inside it as outside, and a task that outlives the block keeps reading in this
    way.

    Operations that decide something (`downloads.claim`, `rate_limits.hit`, `sessions.verify`, `sessions.issue`,
    `sessions.rotate`, `users.authenticate`, `users.upsert_from_plex`) run on the primary even inside the block. Any
    other write is a ReadingError, with and without a standby. The `after` of a block also holds for blocks inside it.

    Args:
        after: The token of `last_write`: the standby must have replayed what was committed until then. None for any
            standby.
        wait: The time that a standby gets to replay it before the primary is asked; None for no time.

    Raises:
        InvalidInputError: `after` is no such token, or `wait` not more than zero.
        ReadingError: It is called in a transaction.
        DatabaseUnavailableError: This process is not connected.
    """
    position = None if after is None else WalPosition.parse(after, "after")
    seconds = 0 if wait is None else as_duration(wait, "wait").total_seconds()
    client = current_client()
    if isinstance(client, TransactionClient):
        raise ReadingError(f"reading() {_IN_TRANSACTION}")
    if isinstance(client, ReadingClient):
        position = max((known for known in (position, client.after) if known is not None), default=None)
    pool = client.outer if isinstance(client, ReadingClient) else client
    assert isinstance(pool, Client)  # noqa: S101 - there is no further kind
    reader = ReadingClient(pool, await choose_standby(pool, position, seconds), position)
    connections = get_connections()
    token, flag = connections.set(DEFAULT_ALIAS, reader), _in_a_block.set(True)
    try:
        yield
    finally:
        with suppress(ValueError):  # left in another context than it was entered in, as by generators
            connections.reset(token)
            _in_a_block.reset(flag)


def on_primary(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run an operation on the primary, even inside a block of `reading`, because it decides something."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if not _in_a_block.get():
            return await function(*args, **kwargs)
        try:
            client = current_client()
        except MedianestError:  # raised again where the database is asked
            return await function(*args, **kwargs)
        if not isinstance(client, ReadingClient):
            return await function(*args, **kwargs)
        connections = get_connections()
        token = connections.set(DEFAULT_ALIAS, client.outer)
        try:
            return await function(*args, **kwargs)
        finally:
            connections.reset(token)

    return run


@on_primary
async def last_write() -> str:
    """Return a token of all that was committed until now, for `reading(after=...)`, in this or another process.

    It has at most 25 letters, digits and `-`, so it fits into a cookie, and is not secret. Call it after the write,
    outside of its transaction.

    Raises:
        ReadingError: It is called in a transaction, whose own writes it would not cover.
        DatabaseUnavailableError: The primary can't be reached.
    """
    if isinstance(current_client(), TransactionClient):
        raise ReadingError(f"last_write() {_IN_TRANSACTION}")
    (row,) = await fetch(_LAST_WRITE)
    return str(WalPosition(int(row["file"][:_TIMELINE_DIGITS], 16), row["lsn"]))
