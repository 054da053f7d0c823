"""Timestamps outside the range of Python's datetime: BC, from the year 10000 on, and infinity.

asyncpg reads infinity as a naive `datetime.max` or `datetime.min`, and fails to read any result with another one. After
such a failure, that connection decodes timestamps with Python functions, which return the same naive values for all of
them; the models treat a naive value as unreadable. Other connections have no overhead.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from asyncpg import Record
from asyncpg.exceptions import ReadOnlySQLTransactionError
from asyncpg.pool import PoolConnectionProxy

from medianest_models.errors import UnreadableValueError

T = TypeVar("T")

_EPOCH: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # from which PostgreSQL counts microseconds
_FIRST, _LAST = datetime.datetime.min, datetime.datetime.max  # noqa: DTZ901 - naive, as asyncpg's
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


async def read_again(
    connection: PoolConnectionProxy[Record], operation: Callable[..., Awaitable[T]], query: str, *arguments: Any
) -> T:
    """Run a statement again after asyncpg failed to read a timestamp; read-only, so that nothing is written twice.

    For one that writes, which was executed, it is an UnreadableValueError.
    """
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode, decoder=_decode, format="tuple"
    )
    begin, end = "BEGIN READ ONLY", "ROLLBACK"
    if connection.is_in_transaction():
        begin = "SAVEPOINT medianest_again; SET LOCAL transaction_read_only = on"
        end = "ROLLBACK TO SAVEPOINT medianest_again; RELEASE SAVEPOINT medianest_again"
    await connection.execute(begin)
    try:
        return await operation(connection, query, *arguments)
    except ReadOnlySQLTransactionError:
        pass
    finally:
        await connection.execute(end)
    raise UnreadableValueError(
        "the statement was carried out, but a row that it returned holds an instant that Python has no datetime for; "
        "reading that row names it"
    )


def _encode(instant: datetime.datetime) -> tuple[int]:
    return ((instant.astimezone(datetime.UTC) - _EPOCH) // _MICROSECOND,)


def _decode(microseconds: tuple[int]) -> datetime.datetime:
    try:
        return _EPOCH + datetime.timedelta(0, 0, microseconds[0])
    except OverflowError:
        return _LAST if microseconds[0] > 0 else _FIRST
