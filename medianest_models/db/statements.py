"""Running statements: the only place that translates driver errors and writes the query log.

`fetch`, `fetch_one` and `execute` run SQL on the current connection: the transaction's, or one of the pool.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, Final, TypeAlias, TypeVar

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.context import require_context

from medianest_models.db import query_log
from medianest_models.db.driver_errors import driver_errors_around_caller, translate
from medianest_models.db.instants import read_again
from medianest_models.db.observers import observed, observers
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError, MedianestError
from medianest_models.settings import DEFAULT_ALIAS

Connection: TypeAlias = "PoolConnectionProxy[Record]"
T = TypeVar("T")

_CHANGES: Final = ("INSERT", "UPDATE", "DELETE")


async def fetch(sql: str, *values: Any, client: StatementClient | None = None) -> list[Record]:
    """Return the rows of a statement, on the current client unless one is given; `$1` is the first of `values`."""
    return await (client or current_client()).run(PoolConnectionProxy.fetch, sql, *values)


async def fetch_one(sql: str, *values: Any, client: StatementClient | None = None) -> Record | None:
    """Return the first row of a statement, on the current client unless one is given; None without a row."""
    return await (client or current_client()).run(PoolConnectionProxy.fetchrow, sql, *values)


async def execute(sql: str, *values: Any) -> int:
    """Return the number of rows that an INSERT, UPDATE or DELETE changed."""
    count, _ = await current_client().execute_query(sql, list(values))
    return count


def current_client() -> StatementClient:
    """Return the client of the current transaction, or of the pool.

    Raises:
        DatabaseUnavailableError: Not connected, or on another event loop.
        ConfigurationError: Tortoise was initialised without this package.
    """
    client = require_context().connections.get(DEFAULT_ALIAS)
    if not isinstance(client, StatementClient):
        raise ConfigurationError("Tortoise was initialised with another engine than medianest_models.db.client")
    return client


@contextmanager
def in_steps() -> Iterator[None]:
    """Set `sent` of an error to None in a block of several statements, each of which commits."""
    try:
        yield
    except DatabaseUnavailableError as error:
        error.sent = None
        raise


class StatementClient(AsyncpgDBClient):
    """The base of the pool and of a transaction: it runs statements on a connection."""

    slow_seconds: float
    command_timeout: float | None

    def _take_options(self, outer: StatementClient) -> None:
        """Take the options of another client, in place of an initialisation that would create a pool's state."""
        self.connection_name = outer.connection_name
        self.fetch_inserted = outer.fetch_inserted
        self.log = outer.log
        self.slow_seconds = outer.slow_seconds
        self.command_timeout = outer.command_timeout

    @abstractmethod
    def acquire(self) -> Coroutine[Any, Any, Connection]:
        """Take a connection for exclusive use until `release`."""

    @abstractmethod
    async def release(self, connection: Connection) -> None:
        """Give the connection back."""

    def keep(self, connection: Connection) -> bool:  # noqa: ARG002 - only a pool keeps one
        """Keep a connection whose statement went well for the next one; return False if it must be given back."""
        return False

    @abstractmethod
    async def doubt(self, connection: Connection, raised: BaseException) -> None:
        """Check the connection after an error that may come from the server or the network."""

    @abstractmethod
    def check_loop(self) -> bool:
        """Raise an error in any event loop other than that of the connections."""

    def innermost(self) -> StatementClient:
        """Return the client to run the caller's statements on."""
        return self

    def translated(self, raised: Exception, connection: Connection) -> MedianestError | None:  # noqa: ARG002 - see `reading`
        """Make our error for one that a statement raised on that connection; None to keep the original."""
        return translate(raised)

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement by the method of asyncpg's connection that takes it; what goes wrong is a MedianestError."""
        if observers:
            with observed(self, query, arguments):
                return await self._run(operation, query, *arguments)
        return await self._run(operation, query, *arguments)

    async def _run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        connection = await self.acquire()
        started = monotonic()
        is_kept = False
        try:
            try:
                result = await operation(connection, query, *arguments)
            except OverflowError:  # of a timestamp in a row: no other value is out of Python's range
                result = await read_again(connection, operation, query, *arguments)
        except Exception as raised:  # written out for speed: every statement runs this code
            error = self.translated(raised, connection)
            if error is None:
                raise
            if isinstance(error, DatabaseUnavailableError):
                await self.doubt(connection, raised)
        else:
            is_kept = self.keep(connection)
            return result
        finally:
            seconds = monotonic() - started
            if not is_kept:
                await self.release(connection)
            if seconds >= self.slow_seconds or query_log.logger.isEnabledFor(logging.DEBUG):
                query_log.record(query, arguments, seconds, self.slow_seconds)
        raise error  # not inside `except`, where the driver's error would become its context

    # Tortoise's own methods would not translate errors.

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[Connection]:  # type: ignore[override]
        """Lend asyncpg's own connection for the duration of an `async with` block, such as for COPY."""
        client = self.innermost()
        connection = await client.acquire()
        try:
            with driver_errors_around_caller():
                yield connection
        finally:
            await client.release(connection)

    async def execute_insert(self, query: str, values: list[Any]) -> Record | None:
        """Run an INSERT and return the first row of its RETURNING."""
        return await self.run(PoolConnectionProxy.fetchrow, query, *values)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run a statement once for each row of values: all of them, or none."""
        await self.run(PoolConnectionProxy.executemany, query, values)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        """Run a statement, and return how many rows it returned, and these.

        For one that begins with INSERT, UPDATE or DELETE it is how many rows that changed, and none: use
        `execute_query_dict` with RETURNING.
        """
        if query.lstrip()[:6].upper() in _CHANGES:
            status = await self.run(PoolConnectionProxy.execute, query, *(values or ()))
            return int(status.rpartition(" ")[2]), []
        rows = await self.run(PoolConnectionProxy.fetch, query, *(values or ()))
        return len(rows), rows

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """Run a statement and return its rows."""
        return [dict(row) for row in await self.run(PoolConnectionProxy.fetch, query, *(values or ()))]

    async def execute_script(self, query: str) -> None:
        """Run statements without parameters, separated by semicolons: all of them, or none."""
        await self.run(PoolConnectionProxy.execute, query)
