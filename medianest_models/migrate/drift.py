"""Drift: the differences between the live database and the schema that its migrations produce."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import asyncpg

from medianest_models.db.direct import direct_connection
from medianest_models.db.requirements import MigrationStatus, read_status
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.migrate.catalog import HISTORY, Catalog, SchemaObject, history_schema, read_catalog, table_of
from medianest_models.migrate.expected_schema import made_by
from medianest_models.settings import DatabaseUrl, load_settings

_SITUATION: Final = """
SELECT current_schema() AS schema, quote_ident(current_user) AS role, quote_ident(current_database()) AS database,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       coalesce(has_table_privilege(to_regclass('aerich')::oid, 'SELECT'), TRUE) AS may_read,
       current_setting('transaction_read_only') = 'on' AS read_only
"""


@dataclass(frozen=True)
class Difference:
    """One object that differs from the schema that the migrations produce."""

    kind: str  # "migration", "table", "column", "index", "trigger" and so on
    name: str
    table: str | None  # that it belongs to; None for what stands alone
    problem: Literal["pending", "unknown", "missing", "extra", "changed"]  # the first two are those of a migration
    property: str | None  # that was changed, such as "type"
    expected: str | None  # by the migrations, where that is a text
    found: str | None  # in the database, likewise
    text: str  # the difference in one line


@dataclass(frozen=True)
class DriftReport:
    """The differences between the live database and the schema that its migrations produce."""

    schema: str | None  # that was looked at; None when the one of the search path does not exist
    migrations: MigrationStatus
    differences: tuple[Difference, ...]  # those of the migrations first


async def check_drift(url: DatabaseUrl | None = None) -> DriftReport:
    """Compare the live database with the schema that its applied migrations produce on the same server.

    The migrations run in a separate schema and in a transaction that is rolled back, so nobody else sees it. Aerich's
    is the only live table that is read. Without a URL it is the database that `migrate` would migrate.

    Raises:
        DatabaseUnavailableError: It can't be reached, is read-only, or the role may not create a schema in it.
        MigrationError: A migration file can't be run.
    """
    settings = load_settings()
    async with direct_connection(url) as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute(
                f"SET LOCAL statement_timeout = {math.ceil(settings.database_statement_timeout * 1000)};"
                f"SET LOCAL lock_timeout = {math.ceil(settings.database_lock_timeout * 1000)}"
            )
            return await compare(connection)
        finally:
            await transaction.rollback()


async def compare(connection: asyncpg.Connection[Any]) -> DriftReport:
    """Compare the schema in which an open connection finds the tables, with the errors of `check_drift`.

    The connection must be in a transaction, which the caller rolls back; until then its search path is changed.
    """
    (situation,) = await connection.fetch(_SITUATION)
    if situation["read_only"]:
        raise DatabaseUnavailableError(
            "the database is read-only: `medianest db check` makes a schema to compare with, which it rolls back: "
            "run it on the primary server, by a role without default_transaction_read_only"
        )
    role, database = situation["role"], situation["database"]
    if not situation["may_create"]:
        raise DatabaseUnavailableError(
            f"the role {role} may not make a schema in the database {database}, which `medianest db check` does and "
            f"rolls back: GRANT CREATE ON DATABASE {database} TO {role}, or run it as the role that migrates"
        )
    if not situation["may_read"]:
        raise DatabaseUnavailableError(
            f"the role {role} may not read which migrations were applied: GRANT SELECT ON {HISTORY} TO {role}"
        )
    status = await read_status(connection)
    schema = await history_schema(connection) or situation["schema"]
    if schema is None:
        return DriftReport(None, status, tuple(_of_migrations(status)))
    found = await read_catalog(connection, schema)
    known = [version for version in status.applied if version not in status.unknown]
    expected = await made_by(connection, known, schema=schema)
    if not status.applied:  # Aerich's own table remains when all migrations are undone
        table = SchemaObject("table", None, HISTORY)
        found = {thing: its for thing, its in found.items() if thing != table and table_of(thing, its) != HISTORY}
    differences = (*_of_migrations(status), *_of_catalogs(*expected, found))
    return DriftReport(schema, status, differences)


def _of_migrations(status: MigrationStatus) -> Iterator[Difference]:
    for version in status.unknown:
        text = f"migration {version} is of another version of this package, which may explain what else is listed"
        yield Difference("migration", version, None, "unknown", None, None, None, text)
    for version in status.pending:
        text = f"migration {version} is pending: `medianest db migrate` applies it"
        yield Difference("migration", version, None, "pending", None, None, None, text)


def _of_catalogs(made: Catalog, restored: Catalog, found: Catalog) -> Iterator[Difference]:
    """List the differences; for a missing or extra table, without its columns, indexes and so on."""
    one_sided = {thing.name for thing in made.keys() ^ found.keys() if thing.table is None}
    for thing, properties in (made | found).items():
        if table_of(thing, properties) in one_sided:
            continue
        if thing not in found:
            yield _difference(thing, "missing", "is missing", expected=properties.get("definition"))
        elif thing not in made:
            text = "is extra: no applied migration makes it"
            if thing.kind == "index" and properties["state"] != "valid":  # CREATE INDEX CONCURRENTLY was interrupted
                text += f", and it is {properties['state']}"
            yield _difference(thing, "extra", text, found=properties.get("definition"))
        else:
            yield from _of_properties(thing, made[thing], restored[thing], found[thing])


def _of_properties(
    thing: SchemaObject, made: dict[str, str], restored: dict[str, str], found: dict[str, str]
) -> Iterator[Difference]:
    for heading, value in found.items():
        if value in (made[heading], restored[heading]):
            continue
        text = f": {heading} is {value}, should be {made[heading]}"
        if heading == "body":
            text = ": its body was changed"
        yield _difference(thing, "changed", text, heading, expected=made[heading], found=value)


def _difference(
    thing: SchemaObject,
    problem: Literal["missing", "extra", "changed"],
    text: str,
    heading: str | None = None,
    *,
    expected: str | None = None,
    found: str | None = None,
) -> Difference:
    if thing.kind == "column":
        subject = f"column {thing.table}.{thing.name}"
    else:
        subject = f"{thing.kind} {thing.name}" + (f" on {thing.table}" if thing.table else "")
    line = " ".join(f"{subject}{'' if text[0] == ':' else ' '}{text}".split())
    return Difference(thing.kind, thing.name, thing.table, problem, heading, expected, found, line)
