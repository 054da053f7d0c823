"""The queue of YouTube downloads: what users put in, and what workers take out.

A download waits as `queued` until a worker claims it, and then belongs to that worker as long as its lease lasts:
the worker extends it with `heartbeat` or `report_progress` and ends with `complete`, `fail` or `release`. When the
lease runs out the download goes back to the queue, and whatever the worker still does is a `LeaseLostError`.
"""

from medianest_models.repositories.downloads.claims import CONFIGURED, Configured, MaxRunning, claim, release_expired
from medianest_models.repositories.downloads.leases import (
    FIRST_RETRY_DELAY,
    LEASE,
    MAX_ATTEMPTS,
    complete,
    fail,
    heartbeat,
    release,
    report_progress,
)
from medianest_models.repositories.downloads.queue import (
    cancel,
    counts_by_status,
    enqueue,
    get,
    list_by_filters,
    list_for_user,
)
from medianest_models.repositories.downloads.waiting import wait_for_work

__all__ = [
    "CONFIGURED",
    "FIRST_RETRY_DELAY",
    "LEASE",
    "MAX_ATTEMPTS",
    "Configured",
    "MaxRunning",
    "cancel",
    "claim",
    "complete",
    "counts_by_status",
    "enqueue",
    "fail",
    "get",
    "heartbeat",
    "list_by_filters",
    "list_for_user",
    "release",
    "release_expired",
    "report_progress",
    "wait_for_work",
]
