"""Schemas for an API over the tables: no schema that is read holds a secret.

A noun's schemas are built when one of them is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from medianest_models.schemas.activity import ActivityLogRead
    from medianest_models.schemas.downloads import YouTubeDownloadCreate, YouTubeDownloadRead
    from medianest_models.schemas.media_requests import (
        MediaRequestCreate,
        MediaRequestRead,
        MediaRequestStatusUpdateCreate,
        MediaRequestStatusUpdateRead,
    )
    from medianest_models.schemas.rate_limits import RateLimitRead, RollingRateLimitRead
    from medianest_models.schemas.services import (
        ServiceRead,
        ServiceStatusHistoryCreate,
        ServiceStatusHistoryRead,
        ServiceUpdate,
    )
    from medianest_models.schemas.sessions import SessionTokenRead
    from medianest_models.schemas.system_config import SystemConfigRead, SystemConfigUpdate
    from medianest_models.schemas.users import LocalCredentialRead, UserCreate, UserWithoutSecrets

__all__ = [
    "ActivityLogRead",
    "LocalCredentialRead",
    "MediaRequestCreate",
    "MediaRequestRead",
    "MediaRequestStatusUpdateCreate",
    "MediaRequestStatusUpdateRead",
    "RateLimitRead",
    "RollingRateLimitRead",
    "ServiceRead",
    "ServiceStatusHistoryCreate",
    "ServiceStatusHistoryRead",
    "ServiceUpdate",
    "SessionTokenRead",
    "SystemConfigRead",
    "SystemConfigUpdate",
    "UserCreate",
    "UserWithoutSecrets",
    "YouTubeDownloadCreate",
    "YouTubeDownloadRead",
]

_NOUNS: Final = {
    "ActivityLogRead": "activity",
    "LocalCredentialRead": "users",
    "MediaRequestCreate": "media_requests",
    "MediaRequestRead": "media_requests",
    "MediaRequestStatusUpdateCreate": "media_requests",
    "MediaRequestStatusUpdateRead": "media_requests",
    "RateLimitRead": "rate_limits",
    "RollingRateLimitRead": "rate_limits",
    "ServiceRead": "services",
    "ServiceStatusHistoryCreate": "services",
    "ServiceStatusHistoryRead": "services",
    "ServiceUpdate": "services",
    "SessionTokenRead": "sessions",
    "SystemConfigRead": "system_config",
    "SystemConfigUpdate": "system_config",
    "UserCreate": "users",
    "UserWithoutSecrets": "users",
    "YouTubeDownloadCreate": "downloads",
    "YouTubeDownloadRead": "downloads",
}


if not TYPE_CHECKING:  # to a type checker every name would exist

    def __getattr__(name: str) -> Any:
        if name not in _NOUNS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_NOUNS[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
