"""A second run over a changed source ends where a first import of it would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.enums import UserRole
from medianest_models.importing import ImportReport, import_prisma
from medianest_models.importing.rows import new_id
from medianest_models.importing.targets import TARGETS
from medianest_models.models import LocalCredential, MediaRequest, Service, SessionToken, YouTubeDownload
from medianest_models.repositories import media_requests, rate_limits, services, users
from medianest_models.settings import DatabaseUrl
from tests.importing.sources import HASH, KEY, PASSWORD, ROWS_OF_S, SECRETS, make_source, run_in

FAILED = "Imported as failed, because another request for this title is open."
DUNE = "'clx123', 'Dune', 'movie', '438631'"


async def states(url: DatabaseUrl) -> dict[str, list[dict[str, Any]]]:
    """Read every table, with the versions of its rows: one that was written anew is another."""
    async with direct_connection(url) as connection:
        return {
            name: [
                dict(row) for row in await connection.fetch(f"SELECT xmin::text, t.* FROM {name} AS t ORDER BY 1, 2")
            ]
            for name in (*(target.name for target in TARGETS), "imported_rows")
        }


def written(report: ImportReport) -> dict[str, tuple[int, int]]:
    return {
        name: (table.new, table.updated)
        for name, table in report.tables.items()
        if (table.new, table.updated) != (0, 0)
    }


async def status_of(source_id: str) -> str:
    return (await MediaRequest.get(id=new_id(source_id))).status


async def messages_of(source_id: str) -> list[str | None]:
    return [update.message for update in await media_requests.history(new_id(source_id))]


async def test_a_duplicate_is_open_as_long_as_the_other_is_not(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    assert (await status_of("r1"), await status_of("r2")) == ("pending", "failed")
    for title in ("Dune 1", "Dune 2"):
        await run_in(source, f"""UPDATE media_requests SET title = '{title}' WHERE "id" = 'r2'""")
        await import_prisma(source, key=KEY)
        assert await messages_of("r2") == [FAILED]
    await run_in(
        source,
        """UPDATE media_requests SET status = 'available' WHERE "id" = 'r1'""",
        """UPDATE youtube_downloads SET status = 'completed' WHERE "id" = 'd1'""",
    )
    report = await import_prisma(source, key=KEY)
    assert written(report) == {"media_requests": (0, 2), "youtube_downloads": (0, 2)}
    assert (await status_of("r1"), await status_of("r2")) == ("available", "approved")
    assert await messages_of("r2") == []
    download = await YouTubeDownload.get(id=new_id("d2"))
    assert (download.status, download.error_message) == ("queued", None)
    await run_in(
        source,
        f"""INSERT INTO media_requests ("id", "userId", "title", "mediaType", "tmdbId", "createdAt")
            VALUES ('r0', {DUNE}, '2020-01-01')""",
    )
    await import_prisma(source, key=KEY)
    assert (await status_of("r0"), await status_of("r2")) == ("pending", "failed")
    assert await messages_of("r2") == [FAILED]
    assert written(await import_prisma(source, key=KEY)) == {}


async def test_a_plex_account_comes_when_nobody_else_has_it(fresh_db: DatabaseUrl) -> None:
    people = f"('a', 'a', '1', '{SECRETS['once']}'), ('b', 'b', '2', '{SECRETS['once']}')"
    source = await make_source(fresh_db, "u", f"INSERT INTO users (id, email, plex_id, plex_token) VALUES {people}")
    await import_prisma(source, key=KEY)
    await users.suspend(new_id("b"))  # changed here, and so kept
    await run_in(source, "UPDATE users SET plex_id = '3' WHERE id = 'b'; UPDATE users SET plex_id = '2' WHERE id = 'a'")
    for changes in ({"users": (0, 1)}, {}):
        report = await import_prisma(source, key=KEY)
        assert written(report) == changes
        assert [(row.id, row.text) for row in report.tables["users"].incomplete] == [
            ("a", "plex_token: left empty, it belongs to another user here")
        ]
        assert not report.complete
    await users.delete(new_id("b"))
    assert (await import_prisma(source, key=KEY)).complete
    a = await users.get(new_id("a"))
    assert a.plex_token is not None
    assert (a.plex_id, a.plex_token.get_secret_value()) == ("2", "plex-token-once")


async def test_a_plex_id_that_two_have_in_the_source_comes_when_one_has_another(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db,
        "u",
        f"""INSERT INTO users (id, email, plex_id, plex_token) VALUES
            ('b', 'x', 'local:b@c', NULL), ('c', 'b@c', NULL, '{SECRETS["once"]}')""",
    )
    await import_prisma(source, key=KEY)
    assert (await users.get(new_id("c"))).plex_id == f"local:{new_id('c')}"
    await run_in(source, "UPDATE users SET plex_id = '7' WHERE id = 'b'")
    await import_prisma(source, key=KEY)
    c = await users.get(new_id("c"))
    assert c.plex_token is not None
    assert (c.plex_id, c.plex_token.get_secret_value()) == ("local:b@c", "plex-token-once")
    assert written(await import_prisma(source, key=KEY)) == {}


@pytest.mark.parametrize("changed_here", [False, True])
async def test_what_is_gone_in_the_source_gives_way(fresh_db: DatabaseUrl, *, changed_here: bool) -> None:
    rows = """
        INSERT INTO users (id, email, plex_id, plex_token, password_hash) VALUES ('{0}', 'a@x', '1', 't', '{1}');
        INSERT INTO media_requests (id, user_id, title, media_type, tmdb_id) VALUES ('{0}', '{0}', 't', 'movie', '1')
    """
    source = await make_source(
        fresh_db, "u", rows.format("old", HASH), "INSERT INTO users (id, email) VALUES ('x', 'x')"
    )
    await import_prisma(source)
    if changed_here:
        await users.set_role(new_id("old"), role=UserRole.ADMIN)
        await users.authenticate("a@x", password=PASSWORD)  # which stores another hash
    await run_in(source, "DELETE FROM media_requests; DELETE FROM users WHERE id = 'old'", rows.format("new", HASH))
    report = await import_prisma(source)
    assert {row.id for row in report.tables["users"].gone} == {"old"}
    assert report.tables["users"].source == 2
    new, old = await users.get(new_id("new")), await users.get(new_id("old"))
    if changed_here:
        assert (old.plex_id, new.plex_id) == ("1", f"local:{new.id}")
        assert [row.id for row in report.tables["users"].incomplete] == ["new"]
        assert [row.id for row in report.tables["local_credentials"].left_out] == ["new"]
        return
    assert report.complete
    assert (old.plex_id, old.plex_token) == (f"local:{old.id}", None)
    assert new.plex_token is not None
    assert (new.plex_id, new.plex_token.get_secret_value()) == ("1", "t")
    assert (await LocalCredential.get(username="a@x")).user_id == new.id
    assert (await status_of("old"), await status_of("new")) == ("failed", "pending")
    assert [(row.id, row.text) for row in report.tables["users"].changed] == [
        ("old", "gone in the source, gave way to another row: plex_id, plex_token")
    ]
    assert written(await import_prisma(source)) == {}
    await run_in(source, "DELETE FROM media_requests; DELETE FROM users WHERE id = 'new'", rows.format("old", HASH))
    await import_prisma(source)
    assert (await users.get(old.id)).plex_id == "1"


async def test_incomplete_rows_are_told_again_and_not_written(fresh_db: DatabaseUrl) -> None:
    rows = f"""INSERT INTO users (id, email, plex_token, role) VALUES ('a', 'a', '{SECRETS["once"]}', 'user'),
            ('b', 'b', '{SECRETS["another"]}', 'unknown');
        INSERT INTO service_config (service_name, service_url, api_key, config_data) VALUES
            ('x', 'http://x', '{SECRETS["once"]}', '{{"password": "{SECRETS["another"]}"}}')"""
    source = await make_source(fresh_db, "u", rows)
    first = await import_prisma(source, key=KEY)
    before = await states(fresh_db)
    for _ in range(2):
        again = await import_prisma(source, key=KEY)
        assert written(again) == {}
        assert await states(fresh_db) == before
        for name in ("users", "services"):
            assert again.tables[name].incomplete == first.tables[name].incomplete != []
            assert again.tables[name].changed == []
    await users.suspend(new_id("b"))
    again = await import_prisma(source, key=KEY)
    assert again.tables["users"].incomplete == first.tables["users"].incomplete
    assert again.tables["users"].kept == []  # it was changed here alone
    await users.reinstate(new_id("b"))
    await run_in(source, f"UPDATE users SET plex_token = '{SECRETS['twice']}' WHERE id = 'b'")
    await services.configure("x", api_key="a new key")
    await run_in(source, f"""UPDATE service_config SET config_data = '{{"password": "{SECRETS["once"]}"}}'""")
    assert (await import_prisma(source, key=KEY)).complete
    token = (await users.get(new_id("b"))).plex_token
    assert token is not None
    assert token.get_secret_value() == "plex-token-twice"
    key = (await services.get("x")).api_key
    assert key is not None
    assert key.get_secret_value() == "a new key"


async def test_counters_follow_the_source_and_never_fall(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    report = await import_prisma(source, key=KEY)
    assert [(row.id, row.text) for row in report.tables["rate_limits"].merged] == [("l3", "the same counter as l2")]

    async def counts() -> list[int]:
        rows = await fetch("SELECT request_count FROM rate_limits ORDER BY user_id NULLS LAST, window_start")
        return [row["request_count"] for row in rows]

    assert await counts() == [3, 5]
    await run_in(
        source,
        """UPDATE rate_limits SET "requestCount" = 8 WHERE "id" = 'l1'""",
        """UPDATE rate_limits SET "requestCount" = 9 WHERE "id" = 'l2'""",
    )
    report = await import_prisma(source, key=KEY)
    assert written(report) == {"rate_limits": (0, 2)}
    assert await counts() == [8, 9]
    await execute("UPDATE rate_limits SET request_count = 50")
    assert written(await import_prisma(source, key=KEY)) == {}
    assert await counts() == [50, 50]
    await run_in(
        source, """UPDATE rate_limits SET "windowStart" = '2024-06-02', "requestCount" = 1 WHERE "id" = 'l1'"""
    )
    assert written(await import_prisma(source, key=KEY)) == {"rate_limits": (1, 0)}
    assert written(await import_prisma(source, key=KEY)) == {}
    assert await counts() == [50, 1, 50]


async def test_a_counter_that_runs_here_is_raised_and_not_doubled(fresh_db: DatabaseUrl) -> None:
    await rate_limits.hit("api.default", ip_address="1.2.3.4")
    begun = await fetch_one("SELECT window_start FROM rate_limits")
    assert begun is not None
    source = await make_source(
        fresh_db,
        "s",
        """INSERT INTO users ("id", "plexId", "plexUsername") VALUES ('u', 'u', 'u')""",
        f"""INSERT INTO rate_limits ("id", "ipAddress", "endpoint", "windowStart", "requestCount")
            VALUES ('l', '::ffff:1.2.3.4', 'api.default', '{begun["window_start"]:%Y-%m-%d %H:%M:%S}', 7)""",
    )
    assert written(await import_prisma(source))["rate_limits"] == (0, 1)
    rows = await fetch("SELECT request_count FROM rate_limits")
    assert [row["request_count"] for row in rows] == [7]


async def test_a_password_here_stays_and_is_named_so(fresh_db: DatabaseUrl) -> None:
    mine = await users.upsert_from_plex("1", plex_username="a", email=None, plex_token="t")
    await execute(
        "INSERT INTO local_credentials (user_id, username, password_hash) VALUES ($1, 'mine', $2)", mine.id, HASH
    )
    source = await make_source(
        fresh_db, "u", f"INSERT INTO users (id, email, plex_id, password_hash) VALUES ('a', 'a@x', '1', '{HASH}')"
    )
    for _ in range(2):
        table = (await import_prisma(source)).tables["local_credentials"]
        assert table.left_out == []
        assert [(row.id, row.text) for row in table.kept] == [("a", "it existed here before, with other values")]
    row = await fetch_one("SELECT username FROM local_credentials")
    assert row is not None
    assert row["username"] == "mine"


async def test_a_session_under_another_id_is_reported(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    await run_in(source, """UPDATE session_tokens SET "id" = 's9' WHERE "id" = 's1'""")
    table = (await import_prisma(source, key=KEY)).tables["session_tokens"]
    assert ("s9", "another session here has its token_hash") in [(row.id, row.text) for row in table.left_out]
    assert [row.id for row in table.gone] == ["s1"]
    assert await SessionToken.all().count() == 1


async def test_checks_without_an_instant_are_reported(fresh_db: DatabaseUrl) -> None:
    rows = """INSERT INTO service_status (service_name, status, last_check_at) VALUES
        ('a', 'healthy', '2024-05-03'), ('b', 'healthy', NULL), ('c', NULL, NULL), ('d', NULL, '2024-05-03')"""
    table = (await import_prisma(await make_source(fresh_db, "u", rows))).tables["service_status_history"]
    assert (table.source, table.new) == (3, 1)
    assert {row.id: row.text for row in table.left_out} == {
        "b at ": "checked_at is empty, or can't be read",
        "d at 2024-05-03 00:00:00": "its status is empty",
    }


async def test_the_time_of_the_import_stands_for_an_instant_once(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db,
        "u",
        """INSERT INTO service_config (service_name, service_url) VALUES ('x', 'http://x');
            INSERT INTO users (id, email, created_at) VALUES ('a', 'a', 'infinity')""",
    )
    await import_prisma(source)
    made = (await services.get("x")).created_at, (await users.get(new_id("a"))).created_at
    assert all(datetime(2025, 1, 1, tzinfo=UTC) < instant for instant in made)
    await run_in(source, "UPDATE service_config SET service_url = 'http://y'; UPDATE users SET name = 'A'")
    assert written(await import_prisma(source)) == {"services": (0, 1), "users": (0, 1)}
    assert (await services.get("x")).url == "http://y"
    assert ((await services.get("x")).created_at, (await users.get(new_id("a"))).created_at) == made


async def test_the_log_names_services_by_their_ids_here(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db,
        "s",
        """INSERT INTO services ("id", "name", "displayName", "updatedAt") VALUES (700, 'plex', 'Plex', now());
            INSERT INTO activity_logs ("id", "action", "entityType", "entityId") VALUES
            ('a', 'x', 'service', '700'), ('b', 'x', 'service', 'plex')""",
    )
    await import_prisma(source)
    plex = await Service.get(name="plex")
    rows = await fetch("SELECT entity_id FROM activity_logs")
    assert {row["entity_id"] for row in rows} == {str(plex.id), "plex"}
