"""The load of a portal, and the measured cost of each of its operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Operation:
    """One kind of call.

    Attributes:
        name: The function of the package, or the kind of page.
        rate: Calls a second in the busiest minutes of today's portal.
        client: The microseconds of CPU of the client.
        server: The microseconds of CPU of the database server.
        wal: The bytes that it adds to the write-ahead log; 0 for an operation that only reads.
        on_standby: Whether it may read from a standby.
        notifies: Whether it tells those who follow changes, or the workers; then it commits alone.
        claims: Whether it holds the lock of the limit of running downloads until it has committed.
    """

    name: str
    rate: float
    client: float
    server: float
    wal: float = 0.0
    on_standby: bool = False
    notifies: bool = False
    claims: bool = False


OPERATIONS: Final = (
    Operation("sessions.verify", 2.0, 27, 48),
    Operation("rate_limits.hit", 2.0, 27, 34, wal=300),
    Operation("page of 20 as JSON", 1.0, 249, 331, on_standby=True),
    Operation("users.find_by_plex_id", 0.2, 20, 10, on_standby=True),
    Operation("status page of 20 services", 0.1, 2_500, 12_000, on_standby=True),
    Operation("media_requests.submit", 0.02, 200, 200, wal=1_000, notifies=True),
    Operation("media_requests.transition", 0.04, 200, 200, wal=1_000, notifies=True),
    Operation("downloads.enqueue", 0.01, 200, 200, wal=1_000, notifies=True),
    Operation("downloads.claim", 0.01, 200, 200, wal=1_000, notifies=True, claims=True),
    Operation("downloads.report_progress", 0.4, 200, 100, wal=500, notifies=True),
    Operation("downloads.complete", 0.01, 200, 100, wal=1_000, notifies=True),
    Operation("services.record_checks of 20", 1 / 60, 300, 300, wal=4_000, notifies=True),
)
