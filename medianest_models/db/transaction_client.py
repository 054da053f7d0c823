"""The client of one transaction: atomic under cancellation, gather, TaskGroup and swallowed errors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from types import TracebackType
from typing import Any, Final, Literal, TypeVar

from asyncpg import InterfaceError, PostgresConnectionError, PostgresError
from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext as TortoiseTransactionContext
from tortoise.connection import get_connection, get_connections

from medianest_models.db import query_log
from medianest_models.db.connection_lock import OVER, ConnectionLock
from medianest_models.db.driver_errors import translate
from medianest_models.db.observers import observed
from medianest_models.db.statements import Connection, StatementClient
from medianest_models.errors import (
    DatabaseUnavailableError,
    InvalidInputError,
    MedianestError,
    TransactionAbortedError,
    replace_errors,
)

T = TypeVar("T")

IsolationLevel = Literal["read committed", "repeatable read", "serializable"]

logger = logging.getLogger("medianest_models.db")

_ROLLBACK_SECONDS: Final = 5.0
_LATE_ROLLBACK_SECONDS: Final = 0.5
"""The time for the rollback where a statement has used up its own, by which the caller's is nearly over too."""
_IN_USE: Final = (
    "the transaction was rolled back: a task that was started inside still uses it; "
    "await every such task before the block ends"
)
_CAUGHT_INSIDE: Final = (
    "the transaction was rolled back: a statement in it had failed, and its error was caught inside; "
    "catch it outside of the transaction, or put what may fail into a nested one"
)
_NOT_KNOWN: Final = "the connection to the database failed during a commit: whether it was committed is not known"


class TransactionClient(  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleMethodOverride]  # as Tortoise's own
    StatementClient, TransactionalDBClient
):
    """One transaction of `outer`, the pool, or a savepoint of the transaction `outer`.

    Its tasks use the connection one after the other. A savepoint keeps the connection of the transaction around it from
    beginning to end: what another task writes there meanwhile has to wait, or it would be undone with the savepoint.
    """

    _acquired: Connection

    def __init__(self, outer: StatementClient, isolation: IsolationLevel | None = None) -> None:
        self._take_options(outer)
        self.outer = outer
        self.inner: TransactionClient | None = None
        self.lock = ConnectionLock(self.command_timeout)
        around = [*outer.ancestors()] if isinstance(outer, TransactionClient) else []
        self._savepoint = f"medianest_{len(around)}" if around else None
        self.isolation: IsolationLevel = isolation or (around[0].isolation if around else "read committed")
        self._released = False
        self.is_late = False

    def innermost(self) -> StatementClient:
        """Return the caller's innermost block, because the caller may hold the client of an enclosing block."""
        if self.inner is not None:
            current = get_connection(self.connection_name)
            if isinstance(current, TransactionClient) and self in current.ancestors():
                return current
        return self

    def ancestors(self) -> Iterator[TransactionClient]:
        """Yield this block and the enclosing ones, from the inside out."""
        client: StatementClient = self
        while isinstance(client, TransactionClient):
            yield client
            client = client.outer

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement in this transaction; raise a TransactionAbortedError if the transaction is over."""
        client = self.innermost()
        if client is self:
            return await self.lock.stoppable(super().run(operation, query, *arguments))
        return await client.run(operation, query, *arguments)

    async def acquire(self) -> Connection:
        """Take the transaction's connection, once no other task uses it; see `ConnectionLock.acquire`."""
        await self.lock.acquire()
        return self._acquired

    async def release(self, connection: Connection) -> None:  # noqa: ARG002 - there is only one
        """Let the next statement run."""
        self.lock.held.release()

    async def doubt(self, connection: Connection, raised: BaseException) -> None:
        """Do not wait for long any more if the server did not answer; otherwise tell the pool."""
        if isinstance(raised, TimeoutError):
            for block in self.ancestors():
                block.is_late = True
        else:
            await self.outer.doubt(connection, raised)

    async def begin(self) -> None:
        """Take a connection and open the transaction, or the savepoint; its isolation level is no other one's."""
        around = self.outer.isolation if isinstance(self.outer, TransactionClient) else self.isolation
        if self.isolation != around:
            raise InvalidInputError(f"a nested transaction can't be {self.isolation}: the one around it is {around}")
        self._acquired = await self.outer.acquire()
        if isinstance(self.outer, TransactionClient):
            self.outer.inner = self
        try:
            begin = f"SAVEPOINT {self._savepoint}" if self._savepoint else f"BEGIN ISOLATION LEVEL {self.isolation}"
            await self.run(PoolConnectionProxy.execute, begin)
        except BaseException as raised:
            if isinstance(raised, DatabaseUnavailableError):
                raised.sent = False  # nothing of what the block is for
            self.lock.end()
            try:
                if self._savepoint is None:  # the transaction may have begun
                    await self._undo(self.lock)
            finally:
                await self._leave()
            raise

    async def commit(self) -> None:
        """Commit, or release the savepoint into the enclosing transaction.

        Raises:
            DatabaseUnavailableError: The connection failed; it is unknown whether the transaction was committed.
            MedianestError: Everything was rolled back, because a statement had failed and its error was caught inside,
                another task still uses the transaction, another one got in the way, or a deferred constraint is broken.
        """
        self.lock.check()
        if self.lock.held.locked():
            await self.rollback()
            raise TransactionAbortedError(_IN_USE)
        self.lock.end()
        try:
            async with self.lock.held:
                with replace_errors(Exception, self._not_committed):
                    status = await self._command(
                        f"RELEASE SAVEPOINT {self._savepoint}" if self._savepoint else "COMMIT"
                    )
        except BaseException as raised:
            if self._savepoint is not None:
                await self._undo(self.lock)
            elif isinstance(raised, DatabaseUnavailableError):
                await self.outer.doubt(self._acquired, raised)
            raise
        finally:
            await self._leave()
        if status == "ROLLBACK":  # PostgreSQL's answer to COMMIT after a failed statement
            raise TransactionAbortedError(_CAUGHT_INSIDE)

    def _not_committed(self, raised: Exception) -> MedianestError | None:
        if isinstance(raised, PostgresError) and not isinstance(raised, PostgresConnectionError):
            return translate(raised)  # the server has answered
        logger.debug("a commit failed: %s", type(raised).__name__)
        self._terminate()
        return DatabaseUnavailableError(_NOT_KNOWN)

    async def rollback(self) -> None:
        """Undo everything since `begin`. If that fails, terminate the connection, so that the server undoes it."""
        self.lock.check()
        innermost = self
        innermost.lock.end()
        while innermost.inner is not None:
            innermost = innermost.inner
            innermost.lock.end()
        try:
            await self._undo(innermost.lock)
        finally:
            await self._leave()

    async def close_after(self, *, failed: bool) -> None:
        """End the block when its `async with` is left. If it `failed`, by an exception, raise no other one."""
        if not self.lock.is_over:
            await (self.rollback() if failed else self.commit())
        elif not self._released:
            await self._leave()
            if not failed:
                raise TransactionAbortedError(OVER)

    async def _undo(self, lock: ConnectionLock) -> None:
        """Roll back. If that fails, terminate the connection, which undoes everything too."""
        name = self._savepoint
        sql = f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}" if name else "ROLLBACK"
        try:
            seconds = _LATE_ROLLBACK_SECONDS if self.is_late else _ROLLBACK_SECONDS
            async with asyncio.timeout(seconds), lock.held:  # its holder still uses the connection
                await self._command(sql)
        except BaseException as raised:
            if name is None or not isinstance(raised, PostgresError):
                self._terminate()
            if not isinstance(raised, Exception):
                raise
            logger.debug("%s failed: %s", sql, type(raised).__name__)
            await self.outer.doubt(self._acquired, raised)

    async def _command(self, sql: str) -> str:
        started = monotonic()
        try:
            with observed(self, sql, ()):
                return await self._acquired.execute(sql)
        finally:
            query_log.record(sql, (), monotonic() - started, self.slow_seconds)

    def _terminate(self) -> None:
        with contextlib.suppress(InterfaceError):  # the connection was lost, and the pool has already dropped it
            self._acquired.terminate()

    async def _leave(self) -> None:
        if not self._released:
            self._released = True
            if isinstance(self.outer, TransactionClient):
                self.outer.inner = None
            await self.outer.release(self._acquired)

    # The other methods that Tortoise requires of a transaction's client

    savepoint = begin
    release_savepoint = commit
    savepoint_rollback = rollback

    async def close(self) -> None:
        """Do nothing: only the pool can be closed."""

    def check_loop(self) -> bool:
        """Raise an error in any event loop other than the pool's."""
        return self.outer.check_loop()

    _check_loop = check_loop

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(self.innermost())


class TransactionContext(TortoiseTransactionContext):
    """`async with`: commits on return, rolls back on any exception or cancellation; a savepoint when nested."""

    def __init__(self, outer: StatementClient, isolation: IsolationLevel | None = None) -> None:
        self.client = self._client = TransactionClient(outer, isolation)

    async def __aenter__(self) -> TransactionClient:
        self._connections = get_connections()
        await self._client.begin()
        self._token = self._connections.set(self._client.connection_name, self._client)
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ValueError):  # left in another context than it was entered in, as by generators
            self._connections.reset(self._token)
        await self._client.close_after(failed=raised is not None)
