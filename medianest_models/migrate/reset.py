"""Dropping the objects that the applied migrations created, and nothing else."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from medianest_models.db.direct import direct_connection, resolve_direct_url
from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.db.requirements import check_requirements, read_status
from medianest_models.errors import ConfigurationError, MigrationError
from medianest_models.migrate.catalog import HISTORY, history_schema, read_catalog, table_of
from medianest_models.migrate.expected_schema import made_by
from medianest_models.settings import APP, load_settings, tortoise_config

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

    Connection = asyncpg.Connection[Any]

# The tables and functions of the schema $1 that are named in $2, each with the objects that depend on it or on a part
# of it. A table's parts are its columns, constraints, indexes, triggers and sequences; all other objects are foreign.
_DEPENDENTS: Final = """
WITH RECURSIVE own AS (
    SELECT 'pg_class'::regclass AS class, oid FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname::text = ANY ($2::text[])
    UNION ALL
    SELECT 'pg_proc'::regclass, oid FROM pg_proc
    WHERE pronamespace = to_regnamespace(quote_ident($1)) AND oid::regprocedure::text = ANY ($2)
), part AS (
    SELECT class, oid, type, name, identity FROM own, pg_identify_object(class, oid, 0)
    UNION
    SELECT d.classid::regclass, d.objid, part.type, part.name, part.identity
    FROM part JOIN pg_depend AS d ON d.refclassid = part.class AND d.refobjid = part.oid
    WHERE d.deptype IN ('a', 'i')
)
SELECT DISTINCT part.type, part.name, part.identity, own.type AS dependent_type, own.identity AS dependent,
       CASE WHEN own.oid IS NULL THEN pg_describe_object(d.classid, d.objid, d.objsubid) END AS foreign,
       goes.type AS part_type, goes.name AS part_name, goes.identity AS part_identity
FROM part CROSS JOIN pg_identify_object(part.class, part.oid, 0) AS goes
LEFT JOIN pg_depend AS d ON d.refclassid = part.class AND d.refobjid = part.oid AND d.deptype = 'n'
LEFT JOIN part AS own ON own.class = d.classid AND own.oid = d.objid
ORDER BY part.type, part.name, part.identity, "foreign"
"""

LOCK_SECONDS: Final = 600.0
"""For how long to wait for others that migrate or reset the database."""

_FORGET: Final = f"DELETE FROM {HISTORY} WHERE app = '{APP}'"  # noqa: S608 - both are constants of ours


@dataclass(frozen=True)
class OwnObjects:
    """The objects of this package in a database."""

    schema: str | None  # that of the table `aerich`; None when there is no such table
    rows: dict[str, int]  # how many each table has
    drops: tuple[str, ...]  # the statements that drop them, in an order in which no CASCADE is needed


async def find_own_objects(url: DatabaseUrl | None = None) -> OwnObjects:
    """Look for what the migrations have made in a database: the one that `migrate` would migrate.

    Raises:
        ConfigurationError: The database or the role is unsuitable for migrations.
        MigrationError: A foreign object depends on them, or another version of the package created them.
    """
    async with _transaction(url) as connection:
        return await _find(connection)


async def drop_own_objects(url: DatabaseUrl | None = None) -> OwnObjects:
    """Drop what `find_own_objects` finds, in one transaction, and return it.

    Raises:
        ConfigurationError: This is production; or as there, like a MigrationError.
        DatabaseUnavailableError: The database can't be reached, or other sessions lock its tables, or migrate, for too
            long.
    """
    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where nothing is dropped")
    async with _transaction(url) as connection:
        own = await _find(connection)
        for statement in own.drops:
            await connection.execute(statement)
        return own


@asynccontextmanager
async def _transaction(url: DatabaseUrl | None) -> AsyncIterator[Connection]:
    # Raise the errors that migrating would raise, before anything is dropped that could not be created again.
    resolved = await resolve_direct_url(url)
    tortoise_config(load_settings(), url=resolved, for_migrations=True)
    async with (
        direct_connection(resolved) as connection,
        session_lock(connection, AdvisoryLock.MIGRATING, seconds=LOCK_SECONDS, waiting=lambda: None),
        connection.transaction(),
    ):
        await check_requirements(connection, for_migrations=True)
        await connection.execute(f"SET LOCAL lock_timeout = {math.ceil(load_settings().database_lock_timeout * 1000)}")
        yield connection


async def _find(connection: Connection) -> OwnObjects:
    schema = await history_schema(connection)
    if schema is None:
        return OwnObjects(None, {}, ())
    status = await read_status(connection)
    if status.unknown:
        raise MigrationError(
            f"{', '.join(status.unknown)} was applied by another version of this package, which knows what it made: "
            "reset the database with that version"
        )
    made, _ = await made_by(connection, status.applied, schema=schema)
    found = await read_catalog(connection, schema)
    names = {thing.name for thing in made.keys() & found.keys() if table_of(thing, found[thing]) is None}
    shared = await connection.fetchval("SELECT EXISTS (SELECT FROM aerich WHERE app <> $1)", APP)
    dependents = await connection.fetch(_DEPENDENTS, schema, names - {HISTORY} if shared else names)
    foreign = {row["foreign"] for row in dependents if row["foreign"]}
    # A sequence that a column owns goes with the table, and so does the table's place in a publication.
    own = {thing.name for thing in made if thing.kind == "sequence"}
    kinds = {"sequence", "publication relation"}
    lost = [row for row in dependents if row["part_type"] in kinds and row["part_name"] not in own]
    foreign |= {f"{row['part_type']} {row['part_identity']}" for row in lost}
    if foreign:
        raise MigrationError(f"others' objects depend on what would be dropped: {'; '.join(sorted(foreign))}")
    tables = {row["name"]: row["identity"] for row in dependents if row["type"] == "table" and row["name"] != HISTORY}
    count = "SELECT count(*) FROM {}"
    rows = {name: await connection.fetchval(count.format(tables[name])) for name in tables}
    return OwnObjects(schema, rows, (*([_FORGET] if shared else []), *_drops(dependents)))


def _drops(dependents: Sequence[asyncpg.Record]) -> list[str]:
    """Return the DROP statements in order: dependent objects first."""
    tables = ", ".join(sorted({row["identity"] for row in dependents if row["type"] == "table"}))

    def statement(kind: str, identity: str) -> str:
        return f"DROP TABLE {tables}" if kind == "table" else f"DROP {kind} {identity}"

    sorter: TopologicalSorter[str] = TopologicalSorter()
    for row in dependents:
        drop = statement(row["type"], row["identity"])
        before = statement(row["dependent_type"], row["dependent"]) if row["dependent"] else drop
        sorter.add(drop, *{before} - {drop})
    return list(sorter.static_order())
