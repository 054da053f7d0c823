"""The contents of a database, as a backup sees them: all tables but those of PostgreSQL and of its extensions."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

_RELATIONS: Final = """
SELECT format('%I.%I', nspname, relname) AS name FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relpersistence <> 't' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e'
)
"""

# A partition's rows are among those of its table.
_TABLES: Final = f"{_RELATIONS} AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY name"

# The functions of this package may be all that a table dropped by hand has left.
_OBJECTS: Final = f"""
({_RELATIONS} AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY relkind DESC, name)
UNION ALL
(SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'medianest\\_%' ORDER BY 1)
"""  # noqa: S608 - of constants only

# Read from pg_settings, because PostgreSQL 15 lacks transaction_timeout.
_NO_TIMEOUTS: Final = """
SELECT set_config(name, '0', FALSE) FROM pg_settings WHERE name IN (
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'
)
"""


async def end_timeouts(connection: asyncpg.Connection[Any]) -> None:
    """Turn off the timeouts that the role may set for the session, as pg_dump and pg_restore do."""
    await connection.execute(_NO_TIMEOUTS)


async def count_rows(connection: asyncpg.Connection[Any]) -> dict[str, int]:
    """Count the rows of each table in the database."""
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}  # noqa: S608 - quoted


async def objects_in(connection: asyncpg.Connection[Any]) -> list[str]:
    """List the names of the objects because of which a database is not empty."""
    return [row["name"] for row in await connection.fetch(_OBJECTS)]
