"""Counters of requests in a window of time."""

from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.models import RateLimit, RollingRateLimit
from medianest_models.schemas._declaration import Declared, read_schema


@read_schema(RateLimit)
class RateLimitRead(Declared):
    """A counter: how often a user, or an anonymous caller's address, used an endpoint in one window."""

    id: UUID
    user_id: UUID | None
    ip_address: str | None
    endpoint: str
    request_count: int
    window_start: AwareDatetime


@read_schema(RollingRateLimit)
class RollingRateLimitRead(Declared):
    """A counter: how often a user, or an anonymous caller's address, used an endpoint in a rolling window."""

    id: UUID
    user_id: UUID | None
    ip_address: str | None
    endpoint: str
    window_seconds: int
    counts: list[int]
    expires_at: AwareDatetime
