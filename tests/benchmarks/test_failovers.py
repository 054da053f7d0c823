"""The measuring of failovers finds what was lost, done twice, and the time in which nothing was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.failovers.outcomes import stalls
from benchmarks.soak.invariants import done_twice, lost
from benchmarks.soak.journal import Journal, Report, last_write
from medianest_models.enums import RequestStatus
from medianest_models.models import User
from medianest_models.repositories import downloads, media_requests
from medianest_models.settings import DatabaseUrl

GONE = "00000000-0000-0000-0000-000000000000"


def report(**facts: list[dict[str, object]]) -> Report:
    found = Report()
    for kind, values in facts.items():
        found.facts[kind].extend(values)
    return found


async def test_a_lost_write_is_found(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="ann", plex_username="ann")
    request = await media_requests.submit(user.id, title="Up", media_type="movie", tmdb_id="1")
    await media_requests.transition(request.id, status=RequestStatus.APPROVED)
    download = await downloads.enqueue(user.id, playlist_url="https://youtu.be/x")
    there = report(
        enqueued=[{"id": str(download.id)}],
        request=[{"id": str(request.id), "status": status} for status in ("pending", "approved")],
    )
    assert await lost(there) == []
    gone = report(
        enqueued=[{"id": GONE}],
        completed=[{"id": str(download.id)}, {"id": GONE}],
        request=[{"id": str(request.id), "status": "available"}, {"id": GONE, "status": "pending"}],
    )
    assert await lost(gone) == [*gone.facts["enqueued"], *gone.facts["completed"], *gone.facts["request"]]


def test_a_download_that_was_done_again_is_counted() -> None:
    assert done_twice(report(completed=[{"id": "1"}, {"id": "2"}])) == 0
    assert done_twice(report(completed=[{"id": "1"}, {"id": "2"}, {"id": "1"}, {"id": "1"}])) == 2


def test_the_last_write_of_a_journal_is_no_other_fact_and_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "worker.jsonl"
    assert last_write(path) == 0
    journal = Journal(path)
    for _ in range(1000):
        journal.fact("enqueued", id=GONE)
    wanted = Report.read([path]).facts["enqueued"][-1]["at"]
    journal.fact("sample", seconds=1)
    with path.open("a") as file:
        file.write('{"kind": "enqueued", "at": 9')
    assert last_write(path) == wanted
    journal.close()


def test_a_stall_is_the_longest_time_without_a_write_after_each_mark() -> None:
    times = [1.0, 2.0, 2.5, 9.0, 10.0, 12.0]
    writes = [{"at": at, "worker": "HAProxy 0"} for at in times] + [{"at": 5.0, "worker": "several hosts 0"}]
    found = report(enqueued=writes[::2], completed=writes[1::2])
    assert stalls(found, "HAProxy", [2.6, 9.5, 11.0]) == [pytest.approx(6.5), pytest.approx(1.0)]
    assert stalls(found, "HAProxy", [2.6, 30.0]) == [pytest.approx(18.0)]
