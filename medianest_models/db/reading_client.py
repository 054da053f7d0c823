"""The client of one block of `reading`: on a standby until that fails, then on the primary."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, TypeVar

from asyncpg import InterfaceError, ReadOnlySQLTransactionError

from medianest_models.db.client import Client
from medianest_models.db.driver_errors import driver_errors_around_caller, translate
from medianest_models.db.standbys import Standby, WalPosition, end_transaction
from medianest_models.db.statements import Connection, StatementClient
from medianest_models.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    MedianestError,
    MigrationError,
    ReadingError,
    TransactionConflictError,
    replace_errors,
)

T = TypeVar("T")

NO_TRANSACTION: Final = "inside reading() there is no transaction: begin it outside, where the primary is asked"
_NO_WRITE: Final = "inside reading() nothing can be written: do it outside, where the primary is asked"
_OF_THE_STANDBY: Final = (DatabaseUnavailableError, TransactionConflictError, MigrationError)
"""The errors that the primary may not have: the standby is gone, its replay cancels the statement, or it lags."""


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

    def __init__(self, error: MedianestError) -> None:
        super().__init__(str(error))
        self.error = error


class ReadingClient(StatementClient):
    """One block of `reading`: all its statements go to one standby, and to the primary once that has failed.

    It never goes back to a standby, so that no statement misses what an earlier one of the block has seen.
    """

    def __init__(self, outer: Client, standby: Standby | None, after: WalPosition | None) -> None:
        self._take_options(outer)
        self.outer = outer
        self.after = after
        self._standby = standby
        self._from_standby: dict[Connection, Standby] = {}

    @property
    def pool(self) -> Client:
        """The pool of the server that is asked next."""
        return self.outer if self._standby is None else self._standby.pool

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement that reads; if the standby fails in the middle of it, run it again on the primary.

        One that the standby did not answer within the command timeout has used up its time, and is not run again. What
        was prepared before a migration is prepared anew, which asyncpg does outside of transactions only.
        """
        try:
            return await super().run(operation, query, *arguments)
        except _StandbyFailedError as failed:
            self._standby, error = None, failed.error
        except TransactionConflictError:
            return await super().run(operation, query, *arguments)
        if isinstance(error, DatabaseTimeoutError):
            raise error
        return await self.run(operation, query, *arguments)

    async def acquire(self) -> Connection:
        """Take a connection of the standby, or else one of the primary with a read-only transaction."""
        standby = self._standby
        if standby is not None:
            connection = await standby.acquire(self.after)
            if connection is not None and self._standby is standby:
                self._from_standby[connection] = standby
                _counts.standby += 1
                return connection
            self._standby = None
            if connection is not None:  # another statement of the block has met trouble meanwhile
                await standby.release(connection)
        connection = await self.outer.acquire()
        _counts.primary += 1
        try:
            await connection.execute("BEGIN READ ONLY")
        except BaseException as raised:
            error = translate(raised)
            if isinstance(error, DatabaseUnavailableError):
                error.sent = False
                await self.outer.doubt(connection, raised)
            await self.release(connection)
            if error is None:
                raise
        else:
            return connection
        raise error  # not inside `except`, where the driver's error would become its context

    async def release(self, connection: Connection) -> None:
        """Give a connection back to its pool."""
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
        error = translate(raised)
        if connection not in self._from_standby or not isinstance(error, _OF_THE_STANDBY):
            return error
        if isinstance(error, DatabaseTimeoutError):
            if error.sqlstate is not None:  # it was the server that gave up
                return error
            with suppress(InterfaceError):  # it is lost already
                connection.terminate()  # the pool would wait for an answer
        return _StandbyFailedError(error)

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
