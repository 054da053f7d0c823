"""The client of one transaction: whole under cancellation, gather, TaskGroup and swallowed errors."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.base.client import TransactionalDBClient
from tortoise.backends.base.client import TransactionContext as TortoiseTransactionContext
from tortoise.connection import get_connection, get_connections

from medianest_models.db.connection_lock import OVER, ConnectionLock
from medianest_models.db.statement_client import StatementClient
from medianest_models.db.transaction_commands import TransactionCommands
from medianest_models.errors import (
    InvalidInputError,
    MedianestError,
    TransactionAbortedError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

    from medianest_models.db.statement_client import Connection

T = TypeVar("T")

IsolationLevel = Literal["read committed", "repeatable read", "serializable"]

_IN_USE: Final = (
    "the transaction was rolled back: a task that was started inside still uses it; "
    "await every such task before the block ends"
)


class TransactionClient(  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleMethodOverride]  # as Tortoise's own
    StatementClient, TransactionalDBClient
):
    """One transaction, or a savepoint inside one. Its statements take turns, whichever tasks they come from.

    A savepoint keeps the turn of the transaction around it from beginning to end: what another task writes there
    meanwhile has to wait, or it would be undone together with the savepoint.

    Args:
        outer: The pool; for a savepoint the transaction around it.
        isolation: PostgreSQL's isolation level; None for what `outer` has.
    """

    _leased: Connection
    _commands: TransactionCommands

    def __init__(self, outer: StatementClient, isolation: IsolationLevel | None = None) -> None:
        # Not super().__init__(), which makes the state of a pool.
        self.connection_name = outer.connection_name
        self.fetch_inserted = outer.fetch_inserted
        self.log = outer.log
        self.slow_seconds = outer.slow_seconds
        self.command_timeout = outer.command_timeout
        self.outer = outer
        self.inner: TransactionClient | None = None
        self.lock = ConnectionLock(self.command_timeout)
        self._isolation = isolation
        depth = sum(1 for _ in outer.ancestors()) if isinstance(outer, TransactionClient) else 0
        self._savepoint = f"medianest_{depth}" if depth else None
        self._released = False

    def innermost(self) -> StatementClient:
        """The innermost block that the caller stands in: a savepoint's code may hold on to what is around it."""
        if self.inner is not None:
            current = get_connection(self.connection_name)
            if isinstance(current, TransactionClient) and self in current.ancestors():
                return current
        return self

    def ancestors(self) -> Iterator[TransactionClient]:
        """This block and those around it, from the inside out."""
        client: StatementClient = self
        while isinstance(client, TransactionClient):
            yield client
            client = client.outer

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement in this transaction.

        Raises:
            TransactionAbortedError: The transaction is over.
            MedianestError: Whatever went wrong in the driver or in the database.
        """
        client = self.innermost()
        if client is self:
            return await super().run(operation, query, *arguments)
        return await client.run(operation, query, *arguments)

    async def acquire(self) -> Connection:
        """The transaction's connection, once no other task uses it.

        Raises:
            TransactionAbortedError: The transaction is over.
            DatabaseTimeoutError: Another task used it for longer than a statement may take.
        """
        await self.lock.acquire()
        return self._leased

    async def release(self, connection: Connection) -> None:  # noqa: ARG002 - there is only one
        """Let the next statement run."""
        self.lock.release()

    def _perform(self, statement: Awaitable[T]) -> Awaitable[T]:
        return self.lock.watch(statement)

    # Beginning and ending

    async def begin(self) -> None:
        """Take a connection and open the transaction, or the savepoint.

        Raises:
            InvalidInputError: The isolation level is not that of the transaction around it.
            TransactionAbortedError: The transaction around it is over.
            MedianestError: There is no connection, or the database refused.
        """
        self._leased = await self.outer.acquire()
        self._commands = TransactionCommands(self._leased, self._savepoint, self.slow_seconds)
        if isinstance(self.outer, TransactionClient):
            self.outer.inner = self
        try:
            await self._open()
        except BaseException:
            self.lock.end()
            try:
                if self._savepoint is None:  # it may have begun
                    await self._commands.undo(self.lock.held)
            finally:
                await self._leave()
            raise

    async def _open(self) -> None:
        if self._savepoint is None:
            level = f" ISOLATION LEVEL {self._isolation}" if self._isolation else ""
            await self.run(PoolConnectionProxy.execute, f"BEGIN{level}")
            return
        if self._isolation is not None:
            around = await self.run(PoolConnectionProxy.fetchval, "SHOW transaction_isolation")
            if around != self._isolation:
                raise InvalidInputError(
                    f"a nested transaction can't be {self._isolation}: the one around it is {around}"
                )
        await self.run(PoolConnectionProxy.execute, f"SAVEPOINT {self._savepoint}")

    async def commit(self) -> None:
        """Commit, or make the savepoint's work a part of the transaction around it.

        Raises:
            TransactionAbortedError: A statement had failed and its error was caught inside, or another task still
                uses the transaction: everything was rolled back.
            TransactionConflictError: Another transaction got in the way: everything was rolled back.
            DatabaseUnavailableError: The connection failed; whether it was committed is not known.
            MedianestError: A deferred constraint is broken, and everything was rolled back.
        """
        self.lock.check()
        if self.lock.held.locked():
            await self.rollback()
            raise TransactionAbortedError(_IN_USE)
        self.lock.end()
        error: MedianestError | None = TransactionAbortedError()
        try:
            async with self.lock.held:
                error = await self._commands.commit()
        finally:
            try:
                if error is not None and self._savepoint is not None:
                    await self._commands.undo(self.lock.held)
            finally:
                await self._leave()
        if error is not None:
            raise error

    async def rollback(self) -> None:
        """Undo everything since `begin`. Where that fails the connection is ended, and the server undoes it.

        Raises:
            TransactionAbortedError: It is already over.
        """
        self.lock.check()
        try:
            await self._commands.undo(self._end().lock.held)
        finally:
            await self._leave()

    async def close_after(self, *, failed: bool) -> None:
        """End the block that an `async with` leaves.

        Args:
            failed: Whether an exception leaves it, so that nothing may be committed and nothing else raised.

        Raises:
            TransactionAbortedError: Its work was undone with the transaction around it; or as `commit`.
        """
        if not self.lock.is_over:
            await (self.rollback() if failed else self.commit())
        elif not self._released:
            await self._leave()
            if not failed:
                raise TransactionAbortedError(OVER)

    def _end(self) -> TransactionClient:
        """Refuse further statements here and in the blocks inside, and say which of these is the innermost."""
        client = self
        client.lock.end()
        while client.inner is not None:
            client = client.inner
            client.lock.end()
        return client

    async def _leave(self) -> None:
        if not self._released:
            self._released = True
            if isinstance(self.outer, TransactionClient):
                self.outer.inner = None
            await self.outer.release(self._leased)

    # What else Tortoise asks of a transaction's client

    savepoint = begin
    release_savepoint = commit
    savepoint_rollback = rollback

    async def close(self) -> None:
        """Nothing: the pool is closed, never one of its transactions."""

    def check_loop(self) -> None:
        """Refuse another event loop than the pool's."""
        self.outer.check_loop()

    def _check_loop(self) -> bool:
        self.check_loop()
        return True

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
        with contextlib.suppress(ValueError):  # left in another context than it was entered, as generators are
            self._connections.reset(self._token)
        await self._client.close_after(failed=raised is not None)
