"""Connecting this process to its database, and disconnecting it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NoReturn, TypeVar, cast
from weakref import WeakKeyDictionary

from tortoise.apps import Apps
from tortoise.connection import ConnectionHandler
from tortoise.context import TortoiseContext, get_current_context, set_global_context
from tortoise.exceptions import ConfigurationError as TortoiseConfigurationError

from medianest_models.db.client import Client, not_connected
from medianest_models.db.hosts import search_failure
from medianest_models.db.requirements import check_requirements, wait_for_migrations
from medianest_models.errors import ConfigurationError, MedianestError, replace_errors
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl, Settings, load_settings, tortoise_config
from medianest_models.settings.keys import check_keys

logger = logging.getLogger("medianest_models.db")

T = TypeVar("T")


class _NoConnections(ConnectionHandler):
    """Raises an error when Tortoise asks for a connection and this process is not connected."""

    def get(self, conn_alias: str) -> NoReturn:  # noqa: ARG002 - Tortoise's signature
        raise not_connected()

    @property
    def db_config(self) -> NoReturn:
        raise not_connected()


class _ProcessContext(TortoiseContext):
    """Tortoise's state for every task and thread without a context of its own, connected or not.

    It exists from the import on, so that a query before connecting raises an error of this package. It is a single
    object, so that earlier tasks and other threads see the connection.
    """

    client: Client | None = None
    url: DatabaseUrl | None = None

    def __init__(self) -> None:
        super().__init__()
        self.start_afresh()

    def start_afresh(self) -> None:
        """Reset to the disconnected state, with free locks: at the import, and in a forked child."""
        self._guard = threading.Lock()
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self.forget()

    def forget(self) -> None:
        """Reset to the disconnected state."""
        self.client, self.url = None, None
        self._connections, self._inited = _NoConnections(), False

    def lock(self) -> asyncio.Lock:
        """Return the lock that this event loop holds while it connects or disconnects."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def adopt(self, context: TortoiseContext, client: Client, url: DatabaseUrl | None) -> None:
        """Take over what was initialised apart, unless another thread has connected meanwhile."""
        with self._guard:
            if self.client is not None:
                self.client.check_loop()
            self.client, self.url = client, url
        self._connections, self._apps, self._routers = context.connections, context.apps, context.routers
        self._default_connection, self._inited = context.default_connection, True

    def forget_ended_loop(self) -> bool:
        """Reset to the disconnected state if the connection's event loop is closed; return whether it is."""
        if self.client is None or not self.client.is_left_behind:
            return False
        logger.warning("an event loop ended without disconnect_database(): its connections are lost")
        self.forget()
        return True

    async def close_connections(self) -> None:
        """Disconnect, when `Tortoise.close_connections()` is called."""
        await disconnect_database()


_PROCESS: Final = _ProcessContext()
with suppress(TortoiseConfigurationError):  # another context exists already: connecting will raise the error
    set_global_context(_PROCESS)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_PROCESS.start_afresh)


async def connect_database(url: str | DatabaseUrl | None = None, *, require_migrated: bool = True) -> None:
    """Connect this process and check that the database responds. Connecting twice to the same URL is a no-op.

    Every task and every thread of this process sees the connection; only tasks of this event loop can use it. A
    forked child is not connected.

    Args:
        url: The database; None for DATABASE_URL, or for the embedded server, which is started.
        require_migrated: Whether the database has to have every migration of this version of the package.
            `DATABASE_MIGRATION_WAIT` says for how many seconds to wait for them.

    Raises:
        ConfigurationError: A setting is missing or wrong, this process is connected to another database, or the
            database or the role is set up in a way that can't work.
        DatabaseUnavailableError: The database can't be reached within the connect timeout and
            `DATABASE_FAILOVER_WAIT`, or this process is connected on another event loop.
        NoPrimaryError: The reason is that none of its servers is a primary; such a DatabaseUnavailableError.
        MigrationError: The database lacks migrations; the message names them.
    """
    await _connect(url, require_migrated=require_migrated)


async def disconnect_database() -> None:
    """Disconnect this process; a no-op if it is not connected. Running statements have 10 seconds to finish.

    Raises:
        DatabaseUnavailableError: This process is connected on another event loop.
    """
    if _PROCESS.client is None:
        return
    async with _PROCESS.lock():
        client = _PROCESS.client
        if client is None or _PROCESS.forget_ended_loop():
            return
        client.check_loop()
        try:
            await client.disconnect()
        finally:
            _PROCESS.forget()
    logger.info("disconnected from %s", client)


@asynccontextmanager
async def database(url: str | DatabaseUrl | None = None, *, require_migrated: bool = True) -> AsyncIterator[None]:
    """Connect for the duration of an `async with` block; an existing connection stays open.

    Args and errors are those of `connect_database`.
    """
    made = await _connect(url, require_migrated=require_migrated)
    try:
        yield
    finally:
        if made:
            await disconnect_database()


def connected_url() -> DatabaseUrl | None:
    """Return the URL that this process is connected to, or raise that it is not; None for the embedded server."""
    connected_client()
    return _PROCESS.url


def connected_client() -> Client:
    """Return the pool of this process, or raise that it is not connected."""
    if _PROCESS.client is None or _PROCESS.client.is_disconnected:
        raise not_connected()
    return _PROCESS.client


async def within(seconds: float | None, coroutine: Coroutine[Any, Any, T]) -> T:
    """Wait for a result. When time is up it is cancelled, and not waited for: its clean-up may hang as itself does."""
    task = asyncio.create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_forget_task)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # a no-op if it is done
    if not done:
        raise TimeoutError
    return task.result()


_tasks: Final[set[asyncio.Task[Any]]] = set()  # the event loop keeps weak references only


def _forget_task(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if not task.cancelled():
        task.exception()  # so that asyncio does not warn that nobody retrieved it


async def _connect(url: str | DatabaseUrl | None, *, require_migrated: bool) -> bool:
    """Connect, and return whether that was necessary."""
    settings = load_settings()
    logging.getLogger("medianest_models").setLevel(settings.log_level.upper())
    target = DatabaseUrl.parse(url, variable="url") if isinstance(url, str) else url or settings.url()
    if settings.is_production:
        check_keys(settings.encryption_keys)
    if get_current_context() is not _PROCESS:
        raise ConfigurationError(
            "Tortoise was initialised by something else, which would take the queries: "
            "leave its context, or use it without connect_database()"
        )
    seconds = (target and target.connect_timeout) or settings.database_connect_timeout
    wait = settings.database_migration_wait if require_migrated else None
    patience = seconds + settings.database_failover_wait
    try:
        with replace_errors(TimeoutError, lambda error: search_failure(error, target, patience)):
            async with asyncio.timeout(patience + (wait or 0)), _PROCESS.lock():
                return await _connect_locked(settings, target, seconds, wait)
    except MedianestError as error:
        logger.error("%s", error)  # noqa: TRY400 - it is raised, too
        raise


async def _connect_locked(
    settings: Settings, url: DatabaseUrl | None, seconds: float, migration_wait: float | None
) -> bool:
    if _PROCESS.client is not None and not _PROCESS.forget_ended_loop():
        _PROCESS.client.check_loop()
        if url == _PROCESS.url:
            return False
        raise ConfigurationError(f"already connected to {_PROCESS.client}: call disconnect_database() first")
    context = TortoiseContext()
    with context:
        await context.init(tortoise_config(settings, url=url))
    client = cast("Client", context.connections.get(DEFAULT_ALIAS))
    try:
        await within(None, _prove(client, context.apps, seconds, migration_wait))
        # In the caller's own task, so that a cancelled caller is not connected.
        _PROCESS.adopt(context, client, url)
    except BaseException:
        await client.disconnect(seconds=1)
        raise
    logger.info("connected to %s, with up to %s connections", client, client.pool_maxsize)
    return True


async def _prove(client: Client, apps: Apps | None, seconds: float, migration_wait: float | None) -> None:
    """Return once the database responds, meets the requirements, and has its migrations."""
    tables = [model._meta.db_table for model in apps.get_models_iterable()] if apps else []
    async with client.acquire_connection() as connection:
        async with asyncio.timeout(seconds):
            await check_requirements(connection, tables)
        if migration_wait is not None:
            await wait_for_migrations(connection, seconds=migration_wait)
