"""The import: read and convert rows, stage them in temporary tables, merge them into ours, check, commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asyncpg import Connection, PostgresError
from pydantic import SecretStr

from medianest_models.db.direct import direct_connection
from medianest_models.db.locks import AdvisoryLock
from medianest_models.db.partitions import PARTITIONED, make_partitions
from medianest_models.db.requirements import wait_for_migrations
from medianest_models.errors import ConfigurationError, ConflictError
from medianest_models.importing.mappings import MAPPINGS, credential_of
from medianest_models.importing.old_secrets import OldSecrets
from medianest_models.importing.references import References
from medianest_models.importing.report import ImportReport, report_table
from medianest_models.importing.rows import Row
from medianest_models.importing.secrets import check_key, check_secrets, start_renewing
from medianest_models.importing.source import WITHOUT_LIMITS, Source, open_source
from medianest_models.importing.targets import TARGETS
from medianest_models.migrate.drift import check_drift
from medianest_models.settings import DatabaseUrl

Progress = Callable[[int, int], object]

# The import itself says which settings are customized; otherwise a trigger would mark each new one.
_AS_THE_SEED: Final = "SET LOCAL medianest.seeding = 'on'"

# With this the server cancels the statement of a client that was killed. Not every platform supports it.
_WATCH_CLIENT: Final = "SET client_connection_check_interval = '5s'"

_LONGEST_HISTORY: Final = timedelta(days=3_653)
"""The history for which partitions are made; older rows are rare, may be mistakes, and go to the default partition."""

_SECRET: Final = 1_000  # an encrypted value takes about as long as so many rows
_KNOWN_USERS: Final = "SELECT source_id FROM imported_rows WHERE table_name = 'users'"


async def import_prisma(
    source: DatabaseUrl,
    *,
    key: SecretStr | None = None,
    zone: str = "UTC",
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> ImportReport:
    """Import a MediaNest that Prisma made into the database that this process is connected to.

    It is one transaction: an import that fails or is killed writes nothing. It can be repeated: it then inserts the new
    rows of the source, and updates those that were changed only there.

    Args:
        source: The database to read, in one read-only transaction.
        key: The source's ENCRYPTION_KEY; None for a source without encrypted values.
        zone: The time zone of the source's instants. Prisma writes UTC; the database's own defaults wrote the session's
            local time.
        dry_run: Whether to roll back at the end, so that there is only the report.
        progress: A function that is called with the work done so far and in all: a row counts 1, an encrypted value
            1,000, because it takes that much longer.

    Raises:
        InvalidInputError: The source's server knows no such zone.
        ConfigurationError: The source has neither shape, a failed migration, or is another one than before; or the key
            is missing or wrong.
        MigrationError: Our database lacks migrations.
        ConflictError: Another import is running.
        ImportCheckError: The written rows differ from the rows read; nothing was kept.
    """
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_source(source, zone))
        if not dry_run:
            await _make_partitions(opened)
        connection = await stack.enter_async_context(_transaction(dry_run=dry_run))
        report = ImportReport(opened.name, opened.variant, dry_run)
        with OldSecrets(key) as old_secrets:
            await _import(opened, connection, old_secrets, progress)
            report.secrets = old_secrets.decrypted
        for target in TARGETS:
            await target.check(connection)
            report.tables[target.name] = await report_table(connection, target)
        await check_secrets(connection)
        report.not_copied = await opened.count_not_copied()
        report.drift = [difference.text for difference in (await check_drift()).differences]
    return report


async def _make_partitions(source: Source) -> None:
    """Make the partitions of the source's history, if the role may; else its rows go into the default partition."""
    for table, column in PARTITIONED.items():
        oldest = await source.oldest(table, column) if table in source.entities else None
        if oldest is not None:
            with suppress(ConfigurationError):
                await make_partitions(table, since=max(oldest, datetime.now(UTC) - _LONGEST_HISTORY))


@asynccontextmanager
async def _transaction(*, dry_run: bool) -> AsyncIterator[Connection[Any]]:
    """Open the import's transaction, while no other import runs."""
    async with direct_connection() as connection:
        await wait_for_migrations(connection, seconds=0)
        with suppress(PostgresError):
            await connection.execute(_WATCH_CLIENT)
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(WITHOUT_LIMITS)
            await connection.execute(_AS_THE_SEED)
            await _be_alone(connection)
            yield connection
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if dry_run else transaction.commit())


async def _be_alone(connection: Connection[Any]) -> None:
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", AdvisoryLock.IMPORTING):
        raise ConflictError("another import is running")


async def _import(source: Source, connection: Connection[Any], old_secrets: OldSecrets, progress: Progress) -> None:
    await check_key(source, old_secrets)
    references = References()
    users = [row async for rows in _rows(source, "users", references) for row in rows]
    await _check_same_source(connection, source, users)
    done, total = len(users), sum([await source.count(entity) for entity in source.entities])

    def advance(rows: int = 0) -> None:
        nonlocal done
        done += rows
        progress(done + _SECRET * old_secrets.answered, total + _SECRET * old_secrets.asked)

    old_secrets.on_answer = advance
    # To decrypt takes the longest, in threads: what does not belong to users is imported meanwhile.
    renewing = await start_renewing(connection, "users", users, old_secrets)
    try:
        for target in TARGETS:
            await target.create_staging(connection)
            if target.name == "users":
                await renewing
                await target.stage(connection, users)
            elif target.name == "local_credentials":
                credentials = [credential_of(row) for row in users if row.values["password_hash"] is not None]
                for row in credentials:
                    references.resolve(target.name, row)
                await target.stage(connection, credentials)
            elif target.name in source.entities:
                async for rows in _rows(source, target.name, references):
                    if target.name == "services":
                        await (await start_renewing(connection, target.name, rows, old_secrets))
                    await target.stage(connection, rows)
                    advance(len(rows))
            await target.merge(connection)
            await references.learn(connection, target.name)
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _check_same_source(connection: Connection[Any], source: Source, users: list[Row]) -> None:
    """Refuse another source than before: what is remembered of its rows, by their ids, would be wrong."""
    known = {row["source_id"] for row in await connection.fetch(_KNOWN_USERS)}
    if known and known.isdisjoint(row.source_id for row in users):
        raise ConfigurationError(
            f"{source.name}: is not the database that was imported before: it has none of the {len(known)} users who "
            "came from there"
        )


async def _rows(source: Source, name: str, references: References) -> AsyncIterator[list[Row]]:
    fit = MAPPINGS[name]
    async for records in source.batches(name):
        rows = [Row(record) for record in records]
        for row in rows:
            try:
                fit(row)
            except ValueError:
                row.leave_out("a JSON document of it is nested too deep")
            references.resolve(name, row)
        yield rows
