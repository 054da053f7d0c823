"""The rules by which a worker gets a download: for how long, how often it is tried, how many run at once."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias

from medianest_models.checks import MAX_INT, as_duration, as_positive, as_text
from medianest_models.errors import InvalidInputError

LEASE: Final = timedelta(minutes=5)
"""The longest silence of a worker, unless it asks for another lease."""

LONGEST_LEASE: Final = timedelta(days=365)
"""A lease may not be longer: Python has no instant after the year 9999."""

MAX_ATTEMPTS: Final = 3
"""The number of claims after which a download fails for good."""

FIRST_RETRY_DELAY: Final = timedelta(minutes=1)
"""The wait after the first attempt that failed; twice as long after each further one."""

BACK_IN_QUEUE: Final = (
    "status = 'queued', attempts = attempts - 1, progress = 0, worker_id = NULL, lease_expires_at = NULL"
)
"""The columns of a download whose attempt does not count, in SQL."""


class Configured(Enum):
    """The type of `CONFIGURED`."""

    CONFIGURED = "configured"


CONFIGURED: Final = Configured.CONFIGURED
"""As `max_running`: what the setting `youtube.concurrent_downloads` says; 3 where it says nothing."""

MaxRunning: TypeAlias = int | Literal[Configured.CONFIGURED] | None
"""The number of downloads that may run at once, over all workers; None for any number."""


def as_max_running(value: MaxRunning) -> int | None:
    """Return the number as the database takes it: the largest int for any number, None for the configured one.

    Raises:
        InvalidInputError: It is no whole number from 1.
    """
    if value is None:
        return MAX_INT
    return None if value is CONFIGURED else as_positive(value, "max_running")


def as_worker_id(value: str) -> str:
    """Return the worker's id.

    Raises:
        InvalidInputError: It is no text of 1 to 255 characters.
    """
    return as_text(value, "worker_id", max_length=255)


def as_lease(value: timedelta) -> float:
    """Return the lease in seconds, because the driver sends a day as a calendar's, which may have 23 hours.

    Raises:
        InvalidInputError: It is no timedelta, not more than zero, or longer than `LONGEST_LEASE`.
    """
    if as_duration(value, "lease") > LONGEST_LEASE:
        raise InvalidInputError(f"lease: must be at most {LONGEST_LEASE.days} days")
    return value.total_seconds()
