"""PostgreSQL's plans for the queue of downloads, with 200,000 ended and 4,000 waiting ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import DownloadPriority, DownloadStatus
from medianest_models.errors import InvalidTransitionError, LeaseLostError
from medianest_models.models import User
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads
from medianest_models.repositories.downloads import waiting
from medianest_models.settings import DatabaseUrl
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, nodes, page_plan, plan_of, seq_scans
from tests.repositories.download_rows import fill

PRIMARY = "pk_youtube_downloads"
ACTIVE = "uq_youtube_downloads_user_id_playlist_url"
QUEUED = "ix_youtube_downloads_claim"
NEXT = "ix_youtube_downloads_priority_turn"
GIVING_TURNS = {"ix_youtube_downloads_claimed_turn", "ix_youtube_downloads_user_id_priority_turn"}
RUNNING = "ix_youtube_downloads_lease_expires_at"
BY_USER = "ix_youtube_downloads_user_id_created_at"
BY_STATUS = "ix_youtube_downloads_status_created_at"
BY_AGE = "ix_youtube_downloads_created_at"

LAST_HOUR = datetime.now(UTC) - timedelta(hours=1)


async def counted(counter: str, call: Coroutine[Any, Any, Any]) -> dict[str, int]:
    """Return what a call adds to a counter of the table and to those of its indexes.

    This includes statements inside functions, which EXPLAIN does not show.
    """

    async def counts() -> dict[str, int]:
        rows = await fetch(
            f"""
            SELECT relname AS name, pg_stat_get_xact_{counter}(oid) AS number FROM pg_class
            WHERE oid = 'youtube_downloads'::regclass
                OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'youtube_downloads'::regclass)
            """
        )
        return {row["name"]: row["number"] for row in rows}

    before = await counts()
    await call
    return {name: number - before[name] for name, number in (await counts()).items()}


async def scans(call: Coroutine[Any, Any, Any]) -> set[str]:
    """Return the scans of a call: the indexes, and the table if it was scanned sequentially."""
    return {name for name, number in (await counted("numscans", call)).items() if number > 0}


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, BY_AGE),
        ({"status": DownloadStatus.QUEUED}, BY_STATUS),
        ({"status": DownloadStatus.FAILED}, BY_STATUS),
        ({"status": DownloadStatus.FAILED, "since": LAST_HOUR}, BY_STATUS),
        ({"user_id": row_id(7)}, BY_USER),
        ({"user_id": row_id(7), "status": DownloadStatus.COMPLETED}, BY_USER),
        ({"user_id": row_id(7), "since": LAST_HOUR}, BY_USER),
        ({"since": LAST_HOUR}, BY_AGE),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_lists(big_database: DatabaseUrl, filters: dict[str, Any], index: str, order: Any) -> None:
    params = PaginationParams(sort_order=order)
    (plan,) = await explain_calls(downloads.list_by_filters(**filters, params=params))
    assert index_names(page_plan(plan)) == {index}
    assert not seq_scans(plan)


async def test_enqueue(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(downloads.enqueue(row_id(7), playlist_url="new"))
    assert [node["Conflict Arbiter Indexes"] for node in nodes(plan) if "Conflict Arbiter Indexes" in node] == [
        [ACTIVE]
    ]
    assert not seq_scans(plan)


CHANGES = pytest.mark.parametrize(
    "change",
    [
        downloads.cancel,
        downloads.requeue,
        lambda key: downloads.heartbeat(key, worker_id="w"),
        lambda key: downloads.report_progress(key, worker_id="w", progress=1),
        lambda key: downloads.complete(key, worker_id="w"),
        lambda key: downloads.fail(key, worker_id="w", error_message="e"),
        lambda key: downloads.release(key, worker_id="w"),
    ],
)


@CHANGES
async def test_changes_of_one_download(big_database: DatabaseUrl, change: Callable[[Any], Awaitable[object]]) -> None:
    await _check_change(change, row_id(7))


@CHANGES
async def test_changes_when_only_completed_downloads_were_analyzed(
    fresh_db: DatabaseUrl, change: Callable[[Any], Awaitable[object]]
) -> None:
    user = await fill(0)
    rows = (
        "INSERT INTO youtube_downloads (user_id, playlist_url, status, worker_id, lease_expires_at) "
        "SELECT $1, status || n, status, 'w', now() + interval '1 hour' "
        "FROM unnest($2::text[]) AS status, generate_series(1, 5000) AS n RETURNING id"
    )
    (first, *_) = await fetch(rows, user.id, ["completed"])
    await execute("ANALYZE youtube_downloads")
    await fetch(rows, user.id, ["queued", "downloading", "failed"])
    await _check_change(change, first["id"])


async def _check_change(change: Callable[[Any], Awaitable[object]], key: UUID) -> None:
    """Check that a change of a download, which is not in the state for it, finds that by its id."""

    async def call() -> None:
        with pytest.raises((InvalidTransitionError, LeaseLostError)):
            await change(key)

    for plan in await explain_calls(call()):
        assert index_names(plan) == {PRIMARY}
        assert not seq_scans(plan)


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
async def test_claim_without_a_limit_from_a_table_that_was_small(fresh_db: DatabaseUrl, mode: str) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url) SELECT $1, 'u' || n FROM generate_series(1, 500) AS n",
        user.id,
    )
    await execute("ANALYZE youtube_downloads")
    async with transaction():
        await execute(f"SET LOCAL plan_cache_mode = {mode}")
        for _ in range(8):
            assert await scans(downloads.claim("w", max_running=None)) <= {PRIMARY, NEXT, RUNNING, BY_STATUS}


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
@pytest.mark.parametrize("limit", [None, 100])
async def test_claim_from_a_queue_that_was_short(fresh_db: DatabaseUrl, limit: int | None, mode: str) -> None:
    user = await fill(100)
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url, status, turn) "
        "SELECT $1, 'u' || n, 'completed', n FROM generate_series(1, 29000) AS n",
        user.id,
    )
    await execute("ANALYZE youtube_downloads")  # reads every row of so few
    await fill(10_000, plex_id="2")
    async with transaction():
        await execute(f"SET LOCAL plan_cache_mode = {mode}")
        for _ in range(8):
            pages = await counted("blocks_fetched", downloads.claim("w", max_running=limit))
            assert sum(pages.values()) < 150  # to sort them takes twice as many


@pytest.mark.parametrize("turn", ["n", "NULL"])
@pytest.mark.parametrize("analyzed", ["before", "after"])
async def test_claim_does_not_read_what_is_scheduled_for_later(fresh_db: DatabaseUrl, analyzed: str, turn: str) -> None:
    user = await fill(100)
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url, status, turn) "
        f"SELECT $1, 'u' || n, 'completed', {turn} FROM generate_series(1, 29000) AS n",
        user.id,
    )
    await execute("ANALYZE youtube_downloads")
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url, scheduled_at) "
        "SELECT $1, 'later ' || n, now() + interval '1 day' FROM generate_series(1, 10000) AS n",
        user.id,
    )
    if analyzed == "after":
        await execute("ANALYZE youtube_downloads")
    async with transaction():
        for limit in (None, 100) * 4:
            pages = await counted("blocks_fetched", downloads.claim("w", max_running=limit))
            assert sum(pages.values()) < 100  # those for later take twice as many


@pytest.mark.parametrize("limit", [None, 100])
async def test_claim(big_database: DatabaseUrl, limit: int | None) -> None:
    for _ in range(8):  # from the sixth time on, PL/pgSQL may use a generic plan
        scanned = await scans(downloads.claim("w", max_running=limit))
        assert {PRIMARY, NEXT} <= scanned
        assert scanned <= {PRIMARY, NEXT, QUEUED, RUNNING, BY_STATUS} | GIVING_TURNS  # two can count the running ones


async def test_claim_when_all_places_are_taken(big_database: DatabaseUrl) -> None:
    while await downloads.claim("w"):
        pass
    for _ in range(8):
        assert await scans(downloads.claim("w")) <= {RUNNING, BY_STATUS}


async def test_release_expired(big_database: DatabaseUrl) -> None:
    assert await scans(downloads.release_expired()) == {PRIMARY, RUNNING}


async def test_a_look_for_work_in_the_queue_of_a_single_user(fresh_db: DatabaseUrl) -> None:
    await fill(4_000)
    await execute("ANALYZE youtube_downloads")
    plan = await plan_of(waiting._LOOK, 100, list(DownloadPriority))
    assert QUEUED in index_names(plan)
    assert not seq_scans(plan)


async def test_a_look_for_work_in_a_queue_that_was_short(fresh_db: DatabaseUrl) -> None:
    user = await fill(50)
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url, status) "
        "SELECT $1, 'u' || n, 'completed' FROM generate_series(1, 5000) AS n",
        user.id,
    )
    await execute("ANALYZE youtube_downloads")
    plan = await plan_of(waiting._LOOK, 100, list(DownloadPriority))
    assert QUEUED in index_names(plan)
    assert not [node for node in nodes(plan) if node["Node Type"] == "Sort"]


async def test_a_look_for_work(big_database: DatabaseUrl) -> None:
    plan = await plan_of(waiting._LOOK, 100, list(DownloadPriority))
    assert index_names(plan) == {QUEUED, RUNNING}
    assert not seq_scans(plan)
