"""Help for the tests of an application: a row of each table, and a limit for the statements of a call.

The databases are made by the fixtures of `medianest_models.pytest_plugin`, which pytest finds by itself.
"""

from medianest_models.testing.factories import (
    a_download as a_download,
    a_follower as a_follower,
    a_local_credential as a_local_credential,
    a_maintenance as a_maintenance,
    a_media_request as a_media_request,
    a_rate_limit as a_rate_limit,
    a_rolling_rate_limit as a_rolling_rate_limit,
    a_service as a_service,
    a_service_check as a_service_check,
    a_session_token as a_session_token,
    a_setting as a_setting,
    a_status_update as a_status_update,
    a_user as a_user,
    an_activity as an_activity,
)
from medianest_models.testing.statement_counts import max_queries as max_queries

__all__ = [
    "a_download",
    "a_follower",
    "a_local_credential",
    "a_maintenance",
    "a_media_request",
    "a_rate_limit",
    "a_rolling_rate_limit",
    "a_service",
    "a_service_check",
    "a_session_token",
    "a_setting",
    "a_status_update",
    "a_user",
    "an_activity",
    "max_queries",
]
