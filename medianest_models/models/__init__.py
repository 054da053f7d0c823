"""The eleven tables."""

from medianest_models.models.activity import ActivityLog
from medianest_models.models.downloads import YouTubeDownload
from medianest_models.models.media_requests import MediaRequest, MediaRequestStatusUpdate
from medianest_models.models.rate_limits import RateLimit
from medianest_models.models.services import Service, ServiceStatusHistory
from medianest_models.models.sessions import SessionToken
from medianest_models.models.system_config import SystemConfig
from medianest_models.models.users import LocalCredential, User

__all__ = [
    "ActivityLog",
    "LocalCredential",
    "MediaRequest",
    "MediaRequestStatusUpdate",
    "RateLimit",
    "Service",
    "ServiceStatusHistory",
    "SessionToken",
    "SystemConfig",
    "User",
    "YouTubeDownload",
]
