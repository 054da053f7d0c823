"""Forgetting what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medianest_models.checks import as_text
from medianest_models.db.statements import execute
from medianest_models.repositories._batches import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.rate_limits.counters import caller_column
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS

if TYPE_CHECKING:
    from uuid import UUID

_MAX_ENDPOINT_LENGTH: Final = 255

# Raw, as a DELETE on the one of two columns that is asked for.
_CLEAR_BY: Final = {
    "user_id": "DELETE FROM rate_limits WHERE user_id = $1 AND endpoint = coalesce($2, endpoint)",
    "ip_address": "DELETE FROM rate_limits WHERE ip_address = $1 AND endpoint = coalesce($2, endpoint)",
}

# Raw, because a DELETE has no LIMIT. What another process deletes in this moment is left to it.
_DELETE_EXPIRED: Final = """
DELETE FROM rate_limits WHERE id = ANY (ARRAY (
    SELECT id FROM rate_limits WHERE window_start < now() - $1 * interval '1 second'
    ORDER BY window_start LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""


async def clear(
    endpoint: str | None = None, *, user_id: UUID | str | None = None, ip_address: str | None = None
) -> int:
    """Forgets what a caller has used: the next hit is the first of its window.

    Args:
        endpoint: What was used; None for everything.
        user_id: Who used it: a user,
        ip_address: or an anonymous caller.

    Returns:
        How many counters were deleted.

    Raises:
        InvalidInputError: An argument can't be right, or not exactly one of user and address is given.
    """
    column, caller = caller_column(user_id, ip_address)
    if endpoint is not None:
        as_text(endpoint, "endpoint", max_length=_MAX_ENDPOINT_LENGTH)
    return await execute(_CLEAR_BY[column], caller, endpoint)


async def delete_expired(*, batch_size: int = BATCH_SIZE) -> int:
    """Deletes the counters that began more than a day ago, which is the longest that a window can be.

    It can be stopped at any time, and run in several processes at once: what was deleted until then stays deleted.

    Args:
        batch_size: How many to delete at a time, each time in a transaction of its own.

    Returns:
        How many counters were deleted.

    Raises:
        InvalidInputError: `batch_size` is not from 1 on.
    """
    return await delete_in_batches(_DELETE_EXPIRED, LONGEST_WINDOW_SECONDS, batch_size=batch_size)
