"""Reading from a standby that is in order, or only late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from asyncpg import PostgresError
from tortoise.transactions import in_transaction

from medianest_models.db import (
    check_database_health,
    connect_database,
    database,
    database_health,
    disconnect_database,
    get_database_stats,
    last_write,
    reading,
    reading_counts,
    standbys,
    transaction,
    with_transaction,
)
from medianest_models.db.client import Client
from medianest_models.db.reading_client import ReadingClient
from medianest_models.db.standbys import WalPosition
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import RequestStatus, ServiceStatus, UserRole
from medianest_models.errors import (
    AuthenticationError,
    DatabaseUnavailableError,
    InvalidInputError,
    NotFoundError,
    PasswordChangeRequiredError,
    ReadingError,
)
from medianest_models.migrate.applying import migrate
from medianest_models.models import MediaRequest, Service, SystemConfig, User
from medianest_models.pagination import PaginationParams, paginate, paginate_by_cursor
from medianest_models.repositories import (
    activity,
    downloads,
    media_requests,
    rate_limits,
    services,
    sessions,
    system_config,
    users,
)
from medianest_models.settings import DatabaseUrl
from tests.cancelling import cancel_everywhere
from tests.clusters import Node, Pair, running_pair
from tests.db.pools import PATIENCE, client, pool_of
from tests.db.replicated import note, notes, use, who_answers
from tests.db.test_forks import fork
from tests.locks import until
from tests.processes import run_in_processes
from tests.servers import connection_to

PLACES: Final = ["on the standby", "on the primary", "without the setting"]


@pytest.fixture(scope="module")
async def migrated(bindir: Path | None) -> AsyncIterator[Pair]:
    async with running_pair(bindir) as pair:
        await migrate(pair.primary.url)
        await pair.primary.execute("CREATE TABLE notes (n int)")
        yield pair


@pytest.fixture
async def pair(not_connected: None, migrated: Pair, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """Be connected to a primary, whose standby is in order, and has its time to answer on a slow machine too."""
    use(migrated, monkeypatch)
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)
    await migrated.primary.execute("DELETE FROM users", "DELETE FROM services", "TRUNCATE notes, rate_limits")
    await migrated.wait_until_replayed()
    await connect_database()
    yield migrated
    await disconnect_database()
    await migrated.resume()
    await migrated.wait_until_replayed()


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Be in a block of `reading` in each way that there is."""
    if request.param == "without the setting":
        monkeypatch.delenv("DATABASE_REPLICA_URL")
    if request.param == "on the primary":
        await pair.pause()
    token = await note(0)
    if request.param == "on the standby":
        await pair.wait_until_replayed()
    async with reading(after=token):
        assert await who_answers(pair) == ("standby" if request.param == "on the standby" else "primary")
        yield request.param


async def sign_up(name: str) -> User:
    return await users.upsert_from_plex(name, plex_username=name)


async def test_a_standby_answers_inside_the_block_alone(pair: Pair) -> None:
    before = reading_counts()
    async with reading():
        assert await who_answers(pair) == "standby"
    assert await who_answers(pair) == "primary"
    assert reading_counts() == replace(before, standby=before.standby + 1)


async def test_a_read_that_must_see_a_write_waits_for_no_late_standby(pair: Pair) -> None:
    await pair.pause()
    token = await note(1)
    before = reading_counts()
    async with reading():
        assert await notes() == set()  # what the token is for
        assert await who_answers(pair) == "standby"
    async with reading(after=token):
        assert await notes() == {1}
        assert await who_answers(pair) == "primary"
    assert reading_counts() == replace(before, standby=before.standby + 2, primary=before.primary + 2)
    await pair.resume()
    await pair.wait_until_replayed()
    async with reading(after=token):
        assert await notes() == {1}
        assert await who_answers(pair) == "standby"


async def test_an_answer_of_a_moment_ago_does_not_hide_a_later_write(pair: Pair) -> None:
    async with reading(after=await note(1), wait=timedelta(seconds=PATIENCE)):
        assert await notes() == {1}
    await pair.pause()
    async with reading(after=await note(2)):
        assert await notes() == {1, 2}


async def test_the_block_may_wait_for_the_standby(pair: Pair) -> None:
    await pair.pause()
    token = await note(1)
    asyncio.get_running_loop().call_later(0.1, asyncio.ensure_future, pair.resume())
    async with reading(after=token, wait=timedelta(seconds=PATIENCE)):
        assert await who_answers(pair) == "standby"
        assert await notes() == {1}
    await pair.pause()
    async with reading(after=await note(2), wait=timedelta(milliseconds=50)):
        assert await who_answers(pair) == "primary"


async def test_a_block_that_has_read_from_the_primary_goes_on_with_it(pair: Pair) -> None:
    """A standby that catches up meanwhile may still be behind what was read."""
    await pair.pause()
    token = await note(1)
    async with reading(after=token):
        await pair.resume()
        await pair.wait_until_replayed()
        assert await who_answers(pair) == "primary"


async def test_a_nested_block_keeps_the_promise_of_the_outer_one(pair: Pair) -> None:
    early = await note(1)
    await pair.wait_until_replayed()
    await pair.pause()
    late = await note(2)
    async with reading(after=late):
        async with reading():
            assert await notes() == {1, 2}
        async with reading(after=early):
            assert await notes() == {1, 2}
        assert await notes() == {1, 2}
    async with reading(after=early):
        async with reading(after=late):
            assert await notes() == {1, 2}
        assert await notes() == {1}


async def test_tasks_inside_read_as_the_block_does(pair: Pair) -> None:
    async with reading():
        assert await asyncio.gather(*(who_answers(pair) for _ in range(50))) == ["standby"] * 50
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(who_answers(pair)) for _ in range(3)]
        left = asyncio.create_task(after_a_moment(lambda: who_answers(pair)))
        writer = asyncio.create_task(after_a_moment(lambda: note(1)))
    assert [task.result() for task in tasks] == ["standby"] * 3
    assert await left == "standby"
    with pytest.raises(ReadingError):
        await writer


async def after_a_moment(work: Callable[[], Awaitable[Any]]) -> Any:
    await asyncio.sleep(0.05)
    return await work()


async def test_batches_do_not_mix_callers_of_different_blocks(pair: Pair) -> None:
    await pair.pause()
    await sign_up("new")
    token = await last_write()
    inside = asyncio.Barrier(3)

    async def find(**options: Any) -> list[bool]:
        async with reading(**options):
            await inside.wait()
            return [user is not None for user in await asyncio.gather(*(users.find_by_plex_id("new") for _ in "12345"))]

    async def find_outside() -> list[bool]:
        await inside.wait()
        return [user is not None for user in await asyncio.gather(*(users.find_by_plex_id("new") for _ in "12345"))]

    before = reading_counts()
    assert [*await asyncio.gather(find(), find(after=token), find_outside())] == [[False] * 5, [True] * 5, [True] * 5]
    after = reading_counts()
    assert (after.standby - before.standby, after.primary - before.primary) == (1, 1)


async def on_connection(sql: str) -> None:
    async with client().acquire_connection() as connection:
        await connection.execute(sql)


async def in_transactions(begin: Callable[[], Any]) -> None:
    async with begin():
        await note(9)


WRITES: Final[dict[str, Callable[[], Awaitable[Any]]]] = {
    "create": lambda: User.create(plex_id="w", plex_username="w"),
    "bulk_create": lambda: User.bulk_create([User(plex_id="w", plex_username="w")]),
    "get_or_create": lambda: User.get_or_create(plex_id="w", defaults={"plex_username": "w"}),
    "update": lambda: SystemConfig.all().update(value="77"),
    "delete": lambda: SystemConfig.all().delete(),
    "lock": lambda: SystemConfig.select_for_update().first(),
    "execute": lambda: execute("INSERT INTO notes VALUES (9)"),
    "returning": lambda: fetch("INSERT INTO notes VALUES (9) RETURNING n"),
    "with": lambda: fetch("WITH w AS (INSERT INTO notes VALUES (9) RETURNING n) SELECT n FROM w"),
    "execute_many": lambda: client().execute_many("INSERT INTO notes VALUES ($1)", [[9], [10]]),
    "execute_script": lambda: client().execute_script("CREATE TABLE more (); DROP TABLE notes"),
    "connection": lambda: on_connection("INSERT INTO notes VALUES (9)"),
    "release_expired": downloads.release_expired,
    "submit": lambda: media_requests.submit(uuid4(), title="t", media_type="movie"),
    "set": lambda: system_config.set("youtube.concurrent_downloads", value={"max": 7}),
    "set_role": lambda: users.set_role(uuid4(), role=UserRole.ADMIN),
    "with_transaction": lambda: with_transaction(lambda: note(9)),
    "transaction": lambda: in_transactions(transaction),
    "in_transaction": lambda: in_transactions(in_transaction),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_what_writes_is_refused_in_the_same_way_everywhere(
    place: str, write: Callable[[], Awaitable[Any]]
) -> None:
    settings = await SystemConfig.all()
    with pytest.raises(ReadingError, match=r"inside reading\(\)") as raised:
        await write()
    assert not isinstance(raised.value.__context__, PostgresError)
    assert await notes() == {0}
    assert await SystemConfig.all() == settings
    assert not await User.all().exists()


async def test_without_a_standby_nobody_waits_for_one(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_REPLICA_URL")
    async with asyncio.timeout(PATIENCE), reading(after=await note(1), wait=timedelta(days=1)):
        assert await notes() == {1}


async def test_what_decides_runs_on_the_primary(pair: Pair, place: str) -> None:
    user = await sign_up("someone")
    assert (await rate_limits.hit("e", user_id=user.id, limit=1, window_seconds=86_400)).allowed
    assert not (await rate_limits.hit("e", user_id=user.id, limit=1, window_seconds=86_400)).allowed
    hits = await asyncio.gather(
        *(rate_limits.hit("f", user_id=user.id, limit=3, window_seconds=86_400) for _ in "12345")
    )
    assert sum(hit.allowed for hit in hits) == 3
    session = await sessions.issue(user)
    verified = await asyncio.gather(*(sessions.verify(session.token) for _ in "12345"))
    assert {found.user_id for found in verified} == {user.id}
    rotated = await sessions.rotate(session.token)
    assert rotated.token is not None
    assert (await sessions.verify(rotated.token)).user_id == user.id
    with pytest.raises(AuthenticationError):
        await users.authenticate("nobody", password="no password")
    assert await downloads.claim("worker") is None
    if place == "on the standby":
        assert await who_answers(pair) == "standby"


async def test_a_download_that_no_standby_knows_is_claimed_inside(pair: Pair) -> None:
    user = await sign_up("someone")
    await pair.pause()
    download = await downloads.enqueue(user.id, playlist_url="https://youtube.com/playlist?list=x")
    async with reading():
        assert await downloads.list_for_user(user.id) == await downloads.list_for_user(uuid4())
        claimed = await downloads.claim("worker")
    assert claimed is not None
    assert claimed.id == download.id


async def test_a_user_signs_in_inside_with_a_password(pair: Pair) -> None:
    admin = await users.bootstrap_admin()
    assert admin is not None
    await users.set_password(admin.id, password="long enough, and new")
    async with reading():
        with pytest.raises(PasswordChangeRequiredError):
            await users.authenticate("admin", password="long enough, and new")


async def test_a_transaction_and_a_block_exclude_each_other(pair: Pair) -> None:
    async with transaction():
        with pytest.raises(ReadingError, match="outside of the transaction"):
            await reading().__aenter__()
        with pytest.raises(ReadingError, match="outside of the transaction"):
            await last_write()
        await note_without_token(1)  # the transaction is as before
    assert await notes() == {1}


async def note_without_token(n: int) -> None:
    await execute("INSERT INTO notes VALUES ($1)", n)


@pytest.mark.parametrize(
    "token",
    ["", "x", "1", "0/3000148", "1-", "-1", "1-g", "1-3000148 ", "1-3000148\n", "1" * 9 + "-1", 1, b"1-1", "٣-1"],
)
async def test_what_is_no_token_is_refused(place: str, token: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"after: must be what last_write\(\) returned"):
        await reading(after=token).__aenter__()


@pytest.mark.parametrize("wait", [timedelta(), timedelta(seconds=-1), 1])
async def test_a_wait_is_more_than_zero(pair: Pair, wait: Any) -> None:
    with pytest.raises(InvalidInputError, match="wait: "):
        await reading(wait=wait).__aenter__()


async def test_a_token_fits_into_a_cookie(pair: Pair) -> None:
    token = await note(1)
    assert SimpleCookie({"after": token}).output(header="").strip() == f"after={token}"
    assert len(str(WalPosition(2**32 - 1, 2**64 - 1))) == 25
    for position in (WalPosition(1, 0), WalPosition(2**32 - 1, 2**64 - 1)):
        assert WalPosition.parse(str(position), "after") == position
    async with reading(after=str(WalPosition(1, 2**64 - 1))):
        assert await who_answers(pair) == "primary"


async def test_a_token_of_another_timeline_is_for_the_primary(pair: Pair) -> None:
    """After a failover, a standby that follows nobody any more may have positions that mean something else."""
    for timeline in (0, 2):
        async with reading(after=str(WalPosition(timeline, 1))):
            assert await who_answers(pair) == "primary"


async def test_reading_without_a_connection_is_an_error(not_connected: None) -> None:
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await reading().__aenter__()
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await last_write()


async def test_everything_that_reads_works_on_a_standby(pair: Pair) -> None:
    user = await sign_up("someone")
    request = await media_requests.submit(user.id, title="t", media_type="movie", tmdb_id="1")
    download = await downloads.enqueue(user.id, playlist_url="https://youtube.com/playlist?list=x")
    await Service.create(name="plex", display_name="Plex")
    await services.record_check("plex", status=ServiceStatus.UP)
    await activity.record("a", user_id=user.id)
    until = datetime.now(UTC)
    since = until - timedelta(hours=2)
    page = PaginationParams(limit=1)
    reads: list[Callable[[], Awaitable[Any]]] = [
        lambda: users.get(user.id),
        lambda: users.find_by_plex_id("someone"),
        lambda: users.find_by_email("someone@example.com"),
        lambda: users.search("some"),
        lambda: media_requests.get(request.id),
        lambda: media_requests.find_by_tmdb_id("1"),
        lambda: media_requests.list_for_user(user.id, params=page),
        lambda: media_requests.list_by_filters(status=RequestStatus.PENDING),
        lambda: media_requests.history(request.id),
        lambda: media_requests.followers(request.id),
        media_requests.counts_by_status,
        lambda: downloads.get(download.id),
        downloads.list_by_filters,
        downloads.counts_by_status,
        downloads.pause_status,
        lambda: services.get("plex"),
        services.list_enabled,
        services.latest_statuses,
        lambda: services.uptime("plex", since=since, until=until),
        lambda: services.uptime_by_service(since=since, until=until, step=timedelta(hours=1)),
        lambda: services.incidents("plex", since=since),
        lambda: services.response_time_percentiles("plex", since=since, until=until),
        services.maintenance.current,
        lambda: sessions.list_for_user(user.id),
        activity.list_recent,
        system_config.all,
        lambda: system_config.rate_limit("media.request"),
        get_database_stats,
        lambda: paginate(User.all(), page),
        lambda: paginate_by_cursor(User.all(), limit=1),
        lambda: User.filter(plex_id="someone").values_list("id", flat=True),
        lambda: User.get(id=user.id).prefetch_related("media_requests"),
        lambda: MediaRequest.all().select_related("user").order_by("title"),
    ]
    for read in reads:
        before = reading_counts()
        # It waits, because the server may write something of its own at any time.
        async with reading(after=await last_write(), wait=timedelta(seconds=PATIENCE)):
            inside = await read()
        assert reading_counts().primary == before.primary
        assert reading_counts().standby > before.standby
        assert repr(inside) == repr(await read())
    with pytest.raises(NotFoundError):
        async with reading():
            await users.get(uuid4())
    async with reading():
        assert await check_database_health()
        assert (await database_health()).ok


async def test_a_cancelled_read_leaves_nothing_behind(place: str, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    async def read(_: int) -> None:
        async with reading():
            await fetch("SELECT pg_sleep(0.001)")

    for times in (1, 2, 4):  # while it rolls back, too
        assert await cancel_everywhere(read, times) > 2
    assert await notes() == {0}
    assert "active transaction" not in caplog.text  # asyncpg would complain
    reader = client()
    assert isinstance(reader, ReadingClient)
    for pool in (reader.outer, *reader.outer.attached):
        await until(lambda pool=pool: all_returned(pool))
    for node in (pair.primary, pair.standby):
        await until(lambda node=node: none_in_transaction(node))


async def none_in_transaction(node: Node) -> bool:
    """Return whether no session is in a transaction: one that was terminated may notice it a little later."""
    return bool(await node.ask("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == 0)


async def all_returned(pool: Client) -> bool:
    return pool.pool is None or pool.pool.get_size() == pool.pool.get_idle_size()


async def test_a_process_and_its_child_read_apart(pair: Pair) -> None:
    """Each makes a pool of its own for the standby."""
    await pair.pause()
    token = await note(1)
    outcomes = await asyncio.to_thread(run_in_processes, read_in_fork, 1, token)
    assert outcomes == [("primary", 0, "standby")]


async def read_in_fork(token: str) -> tuple[str, int, str]:
    """Read here, in a forked child, and here again; say who has answered, and how the child has ended."""
    async with database(require_migrated=False):
        async with reading(after=token):
            first = await asked_port()
            assert await notes() == {1}
        async with reading():
            before = await asked_port()
        status = await fork(lambda: asyncio.run(read_after(token)))
        async with reading():
            assert await asked_port() == before
        return ("primary" if first != before else "standby", status, "standby")


async def read_after(token: str) -> None:
    async with database(require_migrated=False):
        async with reading(after=token):
            assert await notes() == {1}
        async with reading():
            assert await notes() == set()


async def asked_port() -> int:
    (row,) = await fetch("SELECT inet_server_port() AS port")
    return int(row["port"])


async def test_a_user_without_privileges_reads_from_the_standby(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.primary.execute("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN", "GRANT ALL ON notes TO reader")
    await pair.wait_until_replayed()
    await disconnect_database()
    for name, node in (("DATABASE_URL", pair.primary), ("DATABASE_REPLICA_URL", pair.standby)):
        monkeypatch.setenv(name, replace(node.url, user="reader").render().get_secret_value())
    async with database(require_migrated=False):
        token = await note(1)
        await pair.wait_until_replayed()
        async with reading(after=token):
            assert await who_answers(pair) == "standby"
            assert await notes() == {1}
        await pair.pause()
        async with reading(after=await note(2)):
            assert await notes() == {1, 2}


async def test_a_commit_that_is_not_flushed_yet_is_covered(pair: Pair) -> None:
    await pair.primary.execute(
        "ALTER SYSTEM SET wal_writer_delay = '10s'",
        "ALTER DATABASE medianest SET synchronous_commit = off",
        "SELECT pg_reload_conf()",
    )
    try:
        await disconnect_database()
        await connect_database()
        for n in range(20):
            async with reading(after=await note(n)):
                assert await notes() == set(range(n + 1))
    finally:
        await pair.primary.execute(
            "ALTER DATABASE medianest RESET synchronous_commit", "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"
        )


async def test_what_was_prepared_before_a_migration_is_read_after_it(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url), connection_to(fresh_url) as migrating, reading():
        assert await fetch("SELECT * FROM deeds") == []
        await migrating.execute("ALTER TABLE deeds ADD COLUMN more int")
        assert await fetch("SELECT * FROM deeds") == []


async def test_another_database_than_that_of_the_settings_has_no_standby(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await disconnect_database()
    monkeypatch.setenv("DATABASE_URL", replace(pair.primary.url, database="postgres").render().get_secret_value())
    async with database(pair.primary.url), reading():
        assert await who_answers(pair) == "primary"


async def test_disconnecting_closes_the_pools_of_the_standbys(pair: Pair) -> None:
    async with reading():
        assert await who_answers(pair) == "standby"
        left = asyncio.create_task(after_a_moment(notes))
    await disconnect_database()
    await until(lambda: no_session(pair))
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await left


async def no_session(pair: Pair) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'medianest'"
    return bool(await pair.standby.ask(query) == 0)
