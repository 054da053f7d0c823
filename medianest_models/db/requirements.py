"""Requirements on a database: a set-up of it and of its role that works, and the migrations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from medianest_models.db.direct import direct_connection
from medianest_models.errors import ConfigurationError, MigrationError
from medianest_models.settings import APP, DatabaseUrl

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

logger = logging.getLogger("medianest_models.db")

_POLL_SECONDS: Final = 0.5

# The home is the schema of the tables. New tables are created in the first schema of the search path, and an object
# there hides one of the same name in the home.
_SITUATION: Final = """
SELECT current_setting('search_path') AS path, quote_ident(current_schema()) AS schema, home,
       (SELECT name FROM unnest(string_to_array($1, ',')) AS name
        WHERE to_regclass(quote_ident(name))::oid <> to_regclass(home || '.' || quote_ident(name))::oid
        LIMIT 1) AS hidden,
       quote_ident(session_user) AS role, current_setting('default_transaction_isolation') AS isolation,
       pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS read_only,
       lower('Ä') = 'ä' AS folds_case
FROM (SELECT max(relnamespace::regnamespace::text) AS home FROM pg_class WHERE oid = to_regclass('aerich')) AS found
"""


async def check_requirements(
    connection: Connection, tables: Iterable[str] = (), *, for_migrations: bool = False
) -> None:
    """Raise an error for an unsuitable database or role; log a warning for what affects only some callers.

    The ConfigurationError says in one line what is wrong for those who use `tables`, or who make tables
    `for_migrations`, and what to do about it.
    """
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise ConfigurationError(
            f"DATABASE_URL: the database is encoded in {encoding}, which can't hold every text: "
            "create it with ENCODING 'UTF8'"
        )
    (found,) = await connection.fetch(_SITUATION, ",".join(tables))
    problem = _problem(found, for_migrations=for_migrations)
    if problem is not None:
        raise ConfigurationError(f"DATABASE_URL: {problem}")
    if found["read_only"]:
        logger.warning("nothing can be written: %s", _read_only(found))
    if not found["folds_case"]:
        logger.warning(
            "the database's locale knows the case of ASCII letters only, so that users.find_by_email and users.search "
            "take é and É for two letters: create the database with another LC_CTYPE, such as C.UTF-8"
        )


def _problem(found: asyncpg.Record, *, for_migrations: bool) -> str | None:
    if found["schema"] is None:
        return (
            f"no schema of the search path ({found['path']}) is there and open to {found['role']}: "
            "CREATE SCHEMA, GRANT USAGE, or correct the URL's schema"
        )
    if found["isolation"] != "read committed":  # otherwise every session is set to that
        return (
            f"behind PgBouncer the role has to choose the isolation level, which is {found['isolation']}: "
            f"ALTER ROLE {found['role']} SET default_transaction_isolation = 'read committed'"
        )
    remedy = f"add schema={found['home']} to the URL, or ALTER ROLE {found['role']} SET search_path"
    if found["hidden"] is not None:
        return f"a table {found['hidden']} in the search path ({found['path']}) hides that in {found['home']}: {remedy}"
    if for_migrations and found["home"] not in {None, found["schema"]}:
        return f"new tables would be made in {found['schema']}, but the others are in {found['home']}: {remedy}"
    if for_migrations and found["standby"]:
        return "the server is a standby, where nothing can be written: migrate the primary"
    return _read_only(found) if for_migrations and found["read_only"] else None


def _read_only(found: asyncpg.Record) -> str:
    return (
        f"the transactions of {found['role']} are read-only: "
        f"ALTER ROLE {found['role']} SET default_transaction_read_only = off, or use another role"
    )


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
    """Tell what is applied and what is pending in a database; without a URL in the one that `migrate` would migrate."""
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
    """Return once the database has every migration, or raise a MigrationError that names what it lacks at the end."""
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
