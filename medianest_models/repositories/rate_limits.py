"""Counting what users and anonymous callers do, and allowing so much of it in a window of time.

Windows are aligned to the epoch and begin for everybody at the same moment. An endpoint is the name of one limit: to
allow so much in a minute and so much in an hour, give each limit an endpoint of its own, because two windows of
different lengths that begin at the same moment share a counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from medianest_models.db.statements import execute, fetch_one
from medianest_models.errors import ConfigurationError, InvalidInputError
from medianest_models.repositories._arguments import as_ip_address, as_positive, as_text, as_uuid
from medianest_models.repositories._batches import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS, default_value, rate_limit_keys

if TYPE_CHECKING:
    import datetime
    from uuid import UUID

_MAX_ENDPOINT_LENGTH: Final = 255

# Raw, because counting and deciding have to be one step, under the lock of the counter's row. It is counted below the
# limit only, so that the counter can't overflow and a flood leaves no dead rows. The rule is read in the same
# statement; a stored one that makes no sense gives no row at all. statement_timestamp(), because in a long transaction
# now() may lie in a window that is over.
_HIT: Final = """
WITH stored AS (
    SELECT value FROM system_config
    WHERE key = ANY ($3::text[]) ORDER BY array_position($3::text[], key::text) LIMIT 1
), rule AS (
    SELECT
        coalesce($4::int, (value -> 'limit')::int, $6::int) AS hits,
        coalesce($5::int, (value -> 'window')::int, $7::int) AS seconds
    FROM (VALUES (TRUE)) AS always LEFT JOIN stored ON TRUE
    WHERE value IS NULL OR value @@ (
        '$.limit == $.limit.floor() && $.limit >= 1 && $.limit <= 2147483647'
        ' && $.window == $.window.floor() && $.window >= 1 && $.window <= {longest_window}'
    )::jsonpath
), current_window AS MATERIALIZED (
    SELECT hits, seconds, date_bin(seconds * interval '1 second', statement_timestamp(), 'epoch') AS begins FROM rule
), counted AS (
    INSERT INTO rate_limits AS counter ({caller}, endpoint, window_start, request_count)
    SELECT $1, $2, begins, 1 FROM current_window
    ON CONFLICT ({caller}, endpoint, window_start) DO UPDATE SET request_count = counter.request_count + 1
    WHERE counter.request_count < (SELECT hits FROM current_window)
    RETURNING request_count
)
SELECT
    hits,
    request_count,
    begins + seconds * interval '1 second' AS reset_at,
    begins + seconds * interval '1 second' - statement_timestamp() AS time_left
FROM current_window LEFT JOIN counted ON TRUE
"""
_HIT_BY: Final = {
    caller: _HIT.format(caller=caller, longest_window=LONGEST_WINDOW_SECONDS) for caller in ("user_id", "ip_address")
}

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


@dataclass(frozen=True)
class RateLimitResult:
    """What became of a hit."""

    allowed: bool
    limit: int
    """How many hits are allowed in a window."""
    remaining: int
    """How many more are allowed in this one."""
    reset_at: datetime.datetime
    """When this window ends and the next one begins."""
    retry_after: datetime.timedelta | None
    """How long it takes until then; None when the hit is allowed."""


async def hit(
    endpoint: str,
    *,
    user_id: UUID | str | None = None,
    ip_address: str | None = None,
    limit: int | None = None,
    window_seconds: int | None = None,
) -> RateLimitResult:
    """Counts one use of an endpoint and says whether it is allowed; a refused one does not count.

    In a window exactly `limit` are allowed, however many processes ask at once.

    Args:
        endpoint: The name of what is limited, such as `media.request`; at most 255 characters.
        user_id: Who uses it: a user,
        ip_address: or an anonymous caller. IPv4 and the same address wrapped in IPv6 are one caller.
        limit: How many are allowed; None for the setting `rate_limit.<endpoint>`, else `rate_limit.api.default`.
        window_seconds: In how many seconds, at most a day; None for the same setting's.

    Raises:
        InvalidInputError: An argument is not as said above, or not exactly one of user and address is given.
        InvalidReferenceError: There is no such user.
        ConfigurationError: The stored setting is not a limit and a window.
    """
    column, caller = _caller(user_id, ip_address)
    keys = rate_limit_keys(endpoint)
    fallback = default_value(keys[-1])
    if limit is not None:
        as_positive(limit, "limit")
    if window_seconds is not None and as_positive(window_seconds, "window_seconds") > LONGEST_WINDOW_SECONDS:
        raise InvalidInputError(f"window_seconds: must be at most {LONGEST_WINDOW_SECONDS}, a day")
    wanted = [] if limit is not None and window_seconds is not None else list(keys)
    row = await fetch_one(
        _HIT_BY[column], caller, endpoint, wanted, limit, window_seconds, fallback["limit"], fallback["window"]
    )
    if row is None:
        raise ConfigurationError(
            f"the setting {' or '.join(keys)} in system_config must hold a limit and a window (in seconds, at most "
            f"{LONGEST_WINDOW_SECONDS}) in whole numbers"
        )
    count: int | None = row["request_count"]
    return RateLimitResult(
        allowed=count is not None,
        limit=row["hits"],
        remaining=0 if count is None else row["hits"] - count,
        reset_at=row["reset_at"],
        retry_after=row["time_left"] if count is None else None,
    )


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
    column, caller = _caller(user_id, ip_address)
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


def _caller(user_id: UUID | str | None, ip_address: str | None) -> tuple[str, Any]:
    """The column that tells who calls, and its value."""
    if user_id is not None and ip_address is None:
        return "user_id", as_uuid(user_id, "user_id")
    if ip_address is not None and user_id is None:
        return "ip_address", as_ip_address(ip_address, "ip_address")
    raise InvalidInputError("user_id, ip_address: exactly one of the two must be given")
