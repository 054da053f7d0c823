"""The tables."""

from tortoise import Tortoise
from tortoise.context import TortoiseContext

from medianest_models.models.activity import ActivityLog
from medianest_models.models.downloads import YouTubeDownload
from medianest_models.models.media_requests import MediaRequest, MediaRequestFollower, MediaRequestStatusUpdate
from medianest_models.models.rate_limits import RateLimit, RollingRateLimit
from medianest_models.models.services import Service, ServiceMaintenance, ServiceStatusHistory
from medianest_models.models.sessions import SessionToken
from medianest_models.models.system_config import SystemConfig
from medianest_models.models.users import LocalCredential, User
from medianest_models.settings import APP, DEFAULT_ALIAS

# This initialises the models' relations and their id attributes. Without it, an instance made before connecting would
# lose its user_id, and a schema made at import its relations. The context ends here, so that nothing is connected.
with TortoiseContext():
    Tortoise.init_models([__name__], APP)

__all__ = [
    "ActivityLog",
    "LocalCredential",
    "MediaRequest",
    "MediaRequestFollower",
    "MediaRequestStatusUpdate",
    "RateLimit",
    "RollingRateLimit",
    "Service",
    "ServiceMaintenance",
    "ServiceStatusHistory",
    "SessionToken",
    "SystemConfig",
    "User",
    "YouTubeDownload",
]

for _name in __all__:  # so that a query before connecting raises this package's error
    globals()[_name]._meta.default_connection = DEFAULT_ALIAS
