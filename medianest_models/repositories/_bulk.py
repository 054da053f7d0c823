"""Statements over many rows: ids for them, deleting them without holding a lock for long, counting them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from medianest_models.checks import as_aware, as_duration, as_positive, as_uuid
from medianest_models.db.statements import execute, fetch, in_steps

if TYPE_CHECKING:
    from medianest_models.enums import DownloadStatus, RequestStatus

    StatusT = TypeVar("StatusT", DownloadStatus, RequestStatus)

NUMBERED_ID: Final = (
    "encode(overlay((SELECT uuid_send(medianest_uuid_v7())) PLACING int2send(number::int2) FROM 15 FOR 2), 'hex')::uuid"
)
"""In SQL, an id as the database makes them (UUID version 7, RFC 9562) for a row that has a `number`, at most 32,767.

One is made for the statement, and its last 16 bits are each row's number. So the ids of one statement are in its order,
and the random bits, for which some servers open a file each time, are drawn once.
"""

BATCH_SIZE: Final = 1_000
"""The number of rows that one statement deletes: some milliseconds' work."""

FIRST: Final = "timestamptz '0001-01-01 00:00:00.000001+00'"
"""In SQL, the first instant that Python has and asyncpg does not take for infinity."""

# The age is in seconds: a day of an interval may have 23 hours.
_INSTANT: Final = f"SELECT GREATEST({FIRST}, now() - $1::float8 * interval '1 second') AS instant"

# Raw, because one status after the other is counted in the index: GROUP BY would read the whole table.
_COUNTS: Final = """
SELECT status, (SELECT count(*) FROM {table} AS counted WHERE counted.status = wanted.status) AS number
FROM unnest($1::text[]) AS wanted (status)
"""
_COUNTS_OF_USER: Final = "SELECT status, count(*) AS number FROM {table} WHERE user_id = $1 GROUP BY status"


async def delete_in_batches(sql: str, *values: Any, batch_size: int) -> int:
    """Run a DELETE of a batch, whose size is its last parameter, until it finds no more; count what was deleted.

    Each run is a transaction of its own: this can be interrupted at any time.
    """
    as_positive(batch_size, "batch_size")
    total = 0
    with in_steps():
        while True:
            deleted = await execute(sql, *values, batch_size)
            total += deleted
            if deleted < batch_size:
                return total


async def instant_of(older_than: datetime.timedelta | datetime.datetime) -> datetime.datetime:
    """Return an instant, or the one that an age has by the database's clock."""
    if isinstance(older_than, datetime.datetime):
        return as_aware(older_than, "older_than")
    age = as_duration(older_than, "older_than").total_seconds()
    (row,) = await fetch(_INSTANT, age)
    instant: datetime.datetime = row["instant"]
    return instant


async def count_by_status(table: str, statuses: type[StatusT], user_id: UUID | str | None) -> dict[StatusT, int]:
    """Count the rows of each status, everybody's or a user's; 0 where there are none."""
    if user_id is None:
        rows = await fetch(_COUNTS.format(table=table), list(statuses))
    else:
        rows = await fetch(_COUNTS_OF_USER.format(table=table), as_uuid(user_id, "user_id"))
    return dict.fromkeys(statuses, 0) | {statuses(row["status"]): row["number"] for row in rows}
