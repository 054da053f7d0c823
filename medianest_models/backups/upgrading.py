"""Upgrading the embedded server's data to another major version of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medianest_models.backups.making import make_backup
from medianest_models.backups.programs import find_programs
from medianest_models.backups.restoring import restore_backup
from medianest_models.db.direct import direct_connection
from medianest_models.embedded import EmbeddedServer
from medianest_models.embedded.folder import data_version
from medianest_models.embedded.programs import Account, usable_bindir
from medianest_models.embedded.upgrade import two_servers
from medianest_models.errors import BackupError, ConfigurationError
from medianest_models.settings import DatabaseUrl

# What a backup of one database leaves out. The databases that PostgreSQL makes are among the first 16,384 objects.
_LEFT_OUT: Final = """
SELECT format('the database %I', datname) AS what FROM pg_database WHERE oid >= 16384 AND datname <> current_database()
UNION ALL
SELECT format('the role %I', rolname) FROM pg_roles WHERE oid >= 16384 AND rolname <> current_user
ORDER BY 1
"""


@dataclass(frozen=True)
class UpgradeReport:
    """The outcome of an upgrade.

    Attributes:
        old: The major version of the old data folder.
        new: That of the new one.
        kept: The old data folder.
        rows: The number of rows of each table, by its quoted name with the schema.
    """

    old: int
    new: int
    kept: Path
    rows: dict[str, int]


async def upgrade_embedded(
    server: EmbeddedServer, *, progress: Callable[[str], None] = lambda _: None
) -> UpgradeReport:
    """Move the embedded server's data to the major version of its programs; block while servers start and stop.

    The old version's programs back up the database, the new ones restore it into a new data folder, and the rows are
    counted. The old data folder is kept beside it. The upgrade can be interrupted or killed at any time and run again.
    The server's settings (`ALTER SYSTEM`, `ALTER ROLE ... SET`, `ALTER DATABASE ... SET`) are left behind.

    Raises:
        ConfigurationError: There is nothing to upgrade, or the old version's programs are not installed.
        BackupError: A database or role would be left behind, or backup or restore failed. Nothing was changed.
        DatabaseUnavailableError: A server can't be started or stopped.
    """
    server.finish_upgrade()
    old, new = _versions(server)
    old_bindir = find_programs(old, "pg_dump", "postgres", "pg_ctl")
    with two_servers(server, old_bindir, old) as (old_url, new_url, file):
        await _check_nothing_is_left(old_url)
        await make_backup(file, old_url, progress=progress)
        report = await restore_backup(file, new_url, progress=progress)
    return UpgradeReport(old, new, server.data.with_name(f"{server.data.name}.{old}"), report.manifest.rows)


def _versions(server: EmbeddedServer) -> tuple[int, int]:
    """Return the major versions of the data and the programs; ConfigurationError if there is nothing to upgrade."""
    version = data_version(server.data)
    if version is None:
        raise ConfigurationError(f"there is no data folder {server.data} to upgrade: `medianest db up` makes one")
    _, new = usable_bindir(server.bindir, Account.for_server(server.home, server.data))
    if not version.isdecimal() or int(version) >= new:
        raise ConfigurationError(
            f"the data folder {server.data} is of PostgreSQL {version} and {server.bindir} is PostgreSQL {new}: "
            "there is nothing to upgrade"
        )
    return int(version), new


async def _check_nothing_is_left(url: DatabaseUrl) -> None:
    async with direct_connection(url) as connection:
        left = [row["what"] for row in await connection.fetch(_LEFT_OUT)]
    if left:
        raise BackupError(
            f"the old server also has {', '.join(left)}, which the upgrade would leave behind: save and drop them first"
        )
