"""The schema that the migrations produce on this server: they run in a scratch schema that is never committed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from secrets import token_hex
from typing import Any, Final

import asyncpg

from medianest_models.db.driver_errors import translate
from medianest_models.errors import DatabaseUnavailableError, MedianestError, MigrationError, replace_errors
from medianest_models.migrate.applying import load_migration
from medianest_models.migrate.catalog import Catalog, read_catalog

# PostgreSQL prints a parsed expression, and parsing the printed form can give another one:
# ARRAY['user'::varchar]::text[] becomes ARRAY['user'::varchar::text]. So a restored dump, also after pg_upgrade, has
# other expressions than the migrations made. This repeats the effect of a dump on the scratch schema.
_AS_RESTORED: Final = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s', conrelid::regclass, conname, conname,
              pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = $1::regnamespace AND contype = 'c' AND conislocal AND conrelid <> 0
UNION ALL
SELECT format('DROP INDEX %s; %s', indexrelid::regclass, pg_get_indexdef(indexrelid))
FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
WHERE relnamespace = $1::regnamespace AND (indpred IS NOT NULL OR indexprs IS NOT NULL)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT format('DROP TRIGGER %I ON %s; %s', tgname, tgrelid::regclass, pg_get_triggerdef(g.oid))
FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = tgrelid
WHERE relnamespace = $1::regnamespace AND NOT tgisinternal AND tgqual IS NOT NULL AND tgparentid = 0
UNION ALL
SELECT format('ALTER TABLE %s ALTER %I SET DEFAULT %s', attrelid::regclass, attname, pg_get_expr(adbin, adrelid))
FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum JOIN pg_class AS t ON t.oid = adrelid
WHERE relnamespace = $1::regnamespace AND attgenerated = ''
"""


async def made_by(
    connection: asyncpg.Connection[Any], versions: Sequence[str], *, schema: str
) -> tuple[Catalog, Catalog]:
    """Run migrations in a new schema, and read its catalog, as it is then and as it would be after dump and restore.

    All of it is rolled back; the connection has to be in a transaction. Meanwhile the search path is that schema alone,
    so that a file can't touch anything in another one without naming it. In the result it is called `schema`. A file
    that can't be loaded, or not be run in an empty schema inside a transaction, is a MigrationError.
    """
    scratch = f"medianest_check_{token_hex(8)}"
    own = await connection.fetchval("SELECT quote_ident($1)", schema)
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(f"CREATE SCHEMA {scratch}; SET LOCAL search_path = {scratch}")
        for version in versions:
            await _run(connection, version)
        made = await read_catalog(connection, scratch)
        statements = [row[0] for row in await connection.fetch(_AS_RESTORED, scratch)]
        if statements:  # the driver can't run an empty string
            await connection.execute(";\n".join(statements))
        restored = await read_catalog(connection, scratch)
    finally:
        await savepoint.rollback()
    # PostgreSQL still prints the schema with a name that also exists in pg_catalog.
    return _renamed(made, scratch, own), _renamed(restored, scratch, own)


async def _run(connection: asyncpg.Connection[Any], version: str) -> None:
    """Run a file's upgrade."""
    migration = load_migration(version)
    with replace_errors(Exception, lambda error: _failure(version, error)):  # the code in a file may raise anything
        sql: str = await migration["upgrade"](None)
        if not migration.get("RUN_IN_TRANSACTION", True):
            sql = re.sub(r"\bCONCURRENTLY\b", "", sql, flags=re.IGNORECASE)  # not allowed in a transaction
        await connection.execute(sql)


def _failure(version: str, error: Exception) -> MedianestError:
    problem = translate(error)
    if isinstance(problem, DatabaseUnavailableError):
        return problem
    reason = problem or f"its code raised {type(error).__name__}"
    return MigrationError(f"migration {version} can't be run in an empty schema to compare with: {reason}")


def _renamed(catalog: Catalog, scratch: str, schema: str) -> Catalog:
    return {
        thing._replace(name=thing.name.replace(scratch, schema)): {
            heading: value.replace(scratch, schema) for heading, value in properties.items()
        }
        for thing, properties in catalog.items()
    }
