"""What PostgreSQL's catalog says about a database, in words that can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

_OBJECTS = """
SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index'
                                    WHEN 'v' THEN 'view' ELSE relkind::text END, relname)
FROM pg_class WHERE relnamespace = $1::regnamespace
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

_COLUMNS = """
SELECT t.relname AS table, a.attname AS column,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
FROM pg_attribute AS a JOIN pg_class AS t ON t.oid = a.attrelid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND t.relname <> 'aerich'
      AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY t.relname, a.attname
"""

_CONSTRAINTS = """
SELECT t.relname AS table, c.conname AS name, c.contype::text AS kind, pg_get_constraintdef(c.oid) AS definition,
       c.convalidated AND NOT c.condeferrable AS usual
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
WHERE t.relnamespace = 'public'::regnamespace AND t.relname <> 'aerich' AND c.contype NOT IN ('n', 't')
ORDER BY t.relname, c.conname
"""

_INDEXES = """
SELECT t.relname AS table, i.relname AS name, x.indisunique AS unique, x.indisvalid AS valid,
       c.oid IS NOT NULL AS of_constraint, pg_get_indexdef(x.indexrelid) AS definition
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
LEFT JOIN pg_constraint AS c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
WHERE t.relnamespace = 'public'::regnamespace AND t.relname <> 'aerich'
ORDER BY t.relname, i.relname
"""

_TRIGGERS = """
SELECT t.relname AS table, g.tgname AS name, g.tgenabled::text AS enabled, pg_get_triggerdef(g.oid) AS definition
FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = g.tgrelid WHERE NOT g.tgisinternal ORDER BY t.relname, g.tgname
"""


async def objects(connection: asyncpg.Connection[Any], schema: str = "public") -> set[str]:
    """Everything that someone made in the database, by kind and name; functions with their arguments."""
    return {row[0] for row in await connection.fetch(_OBJECTS, schema)}


async def columns(connection: asyncpg.Connection[Any]) -> dict[str, dict[str, str]]:
    """For each table its columns, each with its type, nullability and default."""
    found: dict[str, dict[str, str]] = {}
    for row in await connection.fetch(_COLUMNS):
        found.setdefault(row["table"], {})[row["column"]] = short(row["definition"])
    return found


async def constraints(connection: asyncpg.Connection[Any]) -> dict[str, str]:
    """Every constraint by `table.name`."""
    rows = await connection.fetch(_CONSTRAINTS)
    assert all(row["usual"] for row in rows)
    return {f"{row['table']}.{row['name']}": short(row["definition"]) for row in rows}


async def indexes(connection: asyncpg.Connection[Any], *, of_constraints: bool = False) -> dict[str, str]:
    """Every index by `table.name`: its columns, and what it is restricted to."""
    rows = await connection.fetch(_INDEXES)
    assert all(row["valid"] for row in rows)
    return {
        f"{row['table']}.{row['name']}": ("UNIQUE " if row["unique"] else "")
        + short(row["definition"].partition("USING btree ")[2])
        for row in rows
        if of_constraints or not row["of_constraint"]
    }


async def triggers(connection: asyncpg.Connection[Any]) -> dict[str, str]:
    """Every trigger by `table.name`: when it fires, and what it calls."""
    rows = await connection.fetch(_TRIGGERS)
    assert all(row["enabled"] == "O" for row in rows)
    return {
        f"{row['table']}.{row['name']}": short(re.sub(r"^CREATE TRIGGER \w+ | ON public\.\w+", "", row["definition"]))
        for row in rows
    }


def short(definition: str) -> str:
    """PostgreSQL's own spelling of an expression, without the casts and brackets that it adds."""
    text = re.sub(r"::(character varying|text|regclass|bpchar)(\[\])?", "", definition)
    text = text.replace("character varying", "varchar").replace("timestamp with time zone", "timestamptz")
    previous = ""
    while text != previous:
        previous = text
        text = re.sub(r"(?<![\w])\(([\w.]+|\w+\([\w., ]*\)|ARRAY\[[^\]]*\]|\w+ [=<>]+ [\w']+)\)", r"\1", text)
        text = re.sub(r"= ANY ARRAY\[([^\]]*)\]", r"IN (\1)", text)
        text = re.sub(r"(CHECK|WHERE|WHEN) \(\((.*)\)\)", r"\1 (\2)", text)
    return re.sub(r"(WHERE|CHECK) \((.*)\)$", r"\1 \2", text)
