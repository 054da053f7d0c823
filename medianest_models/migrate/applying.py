"""Applying the migrations that a database lacks."""

from __future__ import annotations

import runpy
import time
from typing import Any

from aerich import Command
from tortoise.context import TortoiseContext

from medianest_models.db.direct import direct_connection, resolve_direct_url
from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.db.requirements import check_requirements, migration_status, migrations_folder, read_status
from medianest_models.errors import MedianestError, MigrationError
from medianest_models.settings import APP, DatabaseUrl, load_settings, tortoise_config


class MigrationProgress:
    """The callbacks of `migrate`; override the methods to report the progress."""

    def waiting(self) -> None:
        """Report that `migrate` waits for another process that is migrating the database."""

    def started(self, version: str) -> None:
        """Report that a file is being applied."""

    def applied(self, version: str, seconds: float) -> None:
        """Report that a file was applied, with the seconds that it took."""


async def migrate(
    url: DatabaseUrl | None = None, *, wait: float = 600.0, progress: MigrationProgress | None = None
) -> list[str]:
    """Apply the pending migrations, each of them once, even if several processes try at the same time.

    The process may be connected: its open connections are not affected.

    Args:
        url: The database; without it `DATABASE_DIRECT_URL`, `DATABASE_URL` or the embedded server.
        wait: Seconds to wait for another process that is migrating.
        progress: Its methods are called for each step.

    Returns:
        The files that this call applied.

    Raises:
        ConfigurationError: The database or the role is set up in a way that can't work.
        MigrationError: A file failed and was rolled back; the earlier files stay applied.
        DatabaseTimeoutError: Another process was still migrating after `wait` seconds.
        DatabaseUnavailableError: The database can't be reached.
    """
    resolved = await resolve_direct_url(url)
    config = tortoise_config(load_settings(), url=resolved, for_migrations=True)
    progress = MigrationProgress() if progress is None else progress
    async with (
        direct_connection(resolved) as connection,
        session_lock(connection, AdvisoryLock.MIGRATING, seconds=wait, waiting=progress.waiting),
    ):
        await check_requirements(connection, for_migrations=True)
        before = await read_status(connection)
        if not before.pending:
            return []
        for version in before.pending:  # to report an invalid file before any other file is applied
            load_migration(version)
        problem: Exception | None = None
        async with TortoiseContext() as context:
            await context.init(config=config)
            command = _TimedCommand(config, app=APP, location=str(migrations_folder()))
            command.progress = progress
            try:
                await command.init()
                await command.upgrade()
            except Exception as error:  # noqa: BLE001 - the code in a file may raise anything
                problem = error
        after = await read_status(connection)
        if problem is not None:
            failed = after.pending[0] if after.pending else before.pending[-1]
            known = isinstance(problem, MedianestError)
            reason = problem if known else f"its code raised {type(problem).__name__}"
            raise MigrationError(f"migration {failed} failed and was rolled back: {reason}") from (
                None if known else problem
            )
        return [version for version in before.pending if version in after.applied]


async def pending_sql() -> dict[str, str]:
    """Return the SQL of each pending migration, by its file, without running it; a MigrationError if that can't be."""
    found = {}
    for version in (await migration_status()).pending:
        migration = load_migration(version)
        try:
            found[version] = str(await migration["upgrade"](None))
        except Exception as error:
            raise MigrationError(
                f"migration {version} has no SQL to show without running it: its code raised {type(error).__name__}"
            ) from error
    return found


class _TimedCommand(Command):
    """Aerich's command, which reports when each file begins and ends."""

    progress: MigrationProgress

    async def _upgrade(self, conn: Any, version_file: str, *arguments: Any, **options: Any) -> None:
        self.progress.started(version_file)
        started = time.monotonic()
        await super()._upgrade(conn, version_file, *arguments, **options)
        self.progress.applied(version_file, time.monotonic() - started)


def load_migration(version: str) -> dict[str, Any]:
    """Run a migration file, and return what it defines; a MigrationError says that it is none."""
    try:
        found = runpy.run_path(str(migrations_folder() / APP / version))
    except Exception as error:
        raise MigrationError(f"migration {version} can't be loaded: it raised {type(error).__name__}") from error
    if "upgrade" not in found:
        raise MigrationError(f"migration {version} has no upgrade()")
    return found
