"""The invariants after a soak test, checked with the workers' journals and the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from statistics import median
from typing import Any, Final

from benchmarks.soak.journal import Report
from benchmarks.soak.worker import HITS, MAX_RUNNING
from medianest_models.db.statements import fetch

_ORDER: Final = ["pending", "approved", "available"]
"""The statuses of a request in this test."""
_HISTORIES: Final = """
SELECT r.status, array_agg(u.status ORDER BY u.created_at) AS statuses
FROM media_requests AS r LEFT JOIN media_request_status_updates AS u ON u.request_id = r.id
GROUP BY r.id
"""
_TWO_LIVE: Final = """
SELECT family_id FROM session_tokens WHERE rotated_at IS NULL GROUP BY family_id HAVING count(*) > 1
"""
_GROWTH: Final = 1.1
"""The maximum ratio of a worker's memory at the end and after a quarter of the time."""


async def check(report: Report) -> AsyncIterator[tuple[str, bool]]:
    """Yield each invariant of the data, and whether it holds."""
    yield "no error but those of an unavailable database", not report.facts["unexpected"]
    yield "every acknowledged write is there", not await lost(report)
    downloads = await fetch("SELECT DISTINCT status FROM youtube_downloads")
    yield "every download is completed", {row["status"] for row in downloads} == {"completed"}
    yield "none was done twice", done_twice(report) == 0
    histories = await fetch(_HISTORIES)
    yield (
        "every status has its row in the history, in order",
        all(row["statuses"] == _ORDER[: _ORDER.index(row["status"]) + 1] for row in histories),
    )
    yield f"no address was let through more than {HITS} times in a second", max(report.allowed.values()) <= HITS
    yield "no session was exchanged for two that live", not await fetch(_TWO_LIVE)


def check_processes(report: Report, most_running: int) -> Iterator[tuple[str, bool]]:
    """Yield each invariant of the workers' processes, and whether it holds.

    Args:
        report: The workers' report.
        most_running: The maximum number of downloads that were seen running at once.
    """
    yield f"never more than {MAX_RUNNING} downloads ran at once", 0 < most_running <= MAX_RUNNING
    pools = report.facts["pool"]
    yield "every pool is whole: all of its connections idle", all(pool["size"] == pool["idle"] for pool in pools)
    first, last = memory(report)
    yield "memory is flat", last <= first * _GROWTH


async def lost(report: Report) -> list[dict[str, Any]]:
    """Find the acknowledged writes that the database does not have."""
    rows = await fetch("SELECT id, status FROM youtube_downloads")
    downloads = {str(row["id"]): row["status"] for row in rows}
    rows = await fetch("SELECT id, status FROM media_requests")
    requests = {str(row["id"]): _ORDER.index(row["status"]) for row in rows}
    return [
        *(fact for fact in report.facts["enqueued"] if fact["id"] not in downloads),
        *(fact for fact in report.facts["completed"] if downloads.get(fact["id"]) != "completed"),
        *(fact for fact in report.facts["request"] if requests.get(fact["id"], -1) < _ORDER.index(fact["status"])),
    ]


def done_twice(report: Report) -> int:
    """Count the downloads that were completed again."""
    completed = [fact["id"] for fact in report.facts["completed"]]
    return len(completed) - len(set(completed))


def memory(report: Report) -> tuple[float, float]:
    """Return the workers' median memory in megabytes: after a quarter of the time, and at the end."""
    samples = report.facts["sample"]
    end = max(sample["seconds"] for sample in samples)

    def around(seconds: float) -> float:
        near = [s["kilobytes"] for s in samples if abs(s["seconds"] - seconds) <= max(6, end / 20)]
        return float(median(near)) / 1024

    return around(end / 4), around(end)
