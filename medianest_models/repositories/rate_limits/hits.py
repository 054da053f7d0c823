"""Counting one use and saying whether it is allowed, and forgetting what was counted."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from medianest_models.checks import as_ip_address, as_positive, as_text, as_uuid
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError
from medianest_models.repositories._bulk import BATCH_SIZE, delete_in_batches
from medianest_models.repositories.rate_limits.counters import COUNT_BY, Hit, turn
from medianest_models.repositories.rate_limits.statements import CLEAR, DELETE_FIXED, DELETE_ROLLING
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS, MAX_ENDPOINT_LENGTH, rate_limit_keys


@dataclass(frozen=True)
class RateLimitResult:
    """The outcome of a hit."""

    allowed: bool
    limit: int
    """The number of hits that a window allows."""
    remaining: int
    """The number of hits that are still allowed now."""
    reset_at: datetime.datetime
    """The end of this window; for a rolling one, the time from which no present hit counts any more."""
    retry_after: datetime.timedelta | None
    """The time until another hit can be allowed; None if this one is allowed."""


@on_primary
async def hit(
    endpoint: str,
    *,
    user_id: UUID | str | None = None,
    ip_address: str | None = None,
    ipv6_prefix: int | None = None,
    limit: int | None = None,
    window_seconds: int | None = None,
    rolling: bool = False,
) -> RateLimitResult:
    """Count one use of an endpoint and return whether it is allowed; a rejected one does not count.

    A window allows exactly `limit` hits, with any number of concurrent processes. Windows are fixed, so twice as many
    can be allowed in a short time around the boundary of two windows: `limit` at the end of one and `limit` at the
    beginning of the next. A rolling window has no boundary: any time span of its length allows at most `limit` hits. It
    counts in tenths of its length, and may reject hits for up to a tenth longer than necessary. Fixed and rolling
    windows, and rolling ones of different lengths, have separate counters.

    Args:
        endpoint: The name of the limit, such as `media.request`; at most 255 characters.
        user_id: The caller, if it is a user. Either this or `ip_address` is given.
        ip_address: The address of an anonymous caller. An IPv4 address and its IPv6-wrapped form are one caller.
        ipv6_prefix: From 1 to 128: count all IPv6 addresses with the same prefix of this many bits as one caller. In
            most networks, all machines share 64 bits, and each can use any number of addresses.
        limit: The number of allowed hits; None for the setting `rate_limit.<endpoint>`, or else
            `rate_limit.api.default`.
        window_seconds: The length of the window, at most a day; None for the same setting's.
        rolling: Whether the window is rolling.

    Raises:
        InvalidReferenceError: There is no such user.
        ConfigurationError: The stored setting is not a limit and a window.
        DatabaseTimeoutError: Another transaction held the counter's lock for too long.
    """
    column, caller = _caller_column(user_id, ip_address, ipv6_prefix)
    keys = rate_limit_keys(endpoint)
    if limit is not None:
        as_positive(limit, "limit")
    if window_seconds is not None and as_positive(window_seconds, "window_seconds") > LONGEST_WINDOW_SECONDS:
        raise InvalidInputError(f"window_seconds: must be at most {LONGEST_WINDOW_SECONDS}, a day")
    count = await COUNT_BY[column, rolling](Hit(caller, endpoint, keys, limit, window_seconds))
    return RateLimitResult(
        allowed=count.number is not None,
        limit=count.limit,
        remaining=0 if count.number is None else count.limit - count.number,
        reset_at=count.reset_at,
        retry_after=count.time_left if count.number is None else None,
    )


async def clear(
    endpoint: str | None = None,
    *,
    user_id: UUID | str | None = None,
    ip_address: str | None = None,
    ipv6_prefix: int | None = None,
) -> int:
    """Forget what a caller has used of an endpoint, or of all: the next hit is the first of its window.

    The caller is given as the hits were. Return how many counters were deleted.
    """
    column, caller = _caller_column(user_id, ip_address, ipv6_prefix)
    if endpoint is not None:
        as_text(endpoint, "endpoint", max_length=MAX_ENDPOINT_LENGTH)
    async with turn((caller, endpoint or "")):
        (row,) = await fetch(CLEAR.format(caller=column), caller, endpoint)
        return int(row["deleted"])


async def delete_expired(*, batch_size: int = BATCH_SIZE) -> int:
    """Delete the counters that can't matter any more, and return how many.

    Those are the fixed ones that began more than a day ago, which is the longest that a window can be, and the rolling
    ones of which no hit counts any more. It can be stopped at any time, and run in several processes at once: what was
    deleted until then stays deleted.
    """
    fixed = await delete_in_batches(DELETE_FIXED, LONGEST_WINDOW_SECONDS, batch_size=batch_size)
    return fixed + await delete_in_batches(DELETE_ROLLING, batch_size=batch_size)


def _caller_column(user_id: UUID | str | None, ip_address: str | None, ipv6_prefix: int | None) -> tuple[str, Any]:
    """Check who calls, and say which column tells it."""
    if user_id is not None and ip_address is None:
        return "user_id", as_uuid(user_id, "user_id")
    if ip_address is not None and user_id is None:
        return "ip_address", as_ip_address(ip_address, "ip_address", ipv6_prefix=ipv6_prefix)
    raise InvalidInputError("user_id, ip_address: exactly one of the two must be given")
