"""Running statements: the one boundary where a driver's error becomes ours, and where the query log listens."""

from __future__ import annotations

from abc import abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.connection import get_connection

from medianest_models.db import query_log
from medianest_models.db.driver_errors import translate
from medianest_models.errors import ConfigurationError
from medianest_models.settings import DEFAULT_ALIAS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import TypeAlias

    from asyncpg import Record

    Connection: TypeAlias = PoolConnectionProxy[Record]

T = TypeVar("T")

_CHANGES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
_KEYWORD_LENGTH: Final = 6


class StatementClient(AsyncpgDBClient):
    """What a pool and a transaction have in common: they run statements on a connection."""

    slow_seconds: float
    command_timeout: float | None

    @abstractmethod
    async def acquire(self) -> Connection:
        """A connection for the caller alone, until `release`."""

    @abstractmethod
    async def release(self, connection: Connection) -> None:
        """Let others have the connection."""

    @abstractmethod
    def check_loop(self) -> None:
        """Refuse another event loop than that of the connections."""

    def innermost(self) -> StatementClient:
        """The client to run the caller's statements on."""
        return self

    def acquire_connection(self) -> AcquiredConnection:  # type: ignore[override]  # Tortoise's own translate no errors
        """`async with client.acquire_connection() as connection`: asyncpg's own connection, for COPY and the like."""
        return AcquiredConnection(self.innermost())

    async def execute_insert(self, query: str, values: list[Any]) -> Record | None:
        """Run an INSERT.

        Returns:
            The first row of its RETURNING.
        """
        return await self.run(PoolConnectionProxy.fetchrow, query, *values)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run a statement once for each row of values: all of them, or none."""
        await self.run(PoolConnectionProxy.executemany, query, values)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        """Run a statement.

        Returns:
            How many rows it changed and no rows, for one that begins with INSERT, UPDATE or DELETE (use
            `execute_query_dict` with RETURNING); how many rows it returned, and these, for any other.
        """
        if query.lstrip()[:_KEYWORD_LENGTH].upper() in _CHANGES:
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

    async def run(self, operation: Callable[..., Awaitable[T]], query: str, *arguments: Any) -> T:
        """Run a statement on a connection of this client.

        Args:
            operation: The method of asyncpg's connection that takes it.
            query: Its text.
            *arguments: Its parameters.

        Raises:
            MedianestError: Whatever went wrong in the driver or in the database.
        """
        connection = await self.acquire()
        started = monotonic()
        try:
            return await self._perform(operation(connection, query, *arguments))
        except Exception as raised:
            error = translate(raised)
            if error is None:
                raise
        finally:
            try:
                query_log.record(query, arguments, monotonic() - started, self.slow_seconds)
            finally:
                await self.release(connection)
        raise error  # outside of `except`: the driver's error would be its context, and that prints whole rows

    def _perform(self, statement: Awaitable[T]) -> Awaitable[T]:
        """Overridden where a running statement has to be watched."""
        return statement


def current_client() -> StatementClient:
    """The client of the current transaction, or of the pool.

    Raises:
        DatabaseUnavailableError: Not connected, or on another event loop.
        ConfigurationError: Tortoise was initialised without this package.
    """
    client = get_connection(DEFAULT_ALIAS)
    if not isinstance(client, StatementClient):
        raise ConfigurationError("Tortoise was initialised with another engine than medianest_models.db.client")
    return client


class AcquiredConnection:
    """A connection of a client for the length of an `async with`."""

    __slots__ = ("_client", "_connection")

    def __init__(self, client: StatementClient) -> None:
        self._client = client

    async def __aenter__(self) -> Connection:
        self._connection = await self._client.acquire()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.release(self._connection)
        # Only what the driver raises itself: an OSError may come from the caller's own file.
        if raised is None or not type(raised).__module__.startswith("asyncpg"):
            return
        error = translate(raised)
        if error is not None:
            try:
                raise error
            finally:
                error.__context__ = None  # the driver's error, which prints whole rows
