"""The load of a portal, and the measured costs of its operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Operation:
    """One kind of call.

    Attributes:
        name: The function of the package, or the kind of page.
        rate: Calls a second in the busiest minutes of today's portal.
        daily: Calls a day.
        client: The microseconds of CPU of the client.
        server: The microseconds of CPU of the database server.
        wal: The bytes that it adds to the write-ahead log; 0 for an operation that only reads.
        kept: The bytes on disk of the rows that it adds for good, with their indexes.
        on_standby: Whether it may read from a standby.
        notifies: Whether it tells the workers or those who follow changes; then it commits alone.
        claims: Whether it holds the lock of the limit of running downloads until it has committed.
    """

    name: str
    rate: float
    daily: int
    client: int
    server: int
    wal: int = 0
    kept: int = 0
    on_standby: bool = False
    notifies: bool = False
    claims: bool = False


OPERATIONS: Final = (
    Operation("sessions.verify", 2.0, 5_000, 83, 44),
    Operation("rate_limits.hit", 2.0, 5_000, 113, 148, wal=260),
    Operation("media_requests.list_for_user", 1.0, 2_500, 289, 81, on_standby=True),
    Operation("users.find_by_plex_id", 0.2, 500, 63, 22, on_standby=True),
    Operation("services.uptime", 0.1, 250, 2_500, 12_000, on_standby=True),
    Operation("media_requests.submit", 0.002, 20, 73, 195, wal=1_400, kept=660, notifies=True),
    Operation("media_requests.transition", 0.004, 40, 86, 419, wal=1_300, kept=200, notifies=True),
    Operation("downloads.enqueue", 0.002, 20, 78, 396, wal=1_100, kept=630, notifies=True),
    Operation("downloads.claim", 0.002, 20, 171, 500, wal=950, notifies=True, claims=True),
    Operation("downloads.report_progress", 0.4, 4_800, 131, 246, wal=870, notifies=True),
    Operation("downloads.complete", 0.002, 20, 176, 307, wal=840, notifies=True),
    Operation("services.record_checks", 1 / 60, 1_440, 415, 508, wal=4_900, kept=2_000, notifies=True),
)
