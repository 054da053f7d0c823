"""The services that the portal depends on: their configuration, their checks, statistics of these, and maintenance.

A service is identified by its `name`.
"""

from medianest_models.repositories.services import maintenance as maintenance
from medianest_models.repositories.services.availability import (
    Incident as Incident,
    Uptime as Uptime,
    incidents as incidents,
    incidents_by_service as incidents_by_service,
    uptime as uptime,
    uptime_by_service as uptime_by_service,
)
from medianest_models.repositories.services.checks import (
    Check as Check,
    CheckTuple as CheckTuple,
    LatestStatus as LatestStatus,
    latest_statuses as latest_statuses,
    record_check as record_check,
    record_checks as record_checks,
)
from medianest_models.repositories.services.registry import (
    UNCHANGED as UNCHANGED,
    Unchanged as Unchanged,
    configure as configure,
    get as get,
    list_enabled as list_enabled,
)
from medianest_models.repositories.services.response_times import (
    response_time_percentiles as response_time_percentiles,
    response_time_percentiles_by_service as response_time_percentiles_by_service,
)
from medianest_models.repositories.services.retention import (
    drop_history as drop_history,
    prune_history as prune_history,
)
from medianest_models.repositories.services.rollups import (
    hours_to_roll_up as hours_to_roll_up,
    roll_up as roll_up,
)
