"""Sources that are none, or are not to be read: one clear error, and nothing is written."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute
from medianest_models.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    ImportCheckError,
    InvalidInputError,
    MigrationError,
)
from medianest_models.importing import import_prisma
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.commands import medianest
from tests.importing.sources import KEY, ROWS_OF_S, ROWS_OF_U, SECRETS, make_source, run_in
from tests.locks import until


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "SOURCE_ENCRYPTION_KEY: not set"),
        (SecretStr("another key"), "SOURCE_ENCRYPTION_KEY: is not the key"),
    ],
)
async def test_without_the_right_key_nothing_is_written(
    fresh_db: DatabaseUrl, key: SecretStr | None, message: str
) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    with pytest.raises(ConfigurationError, match=message):
        await import_prisma(source, key=key)
    assert await User.all().count() == 0


async def test_one_altered_secret_is_left_empty_and_named(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    altered = ("f" if SECRETS["once"][0] != "f" else "0") + SECRETS["once"][1:]
    await run_in(source, f"UPDATE users SET plex_token = '{altered}' WHERE id = 'u2'")
    report = await import_prisma(source, key=KEY)
    assert not report.complete
    assert (await User.get(plex_id="42")).plex_token is None
    lacking = {row.id: row.text for row in report.tables["users"].incomplete}
    assert lacking == {"u2": "can't be decrypted with SOURCE_ENCRYPTION_KEY, left empty: plex_token"}
    await run_in(source, f"UPDATE users SET plex_token = '{SECRETS['once']}' WHERE id = 'u2'")
    assert (await import_prisma(source, key=KEY)).tables["users"].incomplete == []
    token = (await User.get(plex_id="42")).plex_token
    assert token is not None
    assert token.get_secret_value() == "plex-token-once"


async def test_a_secret_is_tried_again_with_another_key(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    await run_in(source, f"INSERT INTO users (id, email, plex_token) VALUES ('zz', 'zz', '{SECRETS['another']}')")
    first = await import_prisma(source, key=KEY)
    assert [row.id for row in first.tables["users"].incomplete] == ["zz"]
    await import_prisma(source, key=SecretStr("another key"))
    token = (await User.get(plex_id="local:zz")).plex_token
    assert token is not None
    assert token.get_secret_value() == "plex-token-under-another-key"


async def test_many_values_under_an_old_key_refuse_nothing(fresh_db: DatabaseUrl) -> None:
    rows = ", ".join(f"('0{number}', '{number}', '{SECRETS['another']}')" for number in range(9))
    source = await make_source(fresh_db, "u", ROWS_OF_U, f"INSERT INTO users (id, email, plex_token) VALUES {rows}")
    report = await import_prisma(source, key=KEY)
    assert len(report.tables["users"].incomplete) == 9
    assert (await User.get(plex_id="42")).plex_token is not None


async def test_what_is_no_source_is_refused(fresh_db: DatabaseUrl) -> None:
    for source, message in (
        (fresh_db, "is a database of this package, or the target itself"),
        (replace(fresh_db, schema="nowhere"), "schema nowhere.: holds no MediaNest that Prisma made"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            await import_prisma(source)


@pytest.mark.parametrize(("finished", "rolled_back", "refused"), [("NULL", "NULL", True), ("NULL", "now()", False)])
async def test_a_migration_that_neither_finished_nor_was_rolled_back(
    fresh_db: DatabaseUrl, finished: str, rolled_back: str, *, refused: bool
) -> None:
    rows = f"""INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, rolled_back_at)
        VALUES ('1', 'x', '2025_broken', {finished}, {rolled_back})"""
    source = await make_source(fresh_db, "s", rows)
    if refused:
        with pytest.raises(ConfigurationError, match="its migration 2025_broken neither finished nor was rolled back"):
            await import_prisma(source)
    else:
        assert (await import_prisma(source)).complete


async def test_a_target_that_is_not_migrated_is_refused(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await execute("DELETE FROM aerich WHERE version LIKE '5%'")
    with pytest.raises(MigrationError, match=r"lacks 5_.*imported_rows"):
        await import_prisma(source, key=KEY)


async def test_a_row_that_is_stored_otherwise_than_it_was_read_fails_the_import(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await execute(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.title := upper(NEW.title); RETURN NEW; END'"
    )
    await execute("CREATE TRIGGER spoil BEFORE INSERT ON media_requests FOR EACH ROW EXECUTE FUNCTION spoil()")
    with pytest.raises(ImportCheckError, match=r"media_requests: what was written for id .* is not what was read"):
        await import_prisma(source, key=KEY)
    assert await User.all().count() == 0


async def test_a_secret_that_cannot_be_decrypted_afterwards_fails_the_import(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await execute(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.api_key := reverse(NEW.api_key); RETURN NEW; END'"
    )
    await execute("CREATE TRIGGER spoil BEFORE INSERT ON services FOR EACH ROW EXECUTE FUNCTION spoil()")
    with pytest.raises(ImportCheckError, match="services: api_key of id plex can't be decrypted"):
        await import_prisma(source, key=KEY)


async def test_the_command(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    source = (await make_source(fresh_url, "u", ROWS_OF_U)).render().get_secret_value()
    status, _, errors = medianest("import-prisma", source)
    assert status == 2
    assert "SOURCE_ENCRYPTION_KEY: not set" in errors
    file = tmp_path / "report.json"
    status, output, errors = medianest(
        "import-prisma", source, "--report", str(file), SOURCE_ENCRYPTION_KEY=KEY.get_secret_value()
    )
    assert status == 1  # a request of a status that nobody knows
    assert output.startswith(f"From the source {fresh_url.masked} (schema prisma_u): shape U")
    assert "media_requests r4: left out: its status is unknown" in output
    written = json.loads(file.read_text())
    assert written["complete"] is False
    assert written["tables"]["users"]["new"] == 3
    for secret in ("plex-token", "overseerr-key", "the password of", "a token of", KEY.get_secret_value()):
        assert secret not in output + errors + file.read_text()
    status, output, errors = medianest(  # a key as it comes from a file
        "import-prisma", source, "--report", "/dev/full", SOURCE_ENCRYPTION_KEY=f" {KEY.get_secret_value()}\n"
    )
    assert (status, "shape U" in output) == (1, True)
    assert "Error: /dev/full can't be written: No space left on device; what was done is told here" in errors
    status, _, errors = medianest("import-prisma", "postgresql://u:hidden@/")
    assert status == 2
    assert "SOURCE_URL" in errors
    assert "hidden" not in errors
    for arguments in (("--zone", "Nowhere"), ("--report", str(tmp_path / "no" / "folder"))):
        status, _, errors = medianest("import-prisma", source, *arguments)
        assert status in (1, 2)
        assert "Traceback" not in errors


@pytest.mark.parametrize("zone", ["Nowhere", "Europe/Nowhere", "EST", "europe/berlin", "Europe/Berlin'", ""])
async def test_a_zone_that_the_source_does_not_know(fresh_db: DatabaseUrl, zone: str) -> None:
    source = await make_source(fresh_db, "s", "DROP TABLE users CASCADE")  # which is not looked at first
    with pytest.raises(InvalidInputError, match=f"zone: the source's server has no time zone {zone!r}; UTC and Europe"):
        await import_prisma(source, zone=zone)


async def test_a_source_that_cannot_be_reached(fresh_db: DatabaseUrl) -> None:
    nowhere = replace(fresh_db, host="127.0.0.1", port=1, password=SecretStr("hidden"), fallbacks=())
    with pytest.raises(DatabaseUnavailableError) as raised:
        await import_prisma(nowhere)
    assert str(raised.value) == (
        f"the source {nowhere.masked}: can't connect to {nowhere.masked}: "
        "nothing listens there: start the server, or correct its URL"
    )


async def test_a_reader_that_lacks_privileges(fresh_db: DatabaseUrl, medianest_server: Server) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    reader = f"reader_{os.getpid()}"  # a role belongs to the whole server, where other tests may run
    await medianest_server.execute(f"CREATE ROLE {reader} LOGIN PASSWORD 'hidden'")
    theirs = replace(source, user=reader, password=SecretStr("hidden"))
    try:
        with pytest.raises(ConfigurationError, match="holds no MediaNest that Prisma made, or its user may not see it"):
            await import_prisma(theirs, key=KEY)
        await run_in(source, f"GRANT USAGE ON SCHEMA {source.search_path} TO {reader}")
        with pytest.raises(ConfigurationError, match="its user may not read all rows: GRANT SELECT ON ALL TABLES"):
            await import_prisma(theirs, key=KEY)
        await run_in(source, f"GRANT SELECT ON ALL TABLES IN SCHEMA {source.search_path} TO {reader}")
        assert (await import_prisma(theirs, key=KEY)).tables["users"].new == 3
    finally:
        await run_in(source, f"DROP OWNED BY {reader}")
        await medianest_server.execute(f"DROP ROLE {reader}")


async def test_a_source_that_lacks_a_part_of_its_shape(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S, "ALTER TABLE services RENAME id TO number")
    with pytest.raises(ConfigurationError, match="lacks a table or column that a database of its shape has"):
        await import_prisma(source, key=KEY)


async def test_the_end_of_the_report_says_what_to_do(fresh_db: DatabaseUrl) -> None:
    altered = ("f" if SECRETS["once"][0] != "f" else "0") + SECRETS["once"][1:]
    source = await make_source(
        fresh_db, "u", ROWS_OF_U, f"INSERT INTO users (id, email, plex_token) VALUES ('y', 'y', '{altered}')"
    )
    lines = list((await import_prisma(source, key=KEY)).lines())
    assert lines[-1] == (
        "Not complete: rows left out: 1, rows without a secret: 1. Mend them in the source and import again, or go on "
        "without them."
    )
    await run_in(
        source, "DELETE FROM media_requests WHERE id = 'r4'; UPDATE users SET plex_token = NULL WHERE id = 'y'"
    )
    assert list((await import_prisma(source, key=KEY)).lines())[-1] == "Complete: no row and no secret was left out."


async def test_the_progress_counts_secrets_too(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "u", ROWS_OF_U)
    seen: list[tuple[int, int]] = []
    await import_prisma(source, key=KEY, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= total for done, total in seen)
    assert seen[-1][0] == seen[-1][1] == 18 + 1_000 * 4  # rows and secrets
    assert sum(after - before >= 1_000 for (before, _), (after, _) in pairwise([(0, 0), *seen])) == 4


async def test_a_source_whose_connection_ends_is_named(fresh_db: DatabaseUrl) -> None:
    source = await make_source(fresh_db, "s", ROWS_OF_S)
    await execute(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'"
    )
    await execute("CREATE TRIGGER hold BEFORE INSERT ON services FOR EACH ROW EXECUTE FUNCTION hold()")
    async with direct_connection(fresh_db) as other:
        await other.execute("SELECT pg_advisory_lock(1)")
        running = asyncio.create_task(import_prisma(source, key=KEY))

        async def ended() -> bool:
            found: bool | None = await other.fetchval(
                "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state = 'idle in transaction' AND query LIKE '%source_id%' AND EXISTS "
                "(SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted)"
            )
            return bool(found)

        await until(ended)
        await other.execute("SELECT pg_advisory_unlock(1)")
        with pytest.raises(DatabaseUnavailableError, match=r"^the source .*: the connection to the database failed"):
            await running
    assert await User.all().count() == 0
