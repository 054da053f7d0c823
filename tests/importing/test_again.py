"""An import that is run again, beside another, is killed, or only rehearsed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.enums import UserRole
from medianest_models.errors import ConfigurationError, ConflictError
from medianest_models.importing import ImportReport, import_prisma
from medianest_models.importing.rows import new_id
from medianest_models.importing.targets import TARGETS
from medianest_models.migrate.drift import check_drift
from medianest_models.models import MediaRequest, ServiceStatusHistory, User, YouTubeDownload
from medianest_models.repositories import media_requests, services, sessions, system_config, users
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from medianest_models.upkeep import maintain
from tests.commands import PROGRAM
from tests.importing.sources import (
    ANN,
    HASH,
    KEY,
    PASSWORD,
    ROWS_OF_S,
    ROWS_OF_U,
    SECRETS,
    make_source,
    rows_of,
    run_in,
)
from tests.locks import until


async def all_rows(url: DatabaseUrl) -> dict[str, list[dict[str, Any]]]:
    async with direct_connection(url) as connection:
        return {target.name: await rows_of(connection, target.name) for target in TARGETS}


def numbers(report: ImportReport, table: str) -> tuple[int, int, int, int]:
    found = report.tables[table]
    return found.new, found.updated, found.there, len(found.kept)


@pytest.mark.parametrize(("shape", "rows"), [("s", ROWS_OF_S), ("u", ROWS_OF_U)])
async def test_a_second_run_changes_nothing(fresh_db: DatabaseUrl, shape: str, rows: str) -> None:
    source = await make_source(fresh_db, shape, rows)
    first = await import_prisma(source, key=KEY)
    after = await all_rows(fresh_db)
    again = await import_prisma(source, key=KEY)
    assert await all_rows(fresh_db) == after
    for name, table in again.tables.items():
        assert (table.new, table.updated, table.changed, table.kept) == (0, 0, [], [])
        assert table.left_out == first.tables[name].left_out
        assert table.source == table.there + len(table.left_out) + len(table.merged)
    assert not (await check_drift()).differences


async def places(table: str) -> list[str]:
    """Return the partition of each row."""
    rows = await fetch(f"SELECT tableoid::regclass::text AS place FROM {table} ORDER BY 1")
    return [row["place"] for row in rows]


async def test_the_history_of_past_years_is_in_partitions(fresh_db: DatabaseUrl) -> None:
    entries = "('a3', 'x', '2019-05-02'), ('a4', 'x', '1970-01-01')"
    source = await make_source(
        fresh_db, "s", ROWS_OF_S, f'INSERT INTO activity_logs (id, action, "createdAt") VALUES {entries}'
    )
    await import_prisma(source, key=KEY, dry_run=True)
    assert (await fetch("SELECT to_regclass('activity_logs_2019_05')::text AS made"))[0]["made"] is None
    await import_prisma(source, key=KEY)
    assert {*await places("service_status_history")} == {"service_status_history_2024_05"}
    assert (await places("activity_logs"))[0] == "activity_logs_2019_05"
    assert (await places("activity_logs"))[-1] == "activity_logs_default"  # of 1970


async def test_history_whose_partition_can_not_be_made_is_in_the_default_one(fresh_db: DatabaseUrl) -> None:
    await execute("CREATE TABLE service_status_history_2024_05 (n int)")
    await import_prisma(await make_source(fresh_db, "s", ROWS_OF_S), key=KEY)
    assert {*await places("service_status_history")} == {"service_status_history_default"}


async def test_checks_that_were_removed_since_do_not_come_back(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    window: dict[str, Any] = {"since": datetime(2024, 5, 1, tzinfo=UTC), "until": datetime(2024, 5, 4, tzinfo=UTC)}
    await import_prisma(source, key=KEY)
    before = await services.uptime("plex", **window)
    await system_config.set("retention.checks", value={"days": 30})
    assert (await maintain()).partitions_dropped["service_status_history"] > 0
    report = (await import_prisma(source, key=KEY)).tables["service_status_history"]
    assert (report.new, report.there, [note.text for note in report.kept]) == (0, 0, ["it was deleted here"] * 2)
    assert not await ServiceStatusHistory.exists()
    assert await services.uptime("plex", **window) == before is not None


async def test_a_dry_run_reports_what_a_run_does_and_writes_nothing(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    before = await all_rows(fresh_db)
    rehearsed = await import_prisma(source, key=KEY, dry_run=True)
    assert await all_rows(fresh_db) == before
    done = await import_prisma(source, key=KEY)
    assert rehearsed.dry_run
    assert rehearsed.tables == done.tables


async def test_what_changed_in_the_source_only_is_brought_up_to_date(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    bob = await users.find_by_plex_id("43")
    assert bob is not None
    await users.suspend(bob.id)
    await run_in(
        source,
        """
        UPDATE users SET "plexUsername" = "plexUsername" || ' 2';
        INSERT INTO users ("id", "plexId", "plexUsername") VALUES ('new', '99', 'new');
        UPDATE media_requests SET status = 'available' WHERE "id" = 'r1';
        INSERT INTO media_requests ("id", "userId", "title", "mediaType") VALUES ('r9', 'new', 'New', 'movie');
        """,
    )
    report = await import_prisma(source, key=KEY)
    assert numbers(report, "users") == (1, 2, 0, 1)
    assert [(row.id, row.text) for row in report.tables["users"].kept] == [("clx123", "it was changed here")]
    assert numbers(report, "media_requests") == (1, 2, 1, 0)  # the duplicate of r1 is open now
    assert (await users.get(bob.id)).plex_username == "bob"
    ann = await users.get(ANN)
    assert ann.plex_username == "ann 2"
    assert ann.plex_token is not None
    assert ann.plex_token.get_secret_value() == "plex-token-twice"
    assert {row.title for row in await MediaRequest.filter(user__plex_id="99")} == {"New"}


async def test_what_was_deleted_here_stays_so_with_what_belongs_to_it(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    first = await import_prisma(source, key=KEY)
    bob = await users.find_by_plex_id("43")
    assert bob is not None
    await users.delete(bob.id)
    report = await import_prisma(source, key=KEY)
    assert await User.all().count() == 2
    kept = {(name, row.id): row.text for name, table in report.tables.items() for row in table.kept}
    assert kept["users", "clx123"] == "it was deleted here"
    assert kept["media_requests", "r1"] == "its user was deleted here"
    assert kept["media_request_status_updates", "u1"] == "its request was deleted here"
    assert {row.id for row in report.tables["media_requests"].left_out} == {
        row.id for row in first.tables["media_requests"].left_out
    }


async def test_who_was_here_before_stays_and_gets_their_requests(fresh_db: DatabaseUrl) -> None:
    mine = await users.upsert_from_plex("43", plex_username="mine", email=None, plex_token="mine")
    open_here = await media_requests.submit(mine.id, title="Dune", media_type="movie", tmdb_id="438631")
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    report = await import_prisma(source, key=KEY)
    assert numbers(report, "users") == (2, 0, 0, 1)
    assert report.tables["users"].kept[0].text == "it existed here before, with other values"
    assert (await users.get(mine.id)).plex_username == "mine"
    requests = await MediaRequest.filter(user_id=mine.id)
    assert {row.status for row in requests if row.id == open_here.id} == {"pending"}
    assert {row.status for row in requests if row.id != open_here.id} == {"failed"}
    assert len(requests) == 3


async def test_a_request_for_4k_here_leaves_the_source_s_open(fresh_db: DatabaseUrl) -> None:
    mine = await users.upsert_from_plex("7", plex_username="mine", email=None, plex_token="mine")
    await media_requests.submit(mine.id, title="Dune", media_type="movie", tmdb_id="438631", is_4k=True)
    await import_prisma(await make_source(fresh_db, "s", ROWS_OF_S), key=KEY)
    assert (await media_requests.get(new_id("r1"))).is_open


async def test_plex_accounts_that_move_between_users_move_no_session(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db,
        "u",
        f"""INSERT INTO users (id, email, role, password_hash) VALUES
            ('boss', 'office@x', 'ADMIN', '{HASH}'), ('a', 'a@x', 'user', '{HASH}'), ('b', 'b@x', 'user', '{HASH}')""",
    )
    await import_prisma(source)
    await run_in(
        source,
        f"""
        UPDATE users SET email = 'boss@x' WHERE id = 'boss';
        UPDATE users SET email = 'c@x' WHERE id = 'a'; UPDATE users SET email = 'a@x' WHERE id = 'b';
        UPDATE users SET email = 'b@x' WHERE id = 'a';
        INSERT INTO users (id, email, password_hash) VALUES ('guest', 'office@x', '{HASH}');
        INSERT INTO session_tokens (id, user_id, token_hash, expires_at)
            VALUES ('s', 'guest', encode(sha256('a token of the guest'), 'hex'), now() + interval '1 day');
        """,
    )
    report = await import_prisma(source)
    assert report.complete
    assert numbers(report, "users") == (1, 3, 0, 0)
    emails = {str(user.id): user.email for user in await User.all()}
    expected = {"boss": "boss@x", "a": "b@x", "b": "a@x", "guest": "office@x"}
    assert emails == {str(new_id(id_)): email for id_, email in expected.items()}
    user = (await sessions.verify("a token of the guest")).user
    assert (user.id, user.role) == (new_id("guest"), "user")
    signed_in = await users.authenticate("office@x", password=PASSWORD)
    assert signed_in.id == new_id("guest")
    again = await import_prisma(source)
    assert all((table.new, table.updated) == (0, 0) for table in again.tables.values())


async def test_a_plex_account_that_another_has_here_is_replaced(fresh_db: DatabaseUrl) -> None:
    source = await make_source(
        fresh_db,
        "u",
        "INSERT INTO users (id, email, plex_id, plex_token) VALUES ('a', 'a', '1', 't'), ('b', 'b', '2', 't')",
    )
    await import_prisma(source)
    b = await User.get(plex_id="2")
    await users.set_role(b.id, role=UserRole.ADMIN)  # changed here, and so kept
    await run_in(source, "UPDATE users SET plex_id = '3' WHERE id = 'b'; UPDATE users SET plex_id = '2' WHERE id = 'a'")
    report = await import_prisma(source)
    assert [row.id for row in report.tables["users"].kept] == ["b"]
    a = await users.get(new_id("a"))
    assert (a.plex_id, a.plex_token) == (f"local:{a.id}", None)
    assert "another user here has the same" in report.tables["users"].changed[0].text


async def test_what_closes_in_the_source_makes_place_for_what_opens(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    await run_in(
        source,
        """
        UPDATE media_requests SET status = 'available' WHERE "id" IN ('r1', 'r2');
        UPDATE youtube_downloads SET status = 'completed' WHERE "id" IN ('d1', 'd2');
        INSERT INTO media_requests ("id", "userId", "title", "mediaType", "tmdbId")
            VALUES ('r8', 'clx123', 'Dune', 'movie', '438631');
        INSERT INTO youtube_downloads ("id", "userId", "playlistUrl") VALUES ('d8', 'clx123', 'https://youtube.com/1');
        """,
    )
    report = await import_prisma(source, key=KEY)
    assert numbers(report, "media_requests")[:2] == (1, 2)
    assert (await MediaRequest.get(id=new_id("r8"))).status == "pending"
    assert (await YouTubeDownload.get(id=new_id("d8"))).status == "queued"


async def test_secrets_that_were_changed_here_stay(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    await services.configure("plex", api_key="a new key")
    for name in ("My Plex", "Our Plex"):
        await run_in(source, f"""UPDATE services SET "displayName" = '{name}' WHERE "name" = 'plex'""")
        report = await import_prisma(source, key=KEY)
        plex = await services.get("plex")
        assert plex.display_name == name
        assert plex.api_key is not None
        assert plex.api_key.get_secret_value() == "a new key"
        assert [row.text for row in report.tables["services"].changed] == ["its secrets were changed here, and stay"]


async def test_what_is_gone_in_the_source_is_named(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    await run_in(
        source, """DELETE FROM session_tokens WHERE "id" = 's1'; DELETE FROM system_config WHERE "key" = 'own'"""
    )
    report = await import_prisma(source, key=KEY)
    assert [row.id for row in report.tables["session_tokens"].gone] == ["s1"]
    assert [row.id for row in report.tables["system_config"].gone] == ["own"]


async def test_one_import_at_a_time(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    results = await asyncio.gather(*(import_prisma(source, key=KEY) for _ in range(4)), return_exceptions=True)
    done = [result for result in results if isinstance(result, ImportReport)]
    refused = [result for result in results if isinstance(result, ConflictError)]
    assert done
    assert len(done) + len(refused) == len(results)
    assert sum(report.tables["users"].new for report in done) == 3


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
async def test_who_is_killed_or_stopped_has_written_nothing(
    fresh_db: DatabaseUrl, sent: signal.Signals, status: int
) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    before = await all_rows(fresh_db)
    await execute(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
    )
    await execute("CREATE TRIGGER hold BEFORE INSERT ON activity_logs FOR EACH ROW EXECUTE FUNCTION hold()")
    child = await asyncio.create_subprocess_exec(
        PROGRAM,
        "import-prisma",
        source.render().get_secret_value(),
        env={**os.environ, "SOURCE_ENCRYPTION_KEY": KEY.get_secret_value()},
        stderr=subprocess.DEVNULL,
    )
    await until(somebody_inserts_log_entries)
    child.send_signal(sent)
    assert await child.wait() == status
    await execute("DROP FUNCTION hold CASCADE")  # waits until the server has noticed
    assert await all_rows(fresh_db) == before
    await import_prisma(source, key=KEY)
    assert await User.all().count() == 3


async def somebody_inserts_log_entries() -> bool:
    row = await fetch_one(
        "SELECT count(*) AS number FROM pg_stat_activity WHERE query LIKE '%INSERT INTO activity_logs%' "
        "AND wait_event = 'PgSleep' AND datname = current_database()"
    )
    return row is not None and row["number"] > 0


async def test_limits_of_the_role_do_not_end_an_import(fresh_db: DatabaseUrl) -> None:
    tokens = ", ".join(f"('{number}', '{number}', '{SECRETS['twice']}')" for number in range(30))
    source = await make_source(fresh_db, "u", f"INSERT INTO users (id, email, plex_token) VALUES {tokens}")
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await execute(f"ALTER ROLE CURRENT_USER IN DATABASE {fresh_db.database} SET {limit} = '300ms'")
    assert (await import_prisma(source, key=KEY)).tables["users"].new == 30  # which takes a core 2.6 s


async def test_an_email_address_gives_nobody_an_account_here(fresh_db: DatabaseUrl) -> None:
    admin = await users.bootstrap_admin()
    assert admin is not None
    source = await make_source(
        fresh_db,
        "u",
        "INSERT INTO users (id, email) VALUES ('a', 'admin')",
        """INSERT INTO session_tokens (id, user_id, token_hash, expires_at)
            VALUES ('s', 'a', encode(sha256('a token'), 'hex'), now() + interval '1 day')""",
    )
    await import_prisma(source)
    user = (await sessions.verify("a token")).user
    assert (user.id, user.plex_id, user.role) == (new_id("a"), f"local:{new_id('a')}", "user")


async def test_a_setting_that_was_the_same_first_is_brought_up_to_date(fresh_db: DatabaseUrl) -> None:
    await seed()
    rows = """INSERT INTO system_config (key, value, description, "updatedAt") VALUES
        ('youtube.concurrent_downloads', '{"max": 3}', 'Maximum concurrent YouTube downloads', now())"""
    source = await make_source(fresh_db, "s", rows)
    assert numbers(await import_prisma(source), "system_config") == (0, 0, 1, 0)
    await run_in(source, """UPDATE system_config SET value = '{"max": 9}'""")
    assert numbers(await import_prisma(source), "system_config") == (0, 1, 0, 0)
    assert (await system_config.get("youtube.concurrent_downloads")).value == {"max": 9}


async def test_user_names_that_move_in_a_chain(fresh_db: DatabaseUrl) -> None:
    people = ", ".join(f"('{name}', '{name}@x', '{HASH}')" for name in "ab")
    source = await make_source(fresh_db, "u", f"INSERT INTO users (id, email, password_hash) VALUES {people}")
    await import_prisma(source)
    await users.authenticate("b@x", password=PASSWORD)  # whose hash is now another one here
    await run_in(
        source,
        f"""UPDATE users SET email = 'z@x' WHERE id = 'b'; UPDATE users SET email = 'b@x' WHERE id = 'a';
            INSERT INTO users (id, email, password_hash) VALUES ('c', 'a@x', '{HASH}')""",
    )
    report = await import_prisma(source)
    assert {row.id for row in report.tables["local_credentials"].left_out} == {"a", "c"}
    assert {row.id for row in report.tables["local_credentials"].kept} == {"b"}


async def test_a_secret_that_is_missing_is_told_again(fresh_db: DatabaseUrl) -> None:
    rows = f"""INSERT INTO users (id, email, password_hash, plex_token) VALUES
        ('a', 'a@x', '{HASH}', '{SECRETS["once"]}'), ('b', 'b@x', NULL, '{SECRETS["another"]}')"""
    source = await make_source(fresh_db, "u", rows)
    assert not (await import_prisma(source, key=KEY)).complete
    await users.suspend(new_id("b"))
    assert not (await import_prisma(source, key=KEY)).complete
    await run_in(source, "UPDATE users SET last_login_at = now() WHERE id = 'a'")
    await import_prisma(source, key=SecretStr("another key"))
    token = (await users.get(new_id("a"))).plex_token
    assert token is not None
    assert token.get_secret_value() == "plex-token-once"


async def test_a_secret_in_the_clear_that_was_written_here_stops_no_run(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await import_prisma(source, key=KEY)
    await execute("UPDATE services SET api_key = 'in the clear, as a Prisma client writes it' WHERE name = 'plex'")
    await run_in(source, """UPDATE services SET "displayName" = 'My Plex' WHERE "name" = 'plex'""")
    report = await import_prisma(source, key=KEY)
    assert numbers(report, "services")[:2] == (0, 1)
    assert [row.text for row in report.tables["services"].changed] == ["its secrets were changed here, and stay"]


async def test_a_second_source_is_refused(fresh_db: DatabaseUrl) -> None:
    await import_prisma(await make_source(fresh_db, "s", ROWS_OF_S), key=KEY)
    before = await all_rows(fresh_db)
    for other in (ROWS_OF_U, "SELECT"):
        source = await make_source(fresh_db, "u", other)
        with pytest.raises(ConfigurationError, match="is not the database that was imported before: it has none of"):
            await import_prisma(source, key=KEY)
        await run_in(source, f"DROP SCHEMA {source.search_path} CASCADE")
    assert await all_rows(fresh_db) == before
