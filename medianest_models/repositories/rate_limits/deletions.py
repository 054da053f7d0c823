"""Forgetting what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medianest_models.checks import as_text
from medianest_models.db.statements import fetch
from medianest_models.repositories._batches import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.rate_limits.counters import caller_column
from medianest_models.repositories.rate_limits.turns import turn
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS, MAX_ENDPOINT_LENGTH

if TYPE_CHECKING:
    from uuid import UUID

# Raw, as one statement for both kinds of counters.
_CLEAR: Final = """
WITH fixed AS (DELETE FROM rate_limits WHERE {caller} = $1 AND endpoint = coalesce($2, endpoint) RETURNING id),
    rolling AS (DELETE FROM rolling_rate_limits WHERE {caller} = $1 AND endpoint = coalesce($2, endpoint) RETURNING id)
SELECT (SELECT count(*) FROM fixed) + (SELECT count(*) FROM rolling) AS deleted
"""

# Raw, because a DELETE has no LIMIT. What another process deletes in this moment is left to it.
_DELETE_FIXED: Final = """
DELETE FROM rate_limits WHERE id = ANY (ARRAY (
    SELECT id FROM rate_limits WHERE window_start < now() - $1 * interval '1 second'
    ORDER BY window_start LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""
_DELETE_ROLLING: Final = """
DELETE FROM rolling_rate_limits WHERE id = ANY (ARRAY (
    SELECT id FROM rolling_rate_limits WHERE expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
))
"""


async def clear(
    endpoint: str | None = None,
    *,
    user_id: UUID | str | None = None,
    ip_address: str | None = None,
    ipv6_prefix: int | None = None,
) -> int:
    """Forget what a caller has used: the next hit is the first of its window.

    Args:
        endpoint: What was used; None for everything.
        user_id: Who used it: a user,
        ip_address: or an anonymous caller.
        ipv6_prefix: The one that the hits were counted with.

    Returns:
        How many counters were deleted.

    Raises:
        InvalidInputError: An argument can't be right, or not exactly one of user and address is given.
    """
    column, caller = caller_column(user_id, ip_address, ipv6_prefix)
    if endpoint is not None:
        as_text(endpoint, "endpoint", max_length=MAX_ENDPOINT_LENGTH)
    async with turn((caller, endpoint or "")):
        (row,) = await fetch(_CLEAR.format(caller=column), caller, endpoint)
    deleted: int = row["deleted"]
    return deleted


async def delete_expired(*, batch_size: int = BATCH_SIZE) -> int:
    """Delete the counters that can't matter any more.

    Those are the fixed ones that began more than a day ago, which is the longest that a window can be, and the rolling
    ones of which no hit counts any more. It can be stopped at any time, and run in several processes at once: what was
    deleted until then stays deleted.

    Args:
        batch_size: How many to delete at a time, each time in a transaction of its own.

    Returns:
        How many counters were deleted.

    Raises:
        InvalidInputError: `batch_size` is not from 1 on.
    """
    fixed = await delete_in_batches(_DELETE_FIXED, LONGEST_WINDOW_SECONDS, batch_size=batch_size)
    return fixed + await delete_in_batches(_DELETE_ROLLING, batch_size=batch_size)
