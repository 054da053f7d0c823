"""Reading from standbys: `async with reading():`, and the token of what was written and must not be missed there."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from asyncpg import ReadOnlySQLTransactionError
from tortoise.connection import get_connections

from medianest_models.checks import as_duration
from medianest_models.db.client import Client
from medianest_models.db.driver_errors import driver_errors, driver_errors_around_caller, translate
from medianest_models.db.standbys import Standby, WalPosition, choose_standby, end_transaction
from medianest_models.db.statements import Connection, StatementClient, current_client, fetch
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    MedianestError,
    MigrationError,
    ReadingError,
    TransactionConflictError,
    replace_errors,
)
from medianest_models.settings import DEFAULT_ALIAS

P = ParamSpec("P")
T = TypeVar("T")

NO_TRANSACTION: Final = "inside reading() there is no transaction: begin it outside, where the primary is asked"
_NO_WRITE: Final = "inside reading() nothing can be written: do it outside, where the primary is asked"
_IN_TRANSACTION: Final = "must be called outside of the transaction, because a standby sees only what is committed"
_LAST_WRITE: Final = """
SELECT pg_walfile_name(pg_current_wal_flush_lsn()) AS file,
       CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
       ELSE pg_current_wal_flush_lsn() END AS lsn
"""
_OF_THE_STANDBY: Final = (DatabaseUnavailableError, TransactionConflictError, MigrationError)
"""The errors that the primary may not have: the standby is gone, it replays what stands in the way, or is late."""
_TIMELINE_DIGITS: Final = 8  # at the beginning of the file's name, hexadecimal


@dataclass
class ReadingCounts:
    """The statements inside `reading()` since this process began, by the server that was asked."""

    standby: int = 0
    primary: int = 0


_counts: Final = ReadingCounts()


def reading_counts() -> ReadingCounts:
    """Return how many statements inside `reading()` were sent to a standby, and how many to the primary."""
    return replace(_counts)


class _StandbyFailedError(MedianestError):
    """A standby failed in the middle of a statement, by `error`."""

    def __init__(self, standby: Standby, error: MedianestError) -> None:
        super().__init__(str(error))
        self.standby = standby
        self.error = error


class ReadingClient(StatementClient):
    """One block of `reading`: all its statements go to one standby, or from the first trouble on to the primary.

    It never goes back to a standby, so that nothing that the block has seen is gone in its next statement.
    """

    def __init__(self, outer: Client, standby: Standby | None, after: WalPosition | None) -> None:
        # Not super().__init__(), which would create a pool's state.
        self.connection_name = outer.connection_name
        self.fetch_inserted = outer.fetch_inserted
        self.log = outer.log
        self.slow_seconds = outer.slow_seconds
        self.command_timeout = outer.command_timeout
        self.outer = outer
        self.after = after
        self._standby = standby
        self._from_standby: dict[Connection, Standby] = {}

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement that reads; if the standby fails in the middle of it, run it again on the primary.

        One that the standby did not answer within the command timeout has used up its time, and is not run again.
        """
        try:
            return await super().run(operation, query, *arguments)
        except _StandbyFailedError as failed:
            self._standby = None
            standby, error = failed.standby, failed.error
        if isinstance(error, DatabaseUnavailableError):
            await standby.leave_alone(error)
        if isinstance(error, DatabaseTimeoutError):
            raise error
        return await super().run(operation, query, *arguments)

    async def acquire(self) -> Connection:
        """Take a connection of the standby, or else one of the primary with a transaction that is read-only."""
        if self._standby is not None:
            connection = await self._standby.acquire(self.after)
            if connection is not None:
                self._from_standby[connection] = self._standby
                _counts.standby += 1
                return connection
            self._standby = None
        connection = await self.outer.acquire()
        _counts.primary += 1
        try:
            with driver_errors():
                await connection.execute("BEGIN READ ONLY")
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Connection) -> None:
        """Give a connection back to the pool that it is of."""
        standby = self._from_standby.pop(connection, None)
        if standby is not None:
            await standby.release(connection)
            return
        try:
            await end_transaction(connection)
        finally:
            await self.outer.release(connection)

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[Connection]:  # type: ignore[override]
        """Lend asyncpg's own connection for the duration of an `async with` block; nothing is run again."""
        connection = await self.acquire()
        try:
            with driver_errors_around_caller(), replace_errors(ReadOnlySQLTransactionError, _refusal):
                yield connection
        finally:
            await self.release(connection)

    def translated(self, raised: Exception, connection: Connection) -> MedianestError | None:
        """Refuse what would write, and tell a standby that failed from a statement that did."""
        if isinstance(raised, ReadOnlySQLTransactionError):
            return _refusal(raised)
        error, standby = translate(raised), self._from_standby.get(connection)
        if standby is None or not isinstance(error, _OF_THE_STANDBY):
            return error
        if isinstance(error, DatabaseTimeoutError) and error.sqlstate is not None:  # it was the server that gave up
            return error
        return _StandbyFailedError(standby, error)

    async def doubt(self, connection: Connection, raised: BaseException) -> None:
        """Tell the primary's pool of an error on a connection of it."""
        if connection not in self._from_standby:
            await self.outer.doubt(connection, raised)

    def check_loop(self) -> bool:
        """Raise an error in any event loop other than the pool's."""
        return self.outer.check_loop()

    _check_loop = check_loop

    def _in_transaction(self) -> NoReturn:
        raise ReadingError(NO_TRANSACTION)


def _refusal(_: ReadOnlySQLTransactionError) -> ReadingError:
    return ReadingError(_NO_WRITE)


@asynccontextmanager
async def reading(*, after: str | None = None, wait: timedelta | None = None) -> AsyncIterator[None]:
    """Let a standby of `DATABASE_REPLICA_URL` answer what is read inside the `async with` block.

    A standby may be some milliseconds late, or minutes: show it what must be there with `after`. A block reads from one
    standby that streams from a primary; if there is none, or when it fails, from the primary, as without the setting.
    It never goes back in time. Inside it, tasks and data loaders work as outside, and a task that outlives the block
    goes on reading so.

    What decides (`downloads.claim`, `rate_limits.hit`, `sessions.verify`, `sessions.issue`, `sessions.rotate`,
    `users.authenticate`, `users.upsert_from_plex`) runs on the primary also inside the block. Whatever else writes is a
    ReadingError, with and without a standby. A nested block reads what the one around it promises, too.

    Args:
        after: What `last_write` returned: a standby must have what was committed until then. None for no such promise.
        wait: How long a standby may take for that, before the primary is asked; None for not at all.

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
    token = connections.set(DEFAULT_ALIAS, reader)
    try:
        yield
    finally:
        with suppress(ValueError):  # left in another context than it was entered in, as by generators
            connections.reset(token)


def on_primary(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run an operation that decides on the primary, also inside a block of `reading`."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
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

    It is a text of at most 25 letters, digits and `-`, which fits into a cookie, and holds nothing secret. Call it
    after the write, and after the transaction of the write.

    Raises:
        ReadingError: It is called in a transaction, whose own writes it would not cover.
        DatabaseUnavailableError: The primary can't be reached.
    """
    if isinstance(current_client(), TransactionClient):
        raise ReadingError(f"last_write() {_IN_TRANSACTION}")
    (row,) = await fetch(_LAST_WRITE)
    return str(WalPosition(int(row["file"][:_TIMELINE_DIGITS], 16), row["lsn"]))
