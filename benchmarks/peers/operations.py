"""The measured operations."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.clients.inputs import TOGETHER
from benchmarks.peers.data import FRESH_SESSIONS, NO_CHECKS, NO_HITS, refill_queues


@dataclass(frozen=True)
class Operation:
    """One kind of call.

    Attributes:
        name: The name of the method of the clients.
        title: The title in the table.
        at_once: The number of concurrent calls.
        each: The number of operations that a call counts for.
        once: Whether a turn is a single call, because it takes seconds.
        most: The maximum number of calls per turn; None for as many as its time allows.
        before: SQL that runs before each turn, so that all peers find the same rows.
        after: SQL whose row must be the same after the check of every peer.
    """

    name: str
    title: str
    at_once: int = 10
    each: int = 1
    once: bool = False
    most: int | None = None
    before: str = ""
    after: str = "SELECT 1"


def operations(*, queue: int, checks: int) -> list[Operation]:
    """Return all operations, in the order of the table.

    Args:
        queue: The number of downloads that wait before each turn.
        checks: The number of checks per call of `record_checks`.
    """
    refill = refill_queues(queue)
    return [
        Operation("page", "page of 20 with its total"),
        Operation("page_json", "the same as JSON bytes"),
        Operation("cursor", "page after a cursor, a fifth deep"),
        Operation("cursor_json", "the page after a cursor as JSON bytes"),
        Operation("find", "user by Plex id"),
        Operation("find_together", f"{TOGETHER} users by Plex id at once", at_once=1, each=TOGETHER),
        Operation("hit", "rate limit, many keys", before=NO_HITS),
        Operation("hit_hot", "rate limit, one hot key", before=NO_HITS),
        Operation("verify", "session with its user, use noted each minute", before=FRESH_SESSIONS),
        Operation("verify_noting", "session with its user, peers note each use", before=FRESH_SESSIONS),
        Operation("claim", "claim a download, 10 workers", before=refill, most=queue - 10),
        Operation("claim_limited", "claim under a limit of 1,000", before=refill, most=min(queue, 1000) - 10),
        Operation(
            "record_checks",
            f"record {checks:,} checks",
            at_once=1,
            each=checks,
            once=True,
            before=NO_CHECKS,
            after="SELECT count(*), sum(response_time_ms), min(checked_at), max(checked_at), count(DISTINCT id),"
            " min(status) FROM service_status_history WHERE checked_at >= '2030-01-01'",
        ),
    ]
