"""The activity log."""

from __future__ import annotations

import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_models.checks import as_ip_address, as_text, as_uuid
from medianest_models.db.partitions import drop_partitions, end_of_partitions
from medianest_models.db.statements import fetch
from medianest_models.models import ActivityLog
from medianest_models.models.columns import as_column, as_name
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import BATCH_SIZE, delete_in_batches, instant_of

EntryT = TypeVar("EntryT", bound=BaseModel | ActivityLog, default=ActivityLog)

# Raw, because it returns the values that the database has filled in.
_RECORD: Final = """
INSERT INTO activity_logs (user_id, action, entity_type, entity_id, metadata, ip_address, user_agent)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
RETURNING *
"""

# Raw, because a DELETE has no LIMIT. It skips rows that another process is deleting, and partitions without old rows.
_PRUNE: Final = """
DELETE FROM activity_logs WHERE created_at < $1 AND id = ANY (ARRAY (
    SELECT id FROM activity_logs WHERE created_at < $1 ORDER BY created_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""


async def record(
    action: str,
    *,
    user_id: UUID | str | None = None,
    entity_type: str | None = None,
    entity_id: str | None = None,
    metadata: Any = None,
    ip_address: str | None = None,
    user_agent: str | None = None,
) -> ActivityLog:
    """Add an entry to the log.

    The action, such as `request.approve`, has at most 100 characters, the affected entity's type, such as
    `media_request`, at most 50, and its id at most 255. The entry stays when the user is deleted. The metadata are a
    JSON document. The address is stored in canonical form, as IPv4 also if it is wrapped in IPv6.

    Raises:
        InvalidReferenceError: There is no such user.
    """
    (row,) = await fetch(
        _RECORD,
        None if user_id is None else as_uuid(user_id, "user_id"),
        as_name(ActivityLog, "action", action),
        as_name(ActivityLog, "entity_type", entity_type),
        as_name(ActivityLog, "entity_id", entity_id),
        as_column(ActivityLog, "metadata", metadata),
        None if ip_address is None else as_ip_address(ip_address, "ip_address"),
        as_column(ActivityLog, "user_agent", user_agent),
    )
    return ActivityLog.from_row(row)


async def list_for_user(
    user_id: UUID | str, *, params: PaginationParams | None = None, schema: type[EntryT] | None = None
) -> PaginatedResult[EntryT]:
    """List a page of what a user did."""
    return await paginate(ActivityLog.filter(user_id=as_uuid(user_id, "user_id")), params, schema=schema)


async def list_for_entity(
    entity_type: str,
    *,
    entity_id: str,
    params: PaginationParams | None = None,
    schema: type[EntryT] | None = None,
) -> PaginatedResult[EntryT]:
    """List a page of what was done to one thing: of what kind, and which one."""
    as_text(entity_type, "entity_type")
    as_text(entity_id, "entity_id")
    return await paginate(ActivityLog.filter(entity_type=entity_type, entity_id=entity_id), params, schema=schema)


async def list_recent(
    *, action: str | None = None, params: PaginationParams | None = None, schema: type[EntryT] | None = None
) -> PaginatedResult[EntryT]:
    """List a page of the log: all of it, or the entries of one action."""
    entries = ActivityLog.all()
    if action is not None:
        entries = entries.filter(action=as_name(ActivityLog, "action", action))
    return await paginate(entries, params, schema=schema)


async def prune(older_than: datetime.timedelta | datetime.datetime, *, batch_size: int = BATCH_SIZE) -> int:
    """Delete what is older than an age or an instant, the oldest first, and return how many entries that were.

    It can be stopped at any time, and the entries deleted so far stay deleted; several processes may run it at once.
    Each time it deletes `batch_size` entries, in a transaction of their own.
    """
    return await delete_in_batches(_PRUNE, await instant_of(older_than), batch_size=batch_size)


async def drop_months(older_than: datetime.timedelta | datetime.datetime) -> int:
    """Drop the partitions whose months are older than an age or an instant, and return how many.

    Dropping takes milliseconds and gives the space back to the disk. Entries as old as these that are in the default
    partition are deleted as by `prune`.

    Raises:
        ConfigurationError: The role does not own the table or may not make tables in its schema.
        DatabaseTimeoutError: The table was in use, and no lock was free within `DATABASE_LOCK_TIMEOUT`.
    """
    end = await end_of_partitions("activity_logs", before=await instant_of(older_than))
    if end is None:
        return 0
    dropped = await drop_partitions("activity_logs", before=end)
    await prune(end)
    return dropped
