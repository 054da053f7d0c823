"""Schemas of the tables for an API: no schema for reading contains a secret."""

from medianest_models.schemas.activity import ActivityLogRead
from medianest_models.schemas.downloads import YouTubeDownloadCreate, YouTubeDownloadLeaseRead, YouTubeDownloadRead
from medianest_models.schemas.media_requests import (
    MediaRequestCreate,
    MediaRequestFollowerRead,
    MediaRequestRead,
    MediaRequestStatusUpdateCreate,
    MediaRequestStatusUpdateRead,
)
from medianest_models.schemas.rate_limits import RateLimitRead, RollingRateLimitRead
from medianest_models.schemas.services import (
    ServiceMaintenanceCreate,
    ServiceMaintenanceRead,
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
    "MediaRequestFollowerRead",
    "MediaRequestRead",
    "MediaRequestStatusUpdateCreate",
    "MediaRequestStatusUpdateRead",
    "RateLimitRead",
    "RollingRateLimitRead",
    "ServiceMaintenanceCreate",
    "ServiceMaintenanceRead",
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
    "YouTubeDownloadLeaseRead",
    "YouTubeDownloadRead",
]
