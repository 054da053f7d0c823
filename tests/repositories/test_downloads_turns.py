"""Users take turns in the queue of downloads, whatever is queued, retried, scheduled or deleted meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asyncpg import Connection, Record

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import DownloadPriority
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads, system_config
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere
from tests.processes import run_in_processes
from tests.repositories.download_rows import claim, enqueue, fill, stored

HOUR = timedelta(hours=1)
LONG = timedelta(minutes=1)


async def make_users(number: int) -> list[User]:
    return [await User.create(plex_id=f"{n}", plex_username=f"{n}") for n in range(number)]


async def do_all() -> list[UUID]:
    """Do every download that is due, and return whose they were, in order."""
    owners = []
    while download := await downloads.claim("w", max_running=None):
        owners.append(download.user_id)
        await downloads.complete(download.id, worker_id="w")
    return owners


async def turns(user: User) -> list[int]:
    rows = await fetch("SELECT turn FROM youtube_downloads WHERE user_id = $1 ORDER BY created_at, id", user.id)
    return [row["turn"] for row in rows]


async def test_nobody_waits_longer_than_a_share(fresh_db: DatabaseUrl) -> None:
    greedy, *others = await make_users(10)
    await downloads.enqueue_many(greedy.id, playlist_urls=[str(n) for n in range(200)])
    for user in others:
        await downloads.enqueue_many(user.id, playlist_urls=["a", "b", "c"])
    owners = await do_all()
    assert len(owners) == 227
    for start in (0, 10, 20):
        assert set(owners[start : start + 10]) == {user.id for user in (greedy, *others)}
    assert set(owners[30:]) == {greedy.id}


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_simulation_of_users_who_come_and_go(db: DatabaseUrl, workers: int) -> None:
    """Whoever has something waiting is passed at most twice by each other user, once for what was queued before."""
    chance = random.Random(workers)  # noqa: S311 - no secret
    greedy, *others = people = await make_users(10)
    await downloads.enqueue_many(greedy.id, playlist_urls=[f"g{n}" for n in range(60)])
    waiting = Counter({greedy.id: 60})
    passed: dict[UUID, Counter[UUID]] = {user.id: Counter() for user in people}
    running: list[YouTubeDownload] = []
    for step in range(150):
        for user in others:
            if chance.random() < 0.1:
                await downloads.enqueue(user.id, playlist_url=f"{step}")
                if not waiting[user.id]:
                    passed[user.id].clear()
                waiting[user.id] += 1
        if len(running) == workers:
            done = running.pop(chance.randrange(workers))
            await downloads.complete(done.id, worker_id="w")
        if (download := await downloads.claim("w", max_running=None)) is None:
            continue
        running.append(download)
        waiting[download.user_id] -= 1
        passed[download.user_id].clear()
        for owner, counter in passed.items():
            if owner != download.user_id and waiting[owner]:
                counter[download.user_id] += 1
                assert counter[download.user_id] <= 2
    assert waiting[greedy.id] < 60


async def test_two_who_queue_one_at_a_time_do_not_starve_who_has_many(db: DatabaseUrl) -> None:
    many, *others = await make_users(3)
    await downloads.enqueue_many(many.id, playlist_urls=[str(n) for n in range(10)])
    owners = []
    for n in range(30):
        user = others[n % 2]
        await downloads.enqueue(user.id, playlist_url=str(n))
        download = await claim(max_running=None)
        owners.append(download.user_id)
        await downloads.complete(download.id, worker_id="w")
    assert owners.count(many.id) >= 9


async def test_a_turn_is_of_a_priority(db: DatabaseUrl) -> None:
    one, other = await make_users(2)
    for n in range(3):
        await enqueue(one, f"n{n}")
    await enqueue(one, "h", priority=DownloadPriority.HIGH)
    await enqueue(other, "n")
    assert await turns(one) == [1, 2, 3, 1]
    await YouTubeDownload.filter(user_id=one.id, turn=3).update(priority=DownloadPriority.HIGH)
    assert await turns(one) == [1, 2, 2, 1]
    assert (await do_all())[:3] == [one.id, one.id, one.id]


async def test_what_is_scheduled_gets_its_turn_when_it_is_due(db: DatabaseUrl) -> None:
    night, day = await make_users(2)
    many = await downloads.enqueue_many(
        night.id, playlist_urls=[str(n) for n in range(5)], scheduled_at=datetime.now(UTC) + HOUR
    )
    assert await turns(night) == [None] * 5
    for n in range(3):
        await enqueue(day, str(n))
    assert await do_all() == [day.id] * 3
    for n in range(3):
        await enqueue(day, f"more {n}")
    await execute("ALTER TABLE youtube_downloads DISABLE TRIGGER tr_youtube_downloads_turn_update")
    await execute("UPDATE youtube_downloads SET scheduled_at = clock_timestamp() WHERE turn IS NULL")  # an hour on
    await execute("ALTER TABLE youtube_downloads ENABLE TRIGGER tr_youtube_downloads_turn_update")
    assert await do_all() == [day.id, night.id] * 3 + [night.id] * 2
    assert many.made[0].turn is None


async def test_delaying_and_hastening_a_download_give_it_another_turn(user: User) -> None:
    first = await enqueue(user, "a")
    await enqueue(user, "b")
    later = datetime.now(UTC) + HOUR
    await YouTubeDownload.filter(id=first.id).update(scheduled_at=later)
    assert (await stored(first.id))["turn"] is None
    await YouTubeDownload.filter(id=first.id).update(scheduled_at=later - 2 * HOUR)
    assert (await stored(first.id))["turn"] == 3


async def test_a_retry_waits_for_its_user_s_turn_and_what_is_given_back_does_not(user: User) -> None:
    for name in "abc":
        await enqueue(user, name)
    first = await claim()
    await downloads.release(first.id, worker_id="w")
    assert (await claim()).id == first.id
    await downloads.fail(first.id, worker_id="w", error_message="e")
    assert (await stored(first.id))["turn"] is None
    await execute("UPDATE youtube_downloads SET scheduled_at = now() WHERE id = $1", first.id)
    assert (await stored(first.id))["turn"] == 4
    assert [(await claim(max_running=None)).playlist_url[-1] for _ in range(3)] == ["b", "c", "a"]


async def test_what_is_put_back_by_the_end_of_a_lease_keeps_its_turn(user: User) -> None:
    for name in "ab":
        await enqueue(user, name)
    first = await claim()
    await execute("UPDATE youtube_downloads SET lease_expires_at = now() WHERE id = $1", first.id)
    assert await downloads.release_expired() == 1
    assert (await stored(first.id))["turn"] == 1
    assert (await claim()).id == first.id


async def test_requeue_takes_a_new_turn(user: User) -> None:
    for name in "ab":
        await enqueue(user, name)
    first = await claim()
    await downloads.fail(first.id, worker_id="w", error_message="e", retry=False)
    assert (await downloads.requeue(first.id)).turn == 3


async def test_a_turn_that_was_cancelled_does_not_count_as_claimed(db: DatabaseUrl) -> None:
    fickle, other = await make_users(2)
    many = await downloads.enqueue_many(fickle.id, playlist_urls=[str(n) for n in range(20)])
    for download in many.made[10:]:
        await downloads.cancel(download.id)
    assert (await enqueue(other)).turn == 1
    assert (await enqueue(fickle, "more")).turn == 11


async def test_deleted_turns_give_nobody_an_advantage(db: DatabaseUrl) -> None:
    one, other = await make_users(2)
    await downloads.enqueue_many(one.id, playlist_urls=[str(n) for n in range(20)])
    for _ in range(10):
        await downloads.complete((await claim()).id, worker_id="w")
    await YouTubeDownload.filter(status="completed").delete()
    assert (await enqueue(other)).turn == 11


async def test_what_was_queued_before_there_were_turns_goes_first_in_its_order(db: DatabaseUrl) -> None:
    one, other = await make_users(2)
    old = [await enqueue(user, name) for name, user in (("a", one), ("b", one), ("c", other), ("d", one))]
    await execute("UPDATE youtube_downloads SET turn = 0")  # as the migration leaves them
    new = [(await enqueue(user, "new")) for user in (other, one)]
    assert [download.turn for download in new] == [1, 1]
    assert [(await claim(max_running=None)).id for _ in range(6)] == [download.id for download in (*old, *new)]


async def enqueue_each(user_ids: list[UUID]) -> None:
    for user_id in user_ids:
        name = str(random.random())  # noqa: S311 - no secret
        await asyncio.gather(*(downloads.enqueue(user_id, playlist_url=f"{name}{n}") for n in range(10)))


async def test_downloads_of_a_user_that_many_processes_queue_have_a_turn_each(fresh_db: DatabaseUrl) -> None:
    users = await make_users(3)
    ids = [user.id for user in users]
    await asyncio.to_thread(run_in_processes, enqueue_each, 4, ids, url=fresh_db, connected=True)
    for user in users:
        assert sorted(await turns(user)) == list(range(1, 41))


async def test_an_open_transaction_holds_up_its_own_user_alone(fresh_db: DatabaseUrl) -> None:
    one, other = await make_users(2)
    async with transaction():
        await enqueue(one, "a")
        mine = elsewhere(enqueue(one, "b"))
        assert (await elsewhere(enqueue(other, "a"))).turn == 1
        assert not mine.done()
    assert (await mine).turn == 2


async def test_no_claim_waits_for_who_queues(fresh_db: DatabaseUrl) -> None:
    (one,) = await make_users(1)
    await enqueue(one, "due", scheduled_at=datetime.now(UTC) + HOUR)
    await execute("ALTER TABLE youtube_downloads DISABLE TRIGGER tr_youtube_downloads_turn_update")
    await execute("UPDATE youtube_downloads SET scheduled_at = now()")
    async with transaction():
        await enqueue(one, "a")
        async with asyncio.timeout(30):
            got = await elsewhere(downloads.claim("w"))
    assert got is not None
    assert got.turn is None


@pytest.mark.parametrize("limit", [None, 10])
async def test_a_user_has_at_most_as_many_running_as_the_setting_says(db: DatabaseUrl, limit: int | None) -> None:
    one, other = await make_users(2)
    for n in range(4):
        await enqueue(one, str(n))
    await enqueue(other)
    assert await system_config.concurrent_downloads_per_user() is None
    await system_config.set("youtube.concurrent_downloads_per_user", value={"max": 2})
    assert await system_config.concurrent_downloads_per_user() == 2
    owners = []
    while download := await downloads.claim("w", max_running=limit):
        owners.append(download.user_id)
    assert Counter(owners) == {one.id: 2, other.id: 1}
    await downloads.complete((await YouTubeDownload.filter(user_id=one.id, status="downloading"))[0].id, worker_id="w")
    await claim(max_running=limit)
    assert await downloads.claim("w", max_running=limit) is None


@pytest.mark.parametrize("value", ["{}", '{"max": "many"}', "[]", "7"])
async def test_a_setting_without_a_number_is_no_limit(user: User, value: str) -> None:
    await execute(
        "INSERT INTO system_config (key, value) VALUES ('youtube.concurrent_downloads_per_user', $1::jsonb)", value
    )
    for name in "abcd":
        await enqueue(user, name)
    for _ in range(4):
        await claim(max_running=None)


async def claim_until_empty() -> int:
    number = 0
    while await downloads.claim("w", max_running=None):
        number += 1
    return number


async def test_processes_hold_the_limit_of_a_user_together(fresh_db: DatabaseUrl) -> None:
    for plex_id in "12":
        await fill(20, plex_id)
    await system_config.set("youtube.concurrent_downloads_per_user", value={"max": 3})
    results = await asyncio.to_thread(run_in_processes, claim_until_empty, 4, url=fresh_db, connected=True)
    assert sum(results) == 6
    assert set(Counter([one.user_id for one in await YouTubeDownload.filter(status="downloading")]).values()) == {3}


async def test_nobody_wakes_for_users_at_their_limit(fresh_db: DatabaseUrl) -> None:
    await fill(2)
    await system_config.set("youtube.concurrent_downloads_per_user", value={"max": 1})
    running = await claim()
    assert not await downloads.wait_for_work(timeout=timedelta(seconds=1))
    task = asyncio.create_task(downloads.wait_for_work(timeout=LONG))
    await downloads.complete(running.id, worker_id="w")
    assert await task


async def test_a_claim_is_one_scan_of_an_index(fresh_db: DatabaseUrl, connection: Connection[Record]) -> None:
    for plex_id in ("1", "2"):
        await fill(2_000, plex_id)
    await connection.execute("ANALYZE youtube_downloads")
    (definition,) = await fetch("SELECT prosrc FROM pg_proc WHERE proname = 'medianest_claim_next_download'")
    source: str = definition["prosrc"]
    sql = source[source.index("SELECT id FROM youtube_downloads") : source.index("FOR UPDATE SKIP LOCKED\n        )\n")]
    sql = sql.replace("moment", "now()").replace("busy_users", "'{}'::uuid[]")
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql} FOR UPDATE SKIP LOCKED"))
    assert "Index Scan using ix_youtube_downloads_priority_turn" in plan
    assert "Sort" not in plan
    assert "Seq Scan on youtube_downloads" not in plan


async def test_downloads_of_many_users_fit_into_one_transaction(fresh_db: DatabaseUrl) -> None:
    await execute(
        "WITH users AS (INSERT INTO users (plex_id, plex_username) SELECT n, n FROM generate_series(1, 20000) AS n "
        "RETURNING id) INSERT INTO youtube_downloads (user_id, playlist_url) SELECT id, 'a' FROM users"
    )
    assert await fetch("SELECT FROM youtube_downloads WHERE turn <> 1 OR turn IS NULL") == []
