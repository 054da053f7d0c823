"""A database as PostgreSQL's catalog describes it, in a form that can be compared."""

from __future__ import annotations

import re
from typing import Any

import asyncpg

from medianest_models.migrate.catalog import Catalog, read_catalog

_OBJECTS = """
SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index'
                                    WHEN 'v' THEN 'view' WHEN 'p' THEN 'table' WHEN 'I' THEN 'index'
                                    ELSE relkind::text END, relname)
FROM pg_class WHERE relnamespace = $1::regnamespace AND NOT relispartition
UNION ALL SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = $1::regnamespace
UNION ALL SELECT format('type %s', typname) FROM pg_type
WHERE typnamespace = $1::regnamespace AND typrelid = 0 AND typelem = 0
UNION ALL SELECT format('trigger %s', tgname) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT format('operator %s', oprname) FROM pg_operator WHERE oprnamespace = $1::regnamespace
UNION ALL SELECT format('collation %s', collname) FROM pg_collation WHERE collnamespace = $1::regnamespace
UNION ALL SELECT format('schema %s', nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)'
UNION ALL SELECT format('extension %s', extname) FROM pg_extension WHERE extname <> 'plpgsql'
UNION ALL SELECT format('event trigger %s', evtname) FROM pg_event_trigger
"""


async def objects(connection: asyncpg.Connection[Any], schema: str = "public") -> set[str]:
    """Return all objects created in the database, by kind and name; functions with their arguments."""
    return {row[0] for row in await connection.fetch(_OBJECTS, schema)}


async def columns(connection: asyncpg.Connection[Any]) -> dict[str, dict[str, str]]:
    """Return for each table its columns, each with its type, nullability and default."""
    found: dict[str, dict[str, str]] = {}
    for column, is_ in (await _ours(connection, "column")).items():
        refused = " NOT NULL" if is_["NULL"] == "not allowed" else ""
        default = f" DEFAULT {is_['default']}" if is_["default"] != "none" else ""
        found.setdefault(str(column.table), {})[column.name] = short(f"{is_['type']}{refused}{default}")
    return found


async def constraints(connection: asyncpg.Connection[Any]) -> dict[str, str]:
    """Return every constraint by `table.name`."""
    found = await _ours(connection, "constraint")
    assert all("DEFERRABLE" not in is_["definition"] for is_ in found.values())
    unchecked = {name for name, is_ in found.items() if is_["state"] != "valid"}
    assert all("'9999-12-31" in found[name]["definition"] for name in unchecked)  # of old rows, so that all migrate
    return {
        f"{constraint.table}.{constraint.name}": short(is_["definition"])
        + (f" ON DELETE {is_['ON DELETE']}" if is_["ON DELETE"] not in ("none", "NO ACTION") else "")
        for constraint, is_ in found.items()
    }


async def indexes(connection: asyncpg.Connection[Any], *, of_constraints: bool = False) -> dict[str, str]:
    """Return every index by `table.name`: its columns, and its WHERE condition."""
    rows = await _ours(connection, "index")
    assert all(is_["state"] == "valid" for is_ in rows.values())
    found = {
        f"{index.table}.{index.name}": ("UNIQUE " if is_["definition"].startswith("CREATE UNIQUE") else "")
        + short(re.sub(r"^.* USING (btree )?", "", is_["definition"]))
        for index, is_ in rows.items()
    }
    if of_constraints:
        for name, definition in (await constraints(connection)).items():
            if definition.startswith(("PRIMARY KEY ", "UNIQUE ")):
                found[name] = re.sub("^(PRIMARY KEY|UNIQUE) ", "UNIQUE ", definition)
    return found


async def triggers(connection: asyncpg.Connection[Any]) -> dict[str, str]:
    """Return every trigger by `table.name`: its event, and its function."""
    found = await _ours(connection, "trigger")
    assert all(is_["state"] == "enabled" for is_ in found.values())
    return {
        f"{trigger.table}.{trigger.name}": short(
            re.sub(rf"^CREATE TRIGGER \w+ | ON {trigger.table}(?= )", "", is_["definition"])
        )
        for trigger, is_ in found.items()
    }


async def _ours(connection: asyncpg.Connection[Any], kind: str) -> Catalog:
    """Return the objects of a kind that belong to tables of the contract."""
    found = await read_catalog(connection, "public")
    return {thing: is_ for thing, is_ in found.items() if thing.kind == kind and thing.table != "aerich"}


def short(definition: str) -> str:
    """Remove the casts and brackets that PostgreSQL adds to an expression."""
    text = re.sub(r"::(character varying|text|regclass|bpchar)(\[\])?", "", definition)
    text = text.replace("character varying", "varchar").replace("timestamp with time zone", "timestamptz")
    previous = ""
    while text != previous:
        previous = text
        text = re.sub(r"(?<![\w])\(([\w.]+|\w+\([\w., ]*\)|ARRAY\[[^\]]*\]|\w+ [=<>]+ [\w']+)\)", r"\1", text)
        text = re.sub(r"= ANY ARRAY\[([^\]]*)\]", r"IN (\1)", text)
        text = re.sub(r"(CHECK|WHERE|WHEN) \(\((.*)\)\)", r"\1 (\2)", text)
    return re.sub(r"(WHERE|CHECK) \((.*)\)$", r"\1 \2", text)
