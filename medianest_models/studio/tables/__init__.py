"""The eleven tables in the studio: what is shown of each, and which of its rules a change has to keep."""

from typing import Final

from medianest_models.studio.tables.accounts import LocalCredentials, SessionTokens, Users
from medianest_models.studio.tables.media import MediaRequests, MediaRequestStatusUpdates, YouTubeDownloads
from medianest_models.studio.tables.portal import ActivityLogs, RateLimits, SystemConfigs
from medianest_models.studio.tables.services import Services, ServiceStatusHistories

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
    ActivityLogs,
    SystemConfigs,
)
"""In the order of the menu."""

__all__ = ["TABLES"]
