"""Rate limits of requests, told in `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

import datetime
import functools
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from starlette.requests import Request

from medianest_models.errors import ConfigurationError
from medianest_models.models import User
from medianest_models.repositories import rate_limits
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.web.callers import client_address, optional_user
from medianest_models.web.installation import Exchange
from medianest_models.web.problems import ProblemError

ResultT = TypeVar("ResultT")

_IPV6_PREFIX: Final = 64
"""The bits of an IPv6 address that all machines of most networks share."""


async def rate_limit(
    request: Request,
    endpoint: str,
    *,
    limit: int | None = None,
    window_seconds: int | None = None,
    rolling: bool = False,
) -> RateLimitResult:
    """Count a request, and refuse it if its caller has made too many; the response says how many are left.

    The caller is the signed-in user, or else the client's address. Of IPv6 addresses, those of one /64 network are one
    caller.

    Args:
        request: The request.
        endpoint: The name of the limit, such as `media.request`.
        limit: As for `rate_limits.hit`, like the next two.
        window_seconds: The length of the window.
        rolling: Whether the window is rolling.

    Raises:
        ProblemError: With status 429 and `Retry-After`.
        ConfigurationError: The stored setting makes no sense, or the server gives no address of an anonymous client.
    """
    user = await optional_user(request)
    return await count_hit(request, endpoint, user=user, limit=limit, window_seconds=window_seconds, rolling=rolling)


def rate_limited(
    endpoint: str, *, limit: int | None = None, window_seconds: int | None = None, rolling: bool = False
) -> Callable[[Callable[[Request], Awaitable[ResultT]]], Callable[[Request], Awaitable[ResultT]]]:
    """Limit an endpoint of Starlette, as a decorator; the arguments are those of `rate_limit`."""

    def decorate(handler: Callable[[Request], Awaitable[ResultT]]) -> Callable[[Request], Awaitable[ResultT]]:
        @functools.wraps(handler)
        async def limited(request: Request) -> ResultT:
            await rate_limit(request, endpoint, limit=limit, window_seconds=window_seconds, rolling=rolling)
            return await handler(request)

        return limited

    return decorate


async def count_hit(
    request: Request, endpoint: str, *, user: User | None, window_seconds: int | None, **options: Any
) -> RateLimitResult:
    """Count a request as `rate_limit` does, of a user or, without one, of the client's address."""
    if user is not None:
        hit = await rate_limits.hit(endpoint, user_id=user.id, window_seconds=window_seconds, **options)
    elif (address := client_address(request)) is not None:
        hit = await rate_limits.hit(
            endpoint, ip_address=address, ipv6_prefix=_IPV6_PREFIX, window_seconds=window_seconds, **options
        )
    else:
        raise ConfigurationError("the server gives no address of its clients, by which to limit them")
    name = f'"{endpoint}"'
    left = hit.retry_after or hit.reset_at - datetime.datetime.now(datetime.UTC)
    seconds = max(0, math.ceil(left.total_seconds()))
    window = "" if window_seconds is None else f";w={window_seconds}"
    Exchange.of(request).headers += [
        ("RateLimit-Policy", f"{name};q={hit.limit}{window}"),
        ("RateLimit", f"{name};r={hit.remaining};t={seconds}"),
    ]
    if not hit.allowed:
        raise ProblemError(
            429,
            "rate-limited",
            "Too many requests",
            detail=f"Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            members={"violated-policies": [endpoint]},
        )
    return hit
