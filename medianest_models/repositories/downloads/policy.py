"""The terms on which a worker gets a download: for how long, how often it is tried, how many run at once."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias

from medianest_models.checks import as_duration, as_positive, as_text
from medianest_models.errors import InvalidInputError

LEASE: Final = timedelta(minutes=5)
"""How long a worker may be silent, unless it asks for another lease."""

LONGEST_LEASE: Final = timedelta(days=365)
"""A lease may not be longer: Python has no instant after the year 9999."""

MAX_ATTEMPTS: Final = 3
"""How often a download is claimed before it fails for good."""

FIRST_RETRY_DELAY: Final = timedelta(minutes=1)
"""How long a download waits after its first attempt failed; twice as long after each further one."""


class Configured(Enum):
    """The type of `CONFIGURED`."""

    CONFIGURED = "configured"


CONFIGURED: Final = Configured.CONFIGURED
"""As `max_running`: what the setting `youtube.concurrent_downloads` says; 3 where it says nothing."""

MaxRunning: TypeAlias = int | Literal[Configured.CONFIGURED] | None
"""How many downloads may run at once, over all workers; None for any number."""


def as_max_running(value: int | Literal[Configured.CONFIGURED]) -> int | None:
    """The number itself, or None for the configured one.

    Raises:
        InvalidInputError: It is no whole number from 1.
    """
    return None if value is CONFIGURED else as_positive(value, "max_running")


def as_worker_id(value: str) -> str:
    """The worker's id itself.

    Raises:
        InvalidInputError: It is no text of 1 to 255 characters.
    """
    return as_text(value, "worker_id", max_length=255)


def as_lease(value: timedelta) -> timedelta:
    """The lease itself.

    Raises:
        InvalidInputError: It is no timedelta, not more than zero, or longer than `LONGEST_LEASE`.
    """
    if as_duration(value, "lease") > LONGEST_LEASE:
        raise InvalidInputError(f"lease: must be at most {LONGEST_LEASE.days} days")
    return value
