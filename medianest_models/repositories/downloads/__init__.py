"""The queue of YouTube downloads, which users fill and workers empty.

`run_worker` is a whole worker around a function that does one download; the other functions are for your own.

A download is `queued` until a worker claims it, and then belongs to that worker for the duration of its lease. The
worker extends the lease with `heartbeat` or `report_progress`, and ends it with `complete`, `fail` or `release`. When
the lease expires, the download goes back to the queue, and later calls of the worker raise a `LeaseLostError`. While
the queue is paused, nothing is claimed.
"""

from medianest_models.repositories.downloads.claims import (
    CONFIGURED as CONFIGURED,
    Configured as Configured,
    MaxRunning as MaxRunning,
    claim as claim,
    release_expired as release_expired,
)
from medianest_models.repositories.downloads.jobs import (
    Handler as Handler,
    ReportProgress as ReportProgress,
    Result as Result,
)
from medianest_models.repositories.downloads.leases import (
    FIRST_RETRY_DELAY as FIRST_RETRY_DELAY,
    LEASE as LEASE,
    MAX_ATTEMPTS as MAX_ATTEMPTS,
    complete as complete,
    fail as fail,
    heartbeat as heartbeat,
    release as release,
    report_progress as report_progress,
)
from medianest_models.repositories.downloads.pauses import (
    Pause as Pause,
    pause as pause,
    pause_status as pause_status,
    resume as resume,
)
from medianest_models.repositories.downloads.queue import (
    Enqueued as Enqueued,
    cancel as cancel,
    counts_by_status as counts_by_status,
    enqueue as enqueue,
    enqueue_many as enqueue_many,
    get as get,
    list_by_filters as list_by_filters,
    list_for_user as list_for_user,
    prune as prune,
    requeue as requeue,
)
from medianest_models.repositories.downloads.waiting import wait_for_work as wait_for_work
from medianest_models.repositories.downloads.worker import run_worker as run_worker
