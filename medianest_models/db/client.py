"""The pool of connections that Tortoise and Aerich use, as the config's engine."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Final, cast

import asyncpg

from medianest_models.db.asyncpg_pool import exhausted, is_exhausted, open_pool
from medianest_models.db.driver_errors import shows_failover
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.hosts import search_failure
from medianest_models.db.kept_connections import KeptConnections, is_lost
from medianest_models.db.observers import observed_wait, wait_observers
from medianest_models.db.statements import Connection, StatementClient
from medianest_models.db.transaction_client import TransactionContext
from medianest_models.embedding import start_embedded
from medianest_models.errors import DatabaseUnavailableError, MedianestError, replace_errors
from medianest_models.settings import DatabaseUrl, load_settings

logger = logging.getLogger("medianest_models.db")

_RELEASE_SECONDS: Final = 2.0
"""The time in which a connection has to end a cancelled statement, before the connection is terminated.

All of it passes if the cancel request is lost, or arrives before the statement: the server then ignores the request.
"""
_LATE_SECONDS: Final = 0.5
"""The same for a statement that has used up its time, by which the caller's is nearly over too."""


def not_connected() -> DatabaseUnavailableError:
    """Make the error for using the database before connecting, or after disconnecting."""
    return DatabaseUnavailableError("not connected to a database: call connect_database() first", sent=False)


class Client(StatementClient):
    """A pool of connections to one database, bound to the event loop in which it was opened.

    Args:
        url: Where to connect to; None for the embedded server, which is started when a connection is asked for.
        resets: Whether the connections are for migrations: the state of a session ends when its connection goes back to
            the pool, and no transaction has a time limit.
        pool_timeout: Seconds to wait for a free connection; None for no limit.
        failover_wait: Seconds to wait for a primary, in addition to `pool_timeout`.
        slow_query_ms: The milliseconds from which a statement is logged as a warning.
        **options: Those of Tortoise's client and of asyncpg.
    """

    _pool: asyncpg.Pool[asyncpg.Record] | None

    def __init__(
        self,
        *,
        url: DatabaseUrl | None,
        resets: bool,
        pool_timeout: float | None,
        failover_wait: float,
        slow_query_ms: float,
        **options: Any,
    ) -> None:
        super().__init__(user=url.user if url else None, database=url.database if url else None, **options)
        self.url = url
        self.connect_timeout: float = self.extra.pop("timeout")
        self.command_timeout: float | None = self.extra["command_timeout"]
        self.pool_timeout = pool_timeout
        self.failover_wait = failover_wait
        self.slow_seconds = slow_query_ms / 1000
        self._resets = resets
        self._kept = KeptConnections(self.release)
        self._replaced_at = -math.inf  # by `monotonic`
        self.is_disconnected = False  # otherwise every use is an error
        self.background: set[asyncio.Task[None]] = set()  # cancelled when this is disconnected
        self.attached: list[Client] = []  # disconnected with this

    def __str__(self) -> str:
        return self.url.masked if self.url else "the embedded server"

    @property
    def longest_call(self) -> float | None:
        """The seconds that a statement may take, with the wait for its connection; None for no limit."""
        if self.pool_timeout is None or self.command_timeout is None:
            return None
        return self.pool_timeout + self.failover_wait + self.command_timeout

    @property
    def is_left_behind(self) -> bool:
        """Whether the pool's event loop is closed, which makes the pool unusable."""
        return self._bound_loop is not None and self._bound_loop.is_closed()

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record] | None:
        """The open pool; None before the first statement and after closing."""
        return self._pool

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001 - Tortoise's signature
        """Open the pool; without `with_db` to the user's own database, to create the configured one from there."""
        seconds = self.connect_timeout + self.failover_wait
        with replace_errors(Exception, lambda error: search_failure(error, self.url, seconds)):
            async with asyncio.timeout(seconds):
                self.url = self.url or await start_embedded(load_settings())
                pool = await open_pool(
                    self.url,
                    least=self.pool_minsize,
                    most=self.pool_maxsize,
                    resets=self._resets,
                    seconds=self.connect_timeout,
                    wait=self.failover_wait,
                    server_settings=self.server_settings,
                    **self.extra | ({} if with_db else {"database": None}),
                )
        if self.is_disconnected:  # while the pool was opened: nobody else will close it
            pool.terminate()
            raise not_connected()
        self._pool = pool
        await self._post_connect()

    def acquire(self, *, seconds: float | None = None) -> Coroutine[Any, Any, Connection]:
        """Take a free connection from the pool, and open the pool if it is not open yet.

        Args:
            seconds: How long to wait for it, which nobody observes; None for the pool's own timeout, and then for a
                primary for as long as `failover_wait` says. It is a DatabaseTimeoutError in the end.
        """
        return observed_wait(self, self._acquire) if wait_observers and seconds is None else self._acquire(seconds)

    async def _acquire(self, seconds: float | None) -> Connection:
        pool = self._pool
        if pool is None or self.is_disconnected or self._bound_loop is not asyncio.get_running_loop():
            pool = await self._open()
        kept = self._kept.take()
        if kept is not None:
            return kept
        wait, seconds = (self.failover_wait, self.pool_timeout) if seconds is None else (0, seconds)
        self._kept.waiting += 1
        try:
            connection = await pool.acquire(timeout=seconds)
        except Exception as raised:  # noqa: BLE001 - whatever it is, the caller gets one of ours
            error = self._acquire_failure(raised, pool, seconds)
            if not isinstance(raised, TimeoutError) or is_exhausted(pool):
                wait = 0
        else:
            if not self.is_disconnected:
                return connection
            await self.release(connection)  # disconnected while it waited: nothing may run on it
            raise not_connected()
        finally:
            self._kept.waiting -= 1
        if wait:  # it was cut off while it looked for a primary
            return await self._acquire(wait)
        raise error

    async def release(self, connection: Connection, *, seconds: float = _RELEASE_SECONDS) -> None:
        """Return a connection to the pool, which rolls back an open transaction, or soon terminates the connection."""
        if self._pool is None:  # closed meanwhile, and the connection with it
            return
        try:
            await self._pool.release(connection, timeout=seconds)
        except Exception as error:  # noqa: BLE001 - asyncpg has terminated it; the statement's own outcome counts
            logger.debug("a connection was ended when it was returned: %s", type(error).__name__)
            await self._replace_connections()

    def keep(self, connection: Connection) -> bool:
        """Keep a connection for the next statement, unless it has to go back to the pool, or to be replaced."""
        if self.is_disconnected or self._resets:
            return False
        begun: float = cast("ForkSafeConnection", connection).notes["begun"]
        return begun > self._replaced_at and self._kept.keep(connection)

    @property
    def idle(self) -> int:
        """The number of connections that no call uses."""
        return 0 if self._pool is None else self._pool.get_idle_size() + len(self._kept)

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a connection of the pool."""
        return self._kept.waiting

    async def doubt(self, connection: Connection, raised: BaseException) -> None:
        """Replace all connections when one is lost, or the server is no primary any more: all lead to that server."""
        if isinstance(raised, TimeoutError) and not is_lost(connection):
            await self.release(connection, seconds=_LATE_SECONDS)
        elif is_lost(connection) or shows_failover(raised):
            await self._replace_connections()

    async def _replace_connections(self) -> None:
        """Have every connection replaced before its next use."""
        self._replaced_at = monotonic()
        self._kept.give_back()
        if self._pool is not None:
            await self._pool.expire_connections()

    async def _open(self) -> asyncpg.Pool[asyncpg.Record]:
        self.check_loop()
        if self.is_disconnected:
            raise not_connected()
        async with self._pool_init_lock:
            if self._pool is None:
                await self.create_connection(with_db=True)
        if self._pool is None:
            raise not_connected()
        return self._pool

    def check_loop(self) -> bool:
        """Raise an error in any event loop other than the pool's; never return False."""
        try:
            if self._bound_loop is None or self._bound_loop is asyncio.get_running_loop():
                return True
        except RuntimeError:
            return True  # no event loop runs: a query is only being made
        if self.is_left_behind:
            raise DatabaseUnavailableError(
                "connected on an event loop that has ended: call connect_database() in this one, "
                "and disconnect_database() before a loop ends",
                sent=False,
            )
        raise DatabaseUnavailableError(
            "connected on another event loop: a process has one pool, for the loop in which connect_database() "
            "was called; run this there (asyncio.run_coroutine_threadsafe), or disconnect there and connect here",
            sent=False,
        )

    _check_loop = check_loop  # Tortoise asks this for every query, and would silently make another pool on False

    def _acquire_failure(
        self, raised: Exception, pool: asyncpg.Pool[asyncpg.Record], seconds: float | None
    ) -> MedianestError:
        if self.is_disconnected or pool.is_closing():
            return not_connected()
        if isinstance(raised, TimeoutError) and is_exhausted(pool):
            return exhausted(pool, seconds)
        return search_failure(raised, self.url, seconds)

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(self)

    async def disconnect(self, *, seconds: float = 10) -> None:
        """Close the pool for good, once what still runs has finished, or has had so many seconds to."""
        self.is_disconnected = True
        for task in self.background:
            task.cancel()
        if self.background:
            await asyncio.wait(self.background, timeout=seconds)
        await asyncio.gather(self._close(seconds), *(other.disconnect(seconds=seconds) for other in self.attached))

    async def _close(self, seconds: float = 10) -> None:
        if (pool := self._pool) is None:
            return
        self.check_loop()
        await self._replace_connections()  # so that what still runs does not keep its connection either
        try:
            async with asyncio.timeout(seconds):
                await pool.close()
        except TimeoutError:
            logger.warning("ended connections that were still in use when the pool was closed")
        finally:
            self._pool = None


client_class = Client
