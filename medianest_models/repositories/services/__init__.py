"""The services that the portal depends on: their configuration, their checks, and statistics of these.

A service is identified by its `name`.
"""

from medianest_models.repositories.services.availability import Incident, Uptime, incidents, uptime
from medianest_models.repositories.services.checks import (
    Check,
    CheckTuple,
    LatestStatus,
    latest_statuses,
    prune_history,
    record_check,
    record_checks,
)
from medianest_models.repositories.services.registry import UNCHANGED, Unchanged, configure, get, list_enabled
from medianest_models.repositories.services.response_times import response_time_percentiles

__all__ = [
    "UNCHANGED",
    "Check",
    "CheckTuple",
    "Incident",
    "LatestStatus",
    "Unchanged",
    "Uptime",
    "configure",
    "get",
    "incidents",
    "latest_statuses",
    "list_enabled",
    "prune_history",
    "record_check",
    "record_checks",
    "response_time_percentiles",
    "uptime",
]
