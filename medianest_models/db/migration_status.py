"""Which migrations there are, and which of them a database has."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from medianest_models.db.direct import direct_connection
from medianest_models.errors import MigrationError
from medianest_models.settings import APP, DatabaseUrl

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

logger = logging.getLogger("medianest_models.db")

_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class MigrationStatus:
    """The migration files that the database has."""

    applied: tuple[str, ...]
    """In the order in which they were applied."""
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    """Applied by another version of the package: there is no such file here."""

    @property
    def head(self) -> str | None:
        """The newest one applied."""
        return self.applied[-1] if self.applied else None


def migrations_folder() -> Path:
    """Find the folder of the migration files: in the package that a wheel installed, else in the checkout."""
    packaged = Path(str(files("medianest_models"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "migrations"


def migration_versions() -> list[str]:
    """Name the migration files, oldest first."""
    names = [path.name for path in (migrations_folder() / APP).glob("[0-9]*_*.py")]
    return sorted(names, key=lambda name: int(name.split("_", 1)[0]))


async def migration_status(url: DatabaseUrl | None = None) -> MigrationStatus:
    """Tell what is applied and what is pending in a database; without a URL in the one that `migrate` would migrate.

    Raises:
        DatabaseUnavailableError: The database can't be reached.
    """
    async with direct_connection(url) as connection:
        return await read_status(connection)


async def read_status(connection: Connection) -> MigrationStatus:
    """Tell what is applied and what is pending in the database of an open connection."""
    versions = migration_versions()
    applied: list[str] = []
    if await connection.fetchval("SELECT to_regclass('aerich') IS NOT NULL"):
        rows = await connection.fetch("SELECT version FROM aerich WHERE app = $1 ORDER BY id", APP)
        applied = [row["version"] for row in rows]
    return MigrationStatus(
        applied=tuple(applied),
        pending=tuple(version for version in versions if version not in applied),
        unknown=tuple(version for version in applied if version not in versions),
    )


async def wait_for_migrations(connection: Connection, *, seconds: float) -> None:
    """Return once the database has every migration.

    Raises:
        MigrationError: It still lacks some after so many seconds; the message says which, and what to run.
    """
    deadline = monotonic() + seconds
    told = False
    while (status := await read_status(connection)).pending:
        what = f"lacks {', '.join(status.pending)}" if status.applied else "is empty"
        left = deadline - monotonic()
        if left <= 0:
            waited = f", after {seconds:g} s of waiting" if seconds else ""
            raise MigrationError(f"the database {what}{waited}: run `medianest db migrate`")
        if not told:
            logger.warning("the database %s: waiting up to %g s for its migrations", what, seconds)
            told = True
        await asyncio.sleep(min(_POLL_SECONDS, left))
