"""Factories: each saves a row of one table, valid as it is, and returns its instance.

A keyword is a column or a relation of the model, and replaces the factory's own value; an unknown one is a TypeError.
What a row refers to is made too, unless it is given, as the instance (`user=ann`) or as its id (`user_id=ann.id`). Two
rows of one factory never have the same unique key.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from medianest_models.encryption import hash_token, new_token
from medianest_models.enums import OPEN_REQUEST_STATUSES, DownloadStatus, RequestStatus, ServiceStatus
from medianest_models.models import (
    ActivityLog,
    LocalCredential,
    MediaRequest,
    MediaRequestFollower,
    MediaRequestStatusUpdate,
    RateLimit,
    RollingRateLimit,
    Service,
    ServiceMaintenance,
    ServiceStatusHistory,
    SessionToken,
    SystemConfig,
    User,
    YouTubeDownload,
)
from medianest_models.models.base import Base

ModelT = TypeVar("ModelT", bound=Base)

_PARTS: Final = 11  # of the window of a RollingRateLimit
_numbers: Final = itertools.count(1)


async def a_user(**columns: Any) -> User:
    """Make an active user without a token or an email address."""
    number = next(_numbers)
    return await _save(User, {"plex_id": f"plex-{number}", "plex_username": f"user {number}"}, columns)


async def a_local_credential(**columns: Any) -> LocalCredential:
    """Make the user name of a user, whose password nobody knows: `users.set_password` sets another one."""
    own = {"username": f"local-{next(_numbers)}", "password_hash": "none"}  # no hash, so that no password fits it
    return await _save(LocalCredential, own, await _with_user(columns))


async def a_media_request(**columns: Any) -> MediaRequest:
    """Make a pending request for a film, or for a series if a `season` is given; a closed one was closed just now."""
    number = next(_numbers)
    own: dict[str, Any] = {"title": f"Title {number}", "tmdb_id": str(number)}
    own["media_type"] = "movie" if columns.get("season") is None else "tv"
    if columns.get("status", RequestStatus.PENDING) not in OPEN_REQUEST_STATUSES:
        own["completed_at"] = _now()
    return await _save(MediaRequest, own, await _with_user(columns))


async def a_status_update(**columns: Any) -> MediaRequestStatusUpdate:
    """Make an entry "pending" in the history of a request."""
    return await _save(MediaRequestStatusUpdate, {"status": RequestStatus.PENDING}, await _with_request(columns))


async def a_follower(**columns: Any) -> MediaRequestFollower:
    """Make a user who waits for a request of somebody else."""
    return await _save(MediaRequestFollower, {}, await _with_user(await _with_request(columns)))


async def a_download(**columns: Any) -> YouTubeDownload:
    """Make a queued download; one with another `status` has what belongs to it, such as a worker with a lease."""
    number, now = next(_numbers), _now()
    own: dict[str, Any] = {"playlist_url": f"https://www.youtube.com/playlist?list={number}"}
    match columns.get("status"):
        case DownloadStatus.DOWNLOADING:
            lease = now + timedelta(minutes=5)
            own |= {"worker_id": f"worker-{number}", "attempts": 1, "started_at": now, "lease_expires_at": lease}
        case DownloadStatus.COMPLETED:
            own |= {"attempts": 1, "started_at": now, "completed_at": now, "progress": 100}
        case DownloadStatus.FAILED:
            own |= {"attempts": 1, "started_at": now, "completed_at": now, "error_message": "unavailable"}
    return await _save(YouTubeDownload, own, await _with_user(columns))


async def a_service(**columns: Any) -> Service:
    """Make an enabled service without a URL, a key or a configuration."""
    number = next(_numbers)
    return await _save(Service, {"name": f"service-{number}", "display_name": f"Service {number}"}, columns)


async def a_service_check(**columns: Any) -> ServiceStatusHistory:
    """Make a check that found a service up just now."""
    return await _save(ServiceStatusHistory, {"status": ServiceStatus.UP}, await _with_service(columns))


async def a_maintenance(**columns: Any) -> ServiceMaintenance:
    """Make a maintenance window of a service, which has just begun and has no end."""
    return await _save(ServiceMaintenance, {"begins_at": _now()}, await _with_service(columns))


async def a_session_token(*, token: str | None = None, **columns: Any) -> SessionToken:
    """Make the token of a session that lasts for an hour.

    Args:
        token: What its bearer presents; a random one if None.
        **columns: Columns or relations, as for each factory.
    """
    own = {
        "token_hash": new_token().hash if token is None else hash_token(token),
        "expires_at": _now() + timedelta(hours=1),
    }
    return await _save(SessionToken, own, await _with_user(columns))


async def a_rate_limit(**columns: Any) -> RateLimit:
    """Make the counter of a user, or of the `ip_address` if one is given, in this minute."""
    return await _save(RateLimit, {"endpoint": "media.request", "request_count": 1}, await _with_caller(columns))


async def a_rolling_rate_limit(**columns: Any) -> RollingRateLimit:
    """Make the counter of a user, or of the `ip_address` if one is given, in a rolling window of a minute."""
    own = {
        "endpoint": "media.request",
        "window_seconds": 60,
        "counts": [1] + [0] * (_PARTS - 1),
        "expires_at": _now() + timedelta(minutes=1),
    }
    return await _save(RollingRateLimit, own, await _with_caller(columns))


async def an_activity(**columns: Any) -> ActivityLog:
    """Make an entry of the activity log that a user has signed in."""
    return await _save(ActivityLog, {"action": "login"}, await _with_user(columns))


async def a_setting(**columns: Any) -> SystemConfig:
    """Make a setting of the portal."""
    return await _save(SystemConfig, {"key": f"test.setting_{next(_numbers)}", "value": True}, columns)


async def _save(model: type[ModelT], own: dict[str, Any], columns: dict[str, Any]) -> ModelT:
    return await model.create(**own | columns)


async def _with_user(columns: dict[str, Any]) -> dict[str, Any]:
    return columns if {"user", "user_id"} & columns.keys() else columns | {"user": await a_user()}


async def _with_request(columns: dict[str, Any]) -> dict[str, Any]:
    named = {"request", "request_id"} & columns.keys()
    return columns if named else columns | {"request": await a_media_request()}


async def _with_service(columns: dict[str, Any]) -> dict[str, Any]:
    return columns if {"service", "service_id"} & columns.keys() else columns | {"service": await a_service()}


async def _with_caller(columns: dict[str, Any]) -> dict[str, Any]:
    return columns if columns.get("ip_address") is not None else await _with_user(columns)


def _now() -> datetime:
    return datetime.now(UTC)
