"""The enums of column values, and the allowed changes of a status.

The values are stored as written here; a CHECK on each column rejects any other value from every client.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class UserRole(StrEnum):
    """The rights of a user: to administer the portal, or to use it."""

    USER = "user"
    ADMIN = "admin"


class UserStatus(StrEnum):
    """The state of a user: only an active one may sign in."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class RequestStatus(StrEnum):
    """The state of a media request."""

    PENDING = "pending"
    APPROVED = "approved"
    AVAILABLE = "available"
    FAILED = "failed"


class DownloadStatus(StrEnum):
    """The state of a YouTube download."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    COMPLETED = "completed"
    FAILED = "failed"


class ServiceStatus(StrEnum):
    """The state that a check of a service found."""

    UP = "up"
    DOWN = "down"
    DEGRADED = "degraded"


class DownloadPriority(IntEnum):
    """The rank of a download in the queue: the higher number goes first. Numbers between these are for later use."""

    LOW = 0
    NORMAL = 10
    HIGH = 20


OPEN_REQUEST_STATUSES: Final = frozenset({RequestStatus.PENDING, RequestStatus.APPROVED})
"""A request with one of these blocks another one for the same title."""

ACTIVE_DOWNLOAD_STATUSES: Final = frozenset({DownloadStatus.QUEUED, DownloadStatus.DOWNLOADING})
"""A download with one of these blocks another one of the same playlist by the same user."""

REQUEST_TRANSITIONS: Final[Mapping[RequestStatus, frozenset[RequestStatus]]] = MappingProxyType(
    {
        RequestStatus.PENDING: frozenset({RequestStatus.APPROVED, RequestStatus.FAILED}),
        RequestStatus.APPROVED: frozenset({RequestStatus.AVAILABLE, RequestStatus.FAILED}),
        RequestStatus.AVAILABLE: frozenset(),
        RequestStatus.FAILED: frozenset({RequestStatus.PENDING}),
    }
)
"""From each status of a media request, the statuses it may change to."""
