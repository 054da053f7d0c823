"""Rules for a migration of a database in use, measured cheaply on a small database."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

SMALL: Final = {"aerich", "services", "system_config"}
"""Tables that always stay small."""

# The counters also include the earlier work of this session. The locks are those that block INSERT, UPDATE and DELETE
# of other sessions (PostgreSQL manual, 13.3.1).
_TABLES: Final = """
SELECT s.relid, coalesce(pg_partition_root(s.relid), s.relid)::regclass::text AS table,
       pg_relation_filenode(s.relid) AS file,
       s.seq_tup_read AS read, s.n_tup_upd + s.n_tup_del AS written,
       EXISTS (
           SELECT FROM pg_locks AS l WHERE l.pid = pg_backend_pid() AND l.relation = s.relid AND l.granted
               AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
       ) AS locked
FROM pg_stat_xact_user_tables AS s WHERE s.schemaname = 'public'
"""


async def broken_rules(connection: Connection, file: Path) -> list[str]:
    """Return the problems of a migration file, one line each.

    Args:
        connection: A connection to a database in the state before it, with a row or more in every table; it is left
            unchanged.
        file: The migration.
    """
    module = runpy.run_path(str(file))
    missing = [name for name in ("upgrade", "downgrade", "MODELS_STATE") if name not in module]
    if missing:
        return [f"has no {name}" for name in missing]
    problems = []
    if not statements(await module["downgrade"](None)):
        problems.append("its downgrade does nothing")
    sql = await module["upgrade"](None)
    if module.get("RUN_IN_TRANSACTION", True):
        return problems + await _measured(connection, sql)
    if len(statements(sql)) != 1:
        problems.append("runs several statements outside of a transaction, where a failure leaves half of them")
    if not re.search(r"\bCONCURRENTLY\b", sql):
        problems.append("has no reason to run outside of a transaction")
    if not re.search(r"\bIF (NOT )?EXISTS\b", sql):
        problems.append("fails when it is run again: it needs IF NOT EXISTS, or IF EXISTS")
    return problems


def statements(sql: str) -> list[str]:
    """Split a file's SQL into statements, without comments; a body between $$ is part of one."""
    text = re.sub(r"--[^\n]*", "", sql)
    bodies = re.sub(r"\$\$.*?\$\$", "body", text, flags=re.DOTALL)
    return [statement for part in bodies.split(";") if (statement := part.strip())]


async def _measured(connection: Connection, sql: str) -> list[str]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL enable_seqscan = off")  # so that a statement uses an index if there is one
        before = {row["relid"]: row for row in await connection.fetch(_TABLES)}
        await connection.execute(sql)
        after = {row["relid"]: row for row in await connection.fetch(_TABLES)}
    finally:
        await transaction.rollback()
    kept = sorted((row for row in before.values() if row["relid"] in after), key=itemgetter("table"))
    problems = [problem for row in kept if row["table"] not in SMALL for problem in _costs(row, after[row["relid"]])]
    return list(dict.fromkeys(problems))  # those of partitions are their table's


def _costs(before: Any, after: Any) -> Iterator[str]:
    if after["file"] != before["file"]:
        yield f"rewrites {after['table']}"
        return
    if after["read"] > before["read"] and after["locked"]:
        yield f"reads all of {after['table']} while nobody can write to it"
    if after["written"] > before["written"]:
        yield f"writes rows of {after['table']}, all of which stay locked until it ends"
