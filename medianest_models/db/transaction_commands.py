"""The SQL with which a transaction, or a savepoint, ends on its connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from asyncpg import InterfaceError, PostgresConnectionError, PostgresError

from medianest_models.db import query_log
from medianest_models.db.driver_errors import translate
from medianest_models.errors import DatabaseUnavailableError, MedianestError, TransactionAbortedError

if TYPE_CHECKING:
    from medianest_models.db.statement_client import Connection

logger = logging.getLogger("medianest_models.db")

_ROLLBACK_SECONDS: Final = 5.0


class TransactionCommands:
    """How one transaction ends. No error of the driver leaves it.

    Args:
        connection: Where it was begun.
        savepoint: The savepoint's name; None for a whole transaction.
        slow_seconds: From how long on a command is logged as a warning.
    """

    def __init__(self, connection: Connection, savepoint: str | None, slow_seconds: float) -> None:
        self._connection = connection
        self._savepoint = savepoint
        self._slow_seconds = slow_seconds

    async def commit(self) -> MedianestError | None:
        """Commit, or release the savepoint.

        Returns:
            Why that was not done; None when it was.
        """
        sql = f"RELEASE SAVEPOINT {self._savepoint}" if self._savepoint else "COMMIT"
        try:
            status = await self._execute(sql)
        except PostgresError as raised:
            if not isinstance(raised, PostgresConnectionError):
                return translate(raised)  # the server has answered
        except Exception as raised:  # noqa: BLE001 - whatever it is, there was no answer
            logger.debug("%s failed: %s", sql, type(raised).__name__)
        else:
            if status != "ROLLBACK":  # PostgreSQL's answer to COMMIT when a statement had failed
                return None
            return TransactionAbortedError(
                "the transaction was rolled back: a statement in it had failed, and its error was caught inside; "
                "catch it outside of the transaction, or put what may fail into a nested one"
            )
        self._terminate()
        return DatabaseUnavailableError(
            "the connection to the database failed during a commit: whether it was committed is not known"
        )

    async def undo(self, turn: asyncio.Lock) -> None:
        """Roll back, or roll back to the savepoint. Where that fails the connection is ended, and so all is undone.

        Args:
            turn: Whoever holds it may still use the connection.
        """
        name = self._savepoint
        sql = f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}" if name else "ROLLBACK"
        try:
            async with asyncio.timeout(_ROLLBACK_SECONDS), turn:
                await self._execute(sql)
        except BaseException as raised:
            if name is None or not isinstance(raised, PostgresError):
                self._terminate()
            if not isinstance(raised, Exception):
                raise
            logger.debug("%s failed: %s", sql, type(raised).__name__)

    async def _execute(self, sql: str) -> str:
        started = monotonic()
        try:
            return await self._connection.execute(sql)
        finally:
            query_log.record(sql, (), monotonic() - started, self._slow_seconds)

    def _terminate(self) -> None:
        with contextlib.suppress(InterfaceError):  # the connection was lost, and is out of the pool already
            self._connection.terminate()
