"""Making a backup."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from medianest_models._version import __version__
from medianest_models.backups.contents import count_rows, end_timeouts
from medianest_models.backups.files import Manifest, append_manifest, new_file
from medianest_models.backups.programs import find_programs, run_program
from medianest_models.db.direct import direct_connection, resolve_direct_url
from medianest_models.db.requirements import read_status
from medianest_models.errors import BackupError, ConfigurationError
from medianest_models.migrate.catalog import history_schema
from medianest_models.settings import DatabaseUrl, load_settings

# A policy that would leave rows out is an error, as in pg_dump.
_BEGIN: Final = "SET LOCAL row_security = off; SET LOCAL lock_timeout = {}"


async def make_backup(
    path: Path, url: DatabaseUrl | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> Manifest:
    """Write the whole database to a new file, as of one instant, while others read and write.

    Args:
        path: The file; it must not exist. Only its owner can read it.
        url: The database; without it `DATABASE_DIRECT_URL`, `DATABASE_URL` or the embedded server.
        progress: Called with a sentence for each step.

    Returns:
        The manifest of the backup.

    Raises:
        BackupError: The file can't be written, pg_dump failed, or there is nothing to save.
        ConfigurationError: There is no pg_dump of the server's major version, or only a pooler's URL.
        DatabaseUnavailableError: The database can't be reached, or the role may not read everything.
    """
    url = await resolve_unpooled(url)
    with new_file(path) as file:
        async with direct_connection(url) as connection:
            server = connection.get_server_version().major
            bindir = find_programs(server, "pg_dump")
            host, port = connection.place  # of several hosts, the one that knows the snapshot
            await end_timeouts(connection)
            lock_timeout = math.ceil(load_settings().database_lock_timeout * 1000)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(_BEGIN.format(lock_timeout))
                snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                schema = await history_schema(connection)
                status = await read_status(connection)
                if schema is None or not status.applied:
                    raise BackupError(f"{url.masked} has no migrations, so there is nothing to save")
                rows = await count_rows(connection)
                taken_at = await connection.fetchval("SELECT now()")
                progress(f"Saving {sum(rows.values()):,} rows of {len(rows)} tables")
                await run_program(
                    bindir / "pg_dump",
                    "--format=custom",
                    f"--snapshot={snapshot}",
                    f"--lock-wait-timeout={lock_timeout}",
                    url=replace(url, host=host, port=port, fallbacks=()),
                    stdout=file.fileno(),
                )
        manifest = Manifest(taken_at, __version__, server, schema, status.applied, rows)
        append_manifest(file, manifest)
    return manifest


async def resolve_unpooled(url: DatabaseUrl | None) -> DatabaseUrl:
    """Return the database's own URL with its user, or raise a ConfigurationError if only a pooler's is known."""
    url = await resolve_direct_url(url)
    if url.pgbouncer:
        raise ConfigurationError(
            "DATABASE_DIRECT_URL: is needed for backups, because DATABASE_URL leads through PgBouncer"
        )
    return replace(url, user=url.connect_arguments()["user"])  # libpq has another default
