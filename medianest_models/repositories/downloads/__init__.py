"""The queue of YouTube downloads, which users fill and workers empty.

`run_worker` is a whole worker around a function that does one download; the other functions are for your own.

A download is `queued` until a worker claims it, and then belongs to that worker for the duration of its lease. The
worker extends the lease with `heartbeat` or `report_progress`, and ends it with `complete`, `fail` or `release`. When
the lease expires, the download goes back to the queue, and later calls of the worker raise a `LeaseLostError`. While
the queue is paused, nothing is claimed.
"""

from medianest_models.repositories.downloads.claims import CONFIGURED, Configured, MaxRunning, claim, release_expired
from medianest_models.repositories.downloads.jobs import Handler, ReportProgress, Result
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
from medianest_models.repositories.downloads.pauses import Pause, pause, pause_status, resume
from medianest_models.repositories.downloads.queue import (
    Enqueued,
    cancel,
    counts_by_status,
    enqueue,
    enqueue_many,
    get,
    list_by_filters,
    list_for_user,
    prune,
    requeue,
)
from medianest_models.repositories.downloads.waiting import wait_for_work
from medianest_models.repositories.downloads.worker import run_worker

__all__ = [
    "CONFIGURED",
    "FIRST_RETRY_DELAY",
    "LEASE",
    "MAX_ATTEMPTS",
    "Configured",
    "Enqueued",
    "Handler",
    "MaxRunning",
    "Pause",
    "ReportProgress",
    "Result",
    "cancel",
    "claim",
    "complete",
    "counts_by_status",
    "enqueue",
    "enqueue_many",
    "fail",
    "get",
    "heartbeat",
    "list_by_filters",
    "list_for_user",
    "pause",
    "pause_status",
    "prune",
    "release",
    "release_expired",
    "report_progress",
    "requeue",
    "resume",
    "run_worker",
    "wait_for_work",
]
