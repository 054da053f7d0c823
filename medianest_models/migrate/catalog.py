"""PostgreSQL's catalog of a schema, in a form that can be compared and printed.

Each query returns one kind of object: its name, its table, and one column per property. Objects of an extension are
left out, because neither a migration nor a change by hand made them.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

HISTORY: Final = "aerich"
"""The table in which Aerich records the applied migrations."""


class SchemaObject(NamedTuple):
    """An object in the schema."""

    kind: str  # such as "column"
    table: str | None  # that it belongs to; None for what stands alone
    name: str


Catalog: TypeAlias = dict[SchemaObject, dict[str, str]]
"""The properties of each object, by their names."""

# The beginning of the queries: the tables, indexes and so on of the schema $1. Partitions come and go, and are
# like their table, so only default partitions are compared.
_RELATIONS: Final = """
WITH everything AS (
    SELECT t.oid, t.relname, t.relkind, t.relpersistence, t.relrowsecurity, t.relforcerowsecurity, t.relispartition
    FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname = $1 AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e'
    )
), ours AS (
    SELECT * FROM everything WHERE NOT relispartition
)
"""

_TABLES: Final = """
SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                    WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind,
       NULL AS "table", relname AS name,
       CASE relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END AS "storage",
       CASE WHEN NOT relrowsecurity THEN 'off' WHEN relforcerowsecurity THEN 'forced' ELSE 'on' END
           AS "row-level security",
       coalesce(
           (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = oid),
           'none'
       ) AS "parent table",
       coalesce(pg_get_partkeydef(oid), 'none') AS "partition key",
       CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid, TRUE) ELSE 'none' END AS "definition"
FROM ours WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
"""

_DEFAULT_PARTITIONS: Final = """
SELECT 'default partition' AS kind, ours.relname AS "table", everything.relname AS name,
       CASE everything.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END AS "storage"
FROM ours JOIN pg_partitioned_table AS p ON p.partrelid = ours.oid JOIN everything ON everything.oid = p.partdefid
"""

# A default without its cast to the column's own type.
_COLUMNS: Final = r"""
SELECT 'column' AS kind, ours.relname AS "table", a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS "type",
       CASE WHEN a.attcollation = t.typcollation THEN 'the default' ELSE a.attcollation::regcollation::text END
           AS "collation",
       CASE WHEN NOT a.attnotnull THEN 'allowed' WHEN EXISTS (
           SELECT FROM pg_constraint AS k
           WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND a.attnum = ANY (k.conkey) AND NOT k.convalidated
       ) THEN 'not allowed in new rows only (NOT VALID)' ELSE 'not allowed' END AS "NULL",
       CASE WHEN a.attgenerated <> '' OR d.oid IS NULL THEN 'none' ELSE regexp_replace(
           pg_get_expr(d.adbin, d.adrelid, TRUE), '^(''(?:[^'']|'''')*'')::[a-z ]+(?:\(\d+\))?$', '\1'
       ) END AS "default",
       CASE a.attgenerated WHEN '' THEN 'not generated' WHEN 's' THEN 'STORED ' ELSE 'VIRTUAL ' END
       || CASE WHEN a.attgenerated = '' THEN '' ELSE pg_get_expr(d.adbin, d.adrelid, TRUE) END AS "value",
       CASE a.attidentity WHEN '' THEN 'none' WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS "identity"
FROM ours JOIN pg_attribute AS a ON a.attrelid = ours.oid JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE ours.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
"""

# Only PostgreSQL 18 has NOT NULL as a named constraint, so it is a property of the column here. Internal triggers
# enforce a foreign key, and a superuser can disable them.
_CONSTRAINTS: Final = r"""
SELECT 'constraint' AS kind, ours.relname AS "table", k.conname AS name,
       regexp_replace(
           pg_get_constraintdef(k.oid, TRUE),
           ' NOT VALID$| ON DELETE (NO ACTION|RESTRICT|CASCADE|SET NULL|SET DEFAULT)', '', 'g'
       ) AS "definition",
       CASE WHEN k.contype <> 'f' THEN 'none' ELSE CASE k.confdeltype
           WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
           ELSE 'SET DEFAULT' END
       END AS "ON DELETE",
       CASE WHEN EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgconstraint = k.oid AND g.tgenabled <> 'O')
           THEN 'disabled (the server''s own triggers for it are off)'
       WHEN NOT k.convalidated THEN 'not valid for all rows (NOT VALID)' ELSE 'valid' END AS "state"
FROM ours JOIN pg_constraint AS k ON k.conrelid = ours.oid WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
"""

# Storage parameters such as the fillfactor (WITH) are tuning, and are left out.
_INDEXES: Final = r"""
SELECT 'index' AS kind, ours.relname AS "table", i.relname AS name,
       CASE WHEN i.reloptions IS NULL THEN pg_get_indexdef(i.oid, 0, TRUE)
            ELSE regexp_replace(pg_get_indexdef(i.oid, 0, TRUE), ' WITH \([a-z_]+=[^()]*\)', '') END AS "definition",
       CASE WHEN x.indisvalid AND x.indisready AND x.indislive THEN 'valid' ELSE 'invalid (no query uses it)' END
           AS "state"
FROM ours JOIN pg_index AS x ON x.indrelid = ours.oid JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
"""

_TRIGGERS: Final = """
SELECT 'trigger' AS kind, ours.relname AS "table", g.tgname AS name,
       pg_get_triggerdef(g.oid, TRUE) AS "definition", CASE g.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled'
           WHEN 'R' THEN 'enabled on replicas only' ELSE 'enabled on replicas too' END AS "state"
FROM ours JOIN pg_trigger AS g ON g.tgrelid = ours.oid WHERE NOT g.tgisinternal
"""

_RULES: Final = """
SELECT 'rule' AS kind, ours.relname AS "table", r.rulename AS name,
       pg_get_ruledef(r.oid, TRUE) AS "definition", CASE r.ev_enabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled'
           WHEN 'R' THEN 'enabled on replicas only' ELSE 'enabled on replicas too' END AS "state"
FROM ours JOIN pg_rewrite AS r ON r.ev_class = ours.oid WHERE r.rulename <> '_RETURN'
"""

_POLICIES: Final = """
SELECT 'policy' AS kind, ours.relname AS "table", p.polname AS name,
       concat_ws(' ', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, p.polcmd::text,
                 p.polroles::regrole[]::text, 'USING ' || pg_get_expr(p.polqual, p.polrelid, TRUE),
                 'WITH CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid, TRUE)) AS "definition"
FROM ours JOIN pg_policy AS p ON p.polrelid = ours.oid
"""

_SEQUENCES: Final = """
SELECT 'sequence' AS kind, NULL AS "table", ours.relname AS name,
       coalesce(
           (SELECT format('%s.%s', t.relname, a.attname) FROM pg_depend AS d
            JOIN pg_class AS t ON t.oid = d.refobjid
            JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = ours.oid AND d.deptype IN ('a', 'i')
                AND d.refclassid = 'pg_class'::regclass),
           'none'
       ) AS "column",
       format_type(s.seqtypid, NULL) AS "type", s.seqincrement::text AS "increment", s.seqmin::text AS "minimum",
       s.seqmax::text AS "maximum", CASE WHEN s.seqcycle THEN 'on' ELSE 'off' END AS "cycle"
FROM ours JOIN pg_sequence AS s ON s.seqrelid = ours.oid
"""

_FUNCTIONS: Final = """
SELECT CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
                      ELSE 'window function' END AS kind,
       NULL AS "table", p.oid::regprocedure::text AS name,
       pg_get_function_arguments(p.oid) AS "argument list", coalesce(pg_get_function_result(p.oid), 'none') AS "result",
       l.lanname AS "language", coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS "body",
       CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END AS "volatility",
       CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END AS "parallel safety",
       CASE WHEN p.proisstrict THEN 'NULL' ELSE 'computed' END AS "result for NULL",
       CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END AS "security",
       coalesce(array_to_string(p.proconfig, ', '), 'none') AS "setting"
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname = $1 AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
)
"""

_TYPES: Final = """
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' ELSE 'composite type' END
           AS kind,
       NULL AS "table", t.typname AS name,
       coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e
                 WHERE e.enumtypid = t.oid), 'none') AS "list of values"
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE n.nspname = $1 AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
)
"""

_OF_TABLES: Final = (_TABLES, _DEFAULT_PARTITIONS, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _RULES, _POLICIES)


async def read_catalog(connection: asyncpg.Connection[Any], schema: str) -> Catalog:
    """Read all objects of a schema inside a transaction; it sets the search path to that schema alone.

    PostgreSQL then prints names without the schema, so that two schemas can be compared. A table is locked only while
    an expression is printed.
    """
    await connection.execute("SELECT set_config('search_path', quote_ident($1), TRUE)", schema)
    found: Catalog = {}
    for query in (*_OF_TABLES, _SEQUENCES, _FUNCTIONS, _TYPES):
        for row in await connection.fetch(f'{_RELATIONS}{query}ORDER BY "table", name', schema):
            properties = dict(row.items())
            thing = SchemaObject(properties.pop("kind"), properties.pop("table"), properties.pop("name"))
            found[thing] = properties
    return found


async def history_schema(connection: asyncpg.Connection[Any]) -> str | None:
    """Return the schema in which the session's search path finds Aerich's table, or None."""
    schema: str | None = await connection.fetchval(
        "SELECT nspname FROM pg_namespace WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass($1))",
        HISTORY,
    )
    return schema


def table_of(thing: SchemaObject, properties: dict[str, str]) -> str | None:
    """Return the table that an object belongs to; a sequence belongs to that of its column."""
    owner = properties["column"].partition(".")[0] if thing.kind == "sequence" else "none"
    return thing.table if owner == "none" else owner
