"""The twelve tables in the studio: what is shown of each, and which of its rules a change has to keep."""

from typing import Final

from medianest_models.studio.tables.activity import ActivityLogs
from medianest_models.studio.tables.downloads import YouTubeDownloads
from medianest_models.studio.tables.media_requests import MediaRequests, MediaRequestStatusUpdates
from medianest_models.studio.tables.rate_limits import RateLimits, RollingRateLimits
from medianest_models.studio.tables.services import Services, ServiceStatusHistories
from medianest_models.studio.tables.sessions import SessionTokens
from medianest_models.studio.tables.system_config import SystemConfigs
from medianest_models.studio.tables.users import LocalCredentials, Users

TABLES: Final = (
    Users,
    LocalCredentials,
    MediaRequests,
    MediaRequestStatusUpdates,
    YouTubeDownloads,
    Services,
    ServiceStatusHistories,
    SessionTokens,
    RateLimits,
    RollingRateLimits,
    ActivityLogs,
    SystemConfigs,
)
"""In the order of the menu."""

__all__ = ["TABLES"]
