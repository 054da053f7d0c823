"""The standbys of DATABASE_REPLICA_URL: a pool for each, and the position up to which it has replayed the WAL."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self, cast
from weakref import WeakKeyDictionary

from asyncpg import InterfaceError

from medianest_models.db.client import Client
from medianest_models.db.driver_errors import driver_errors
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.statements import Connection
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, InvalidInputError, MedianestError
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl, Settings, load_settings, tortoise_config

logger = logging.getLogger("medianest_models.db")

_ANSWER_SECONDS: Final = 1.0
"""The time that a standby gets for a connection, and again for its position, before the primary is asked."""
_PAUSE_SECONDS: Final = 1.0
"""The time from the failure of a standby to the first probe, and between probes."""
_PROBE_SECONDS: Final = 5.0
"""The time that a standby gets for the connection of a probe, for which nobody waits."""
_FRESH_SECONDS: Final = 0.1
"""The time for which a position is reused: a busy connection asks ten times a second, not for each statement."""
_POLL_SECONDS: Final = 0.02

# Positions can be compared only on one timeline; a standby of another primary, or of none, has another one. Only a
# member of pg_read_all_stats sees the timeline that is received. Everybody sees that of the last restart point, which
# is late after a failover, but never early.
_ASK: Final = """
SELECT pg_last_wal_replay_lsn() AS lsn, receiver.pid IS NOT NULL AS streams,
       coalesce(receiver.received_tli, (SELECT timeline_id FROM pg_control_checkpoint())) AS timeline
FROM (VALUES (1)) AS one LEFT JOIN pg_stat_wal_receiver AS receiver ON TRUE
"""


class WalPosition(NamedTuple):
    """A position in the WAL; each promotion begins another timeline."""

    timeline: int
    lsn: int

    @classmethod
    def parse(cls, token: str, name: str) -> Self:
        """Read a token; an InvalidInputError names the argument."""
        found = re.fullmatch("([0-9A-F]{1,8})-([0-9A-F]{1,16})", token) if isinstance(token, str) else None
        if found is None:
            raise InvalidInputError(f"{name}: must be what last_write() returned")
        return cls(int(found[1], 16), int(found[2], 16))

    def __str__(self) -> str:
        return f"{self.timeline:X}-{self.lsn:X}"


@dataclass(slots=True)
class _Replay:
    """The position that the server of a connection reported, and when, by the event loop's clock."""

    at: float
    position: WalPosition


class Standby:
    """One host of the standbys, and its pool.

    Args:
        pool: Its connections, which only read.
        primary: The primary's pool; both are closed together.
    """

    def __init__(self, pool: Client, primary: Client) -> None:
        self.pool = pool
        self._background = primary.background
        self._needs_transaction = (
            pool.url is not None and pool.url.pgbouncer
        )  # or the next statement could go elsewhere
        self._ask_again_at: float | None = None  # None while it works

    @property
    def is_left_alone(self) -> bool:
        """Whether it failed, and no probe has succeeded since."""
        return self._ask_again_at is not None

    async def acquire(self, after: WalPosition | None) -> Connection | None:
        """Take a connection of the pool if the standby has replayed a position; None if it has not, or has failed."""
        if self._ask_again_at is not None:
            if asyncio.get_running_loop().time() >= self._ask_again_at:
                self._probe_in_background()
            return None
        try:
            connection, position = await self._take(after, _ANSWER_SECONDS)
        except MedianestError as error:
            await self.leave_alone(error)
            return None
        if after is None or (position.timeline == after.timeline and position.lsn >= after.lsn):
            return connection
        await self.release(connection)
        return None

    async def release(self, connection: Connection) -> None:
        """Give a connection back."""
        try:
            if self._needs_transaction:
                await end_transaction(connection)
        finally:
            await self.pool.release(connection)

    async def leave_alone(self, error: MedianestError) -> None:
        """Do not use this standby until a probe has succeeded."""
        if self._ask_again_at is None:
            logger.warning("reading without the standby %s: %s", self.pool, error)
        self._ask_again_at = asyncio.get_running_loop().time() + _PAUSE_SECONDS
        if self.pool.pool is not None:
            await self.pool.pool.expire_connections()  # the next one may lead to another server

    async def _take(self, after: WalPosition | None, seconds: float) -> tuple[Connection, WalPosition]:
        connection = await self.pool.acquire(seconds=seconds)
        try:
            return connection, await self._position(connection, after)
        except BaseException:
            await self.release(connection)
            raise

    async def _position(self, connection: Connection, after: WalPosition | None) -> WalPosition:
        """Return the position that the server has replayed; a recent answer is reused unless `after` is beyond it."""
        loop, notes = asyncio.get_running_loop(), cast("ForkSafeConnection", connection).notes
        known: _Replay | None = notes.get("replay")
        if known is not None and loop.time() < known.at + _FRESH_SECONDS and (after is None or known.position >= after):
            return known.position
        alarm = loop.call_later(_ANSWER_SECONDS, connection.terminate)  # to cancel it would mean to ask it again
        try:
            with driver_errors():
                if self._needs_transaction:
                    await connection.execute("BEGIN READ ONLY")
                row = await connection.fetchrow(_ASK)
        except DatabaseUnavailableError:
            if loop.time() < alarm.when():
                raise
            raise DatabaseTimeoutError(f"it did not answer within {_ANSWER_SECONDS:g} s") from None
        finally:
            alarm.cancel()
        if row is None or not row["streams"]:
            raise DatabaseUnavailableError("it does not stream from a primary, or was promoted")
        position = WalPosition(row["timeline"], row["lsn"])
        if not self._needs_transaction:
            notes["replay"] = _Replay(loop.time(), position)
        return position

    def _probe_in_background(self) -> None:
        self._ask_again_at = asyncio.get_running_loop().time() + _PROBE_SECONDS + _PAUSE_SECONDS
        task = asyncio.create_task(self._probe())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _probe(self) -> None:
        try:
            connection, _ = await self._take(None, _PROBE_SECONDS)
        except MedianestError as error:
            await self.leave_alone(error)
        else:
            await self.release(connection)
            self._ask_again_at = None
            logger.info("reading from the standby %s again", self.pool)


async def end_transaction(connection: Connection) -> None:
    """Roll back a transaction that may have begun; end the connection if that fails."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await connection.execute("ROLLBACK")
    except BaseException as error:
        with suppress(InterfaceError):  # the connection was lost, and the pool has already dropped it
            connection.terminate()
        if not isinstance(error, Exception):
            raise
        logger.debug("a transaction that only reads could not be ended: %s", type(error).__name__)


async def choose_standby(primary: Client, after: WalPosition | None, wait: float) -> Standby | None:
    """Choose at random a standby that has replayed a position; None if none has within `wait` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        standbys = _standbys_of(primary)
        for standby in random.sample(standbys, len(standbys)):
            connection = await standby.acquire(after)
            if connection is not None:
                await standby.release(connection)
                return standby
        if loop.time() >= deadline or all(standby.is_left_alone for standby in standbys):
            return None
        await asyncio.sleep(min(_POLL_SECONDS, deadline - loop.time()))


def _standbys_of(primary: Client) -> list[Standby]:
    """Return the standbys of the process, whose pools are closed with that of the primary."""
    standbys = _standbys.get(primary)
    if standbys is None:
        settings = load_settings()
        url = settings.database_replica_url
        if primary.url != settings.database_url:  # connected to another database than that of the settings
            url = None
        pools = [] if url is None else [_pool_of(settings, url, host, port) for host, port in url.places]
        primary.attached.extend(pools)
        standbys = _standbys[primary] = [Standby(pool, primary) for pool in pools]
    return standbys


def _pool_of(settings: Settings, replicas: DatabaseUrl, host: str, port: int) -> Client:
    """Make the pool of one host, with no connection yet."""
    url = replace(replicas, host=host, port=port, fallbacks=(), target_session_attrs="standby")
    options = tortoise_config(settings, url=url)["connections"][DEFAULT_ALIAS]["credentials"]
    if not url.pgbouncer:  # should the standby be promoted between the question and the statement
        options["server_settings"]["default_transaction_read_only"] = "on"
    options |= {"minsize": 0, "failover_wait": 0}  # while there is no standby, the primary answers
    return Client(connection_name=DEFAULT_ALIAS, **options)


_standbys: Final[WeakKeyDictionary[Client, list[Standby]]] = WeakKeyDictionary()
