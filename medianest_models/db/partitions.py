"""Partitions of the tables that grow for ever, one for each month in UTC.

The default partition takes the rows whose month has no partition. The migration `partitions` has made the first ones.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from asyncpg import Record

from medianest_models.checks import as_aware
from medianest_models.db.statements import current_client, execute, fetch, fetch_one, in_steps
from medianest_models.db.transactions import transaction
from medianest_models.errors import (
    ConfigurationError,
    DatabaseTimeoutError,
    InvalidInputError,
    MigrationError,
    TransactionConflictError,
)
from medianest_models.settings import load_settings

PARTITIONED: Final = {"service_status_history": "checked_at", "activity_logs": "created_at"}
"""The partitioned tables, each with the column that decides in which partition a row is."""

_REFERENCES: Final = {"service_status_history": "services", "activity_logs": "users"}
"""The partitioned tables, each with the table that its foreign key refers to."""

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCK_MILLISECONDS: Final = 200
"""The longest that one attempt waits for a lock. Then the sessions that queue behind it get their turn.

It is shorter than PostgreSQL's default `deadlock_timeout` (1 s), so that in a deadlock this attempt gives up first.
"""

# The names are quoted where necessary, because they become part of statements.
_PARENT: Final = """
SELECT quote_ident(nspname) AS schema, quote_ident(current_user) AS role, rolname <> current_user AS is_others,
       quote_ident(rolname) AS owner,
       EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary) AS has_key,
       pg_has_role(relowner, 'USAGE') AND has_schema_privilege(relnamespace, 'CREATE') AS may_create
FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace JOIN pg_roles AS r ON r.oid = relowner
WHERE pg_class.oid = to_regclass($1) AND relkind = 'p'
"""

_PARTITIONS: Final = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name, bound = 'DEFAULT' AS is_default,
       substring(bound FROM $re$FROM \\('([^']*)'\\)$re$)::timestamptz AS since,  -- NULL: from the beginning of time
       substring(bound FROM $re$TO \\('([^']*)'\\)$re$)::timestamptz AS until  -- NULL: to its end
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid JOIN pg_namespace AS n ON n.oid = relnamespace
CROSS JOIN pg_get_expr(relpartbound, c.oid) AS bound
WHERE inhparent = to_regclass($1)
"""

_MISSING: Final = f"""
SELECT since, until, to_char(month, 'YYYY_MM') AS name FROM (
    SELECT month, month AT TIME ZONE 'UTC' AS since, (month + interval '1 month') AT TIME ZONE 'UTC' AS until
    FROM generate_series(
        date_trunc('month', coalesce($2::timestamptz, now()) AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months',
        interval '1 month'
    ) AS month
) AS months
WHERE NOT EXISTS (
    SELECT FROM ({_PARTITIONS}) AS present
    WHERE NOT is_default
        AND coalesce(present.since < months.until, TRUE) AND coalesce(present.until > months.since, TRUE)
)
ORDER BY since
"""  # noqa: S608 - of constants only

_LACKS_NEXT: Final = f"""
SELECT EXISTS (SELECT FROM ({_MISSING}) AS missing WHERE since <= now() + interval '1 month') AS lacks_next
"""  # noqa: S608 - of constants only


async def make_partitions(table: str, *, since: datetime | None = None) -> int:
    """Make the missing partitions, from the month of `since` to three months after this one, and return how many.

    Each month has a transaction of its own, which also moves the month's rows out of the default partition; whoever
    writes to the table or reads the default partition waits for it. Several processes may run this at once.

    Args:
        table: `service_status_history` or `activity_logs`.
        since: An instant in the first month; by default now.

    Raises:
        InvalidInputError: It is not a partitioned table, or the instant is naive or before 1970.
        MigrationError: The table is not partitioned yet.
        ConfigurationError: The role does not own the table or may not make tables in its schema, or another table has
            the name of a partition.
        DatabaseTimeoutError: The table was in use, and no lock was free within `DATABASE_LOCK_TIMEOUT`.
    """
    parent = await _parent(table)
    if since is not None and as_aware(since, "since") < _FIRST:
        raise InvalidInputError(f"since: must not be before {_FIRST.year}: each month from there on gets a partition")
    months = await fetch(_MISSING, table, since)
    if months and not parent["may_create"]:
        raise ConfigurationError(
            f"the role {parent['role']} may not make partitions of {table}: run this as {parent['owner']}, "
            f"which owns it and has to have CREATE on the schema {parent['schema']}"
        )
    made = 0
    with in_steps():
        for month in months:
            made += await _patiently(lambda month=month: _make(table, parent, month))  # type: ignore[misc]
    return made


async def lacks_next_month(table: str) -> bool:
    """Return whether the partition of this month or the next one is missing."""
    (row,) = await fetch(_LACKS_NEXT, table, None)
    lacks_next: bool = row["lacks_next"]
    return lacks_next


async def end_of_partitions(table: str, *, before: datetime) -> datetime | None:
    """Return the latest end of the partitions that end at or before an instant; None if there are none.

    Raises:
        ConfigurationError: There are some, and the role may not drop them.
    """
    ends: list[datetime] = [row["until"] for row in await _ended(table, before)]
    if ends:
        _check_role(table, await _parent(table))
    return max(ends, default=None)


async def drop_partitions(table: str, *, before: datetime) -> int:
    """Drop the partitions that end at or before an instant, and return how many; never the default partition.

    It does not roll up checks first, as `services.drop_history` does. Inside a transaction of the caller, nobody else
    can read or write the table until that ends.

    Raises:
        InvalidInputError: It is not a partitioned table, or the instant is naive.
        MigrationError: The table is not partitioned yet.
        ConfigurationError: The role does not own the table or may not make tables in its schema.
        DatabaseTimeoutError: The table was in use, and no lock was free within `DATABASE_LOCK_TIMEOUT`.
    """
    parent = await _parent(table)
    as_aware(before, "before")
    if not await _ended(table, before):
        return 0
    _check_role(table, parent)
    return await _patiently(lambda: _drop(table, parent, before))


def _check_role(table: str, parent: Record) -> None:
    if not parent["may_create"]:
        raise ConfigurationError(f"the role {parent['role']} may not drop partitions of {table}: run this as its owner")


async def _parent(table: str) -> Record:
    if table not in PARTITIONED:
        raise InvalidInputError(f"table: must be one of {', '.join(PARTITIONED)}")
    parent = await fetch_one(_PARENT, table)
    if parent is None:
        raise MigrationError(f"{table} has no partitions yet: run `medianest db migrate`")
    return parent


async def _patiently(step: Callable[[], Awaitable[int]]) -> int:
    """Run a step in a transaction; while a lock is not free, repeat it for `DATABASE_LOCK_TIMEOUT`."""
    deadline = monotonic() + load_settings().database_lock_timeout
    while True:
        try:
            async with transaction():
                (before,) = await fetch("SELECT current_setting('lock_timeout') AS lock_timeout")
                await fetch("SELECT set_config('lock_timeout', $1, TRUE)", str(_LOCK_MILLISECONDS))
                done = await step()
                await fetch("SELECT set_config('lock_timeout', $1, TRUE)", before["lock_timeout"])
                return done
        except (DatabaseTimeoutError, TransactionConflictError) as error:
            is_lock = isinstance(error, TransactionConflictError) or error.sqlstate == "55P03"
            if not is_lock or monotonic() > deadline:
                raise
        await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - no secret


async def _make(table: str, parent: Record, month: Record) -> int:
    """Make the partition of a month, unless another process has; return how many were made."""
    key, (since, until) = PARTITIONED[table], (f"'{month[name].isoformat()}'" for name in ("since", "until"))
    whole, name = f"{parent['schema']}.{table}", f"{parent['schema']}.{table}_{month['name']}"
    client = current_client()
    # Locks in the order in which the deletion of a service or a user takes them, so that the two can't deadlock. The
    # second lock keeps out other processes that make partitions, and also INSERTs: one that has chosen the default
    # partition for its row would fail once the month has a partition.
    await client.execute_script(
        f"LOCK TABLE {parent['schema']}.{_REFERENCES[table]} IN SHARE ROW EXCLUSIVE MODE;"
        f"LOCK TABLE ONLY {whole} IN SHARE ROW EXCLUSIVE MODE"
    )
    if month["since"] not in {row["since"] for row in await fetch(_MISSING, table, month["since"])}:
        return 0
    if (await fetch("SELECT to_regclass($1) IS NOT NULL AS is_there", name))[0]["is_there"]:
        raise ConfigurationError(f"the table {name} is in the way of a partition of {table}: rename, attach or drop it")
    await client.execute_script(f"CREATE TABLE {name} (LIKE {whole} INCLUDING ALL EXCLUDING INDEXES)")
    if not parent["has_key"]:  # a publication of all tables would stop every DELETE
        await client.execute_script(f"ALTER TABLE {name} REPLICA IDENTITY FULL")
    if parent["is_others"]:
        await client.execute_script(f"ALTER TABLE {name} OWNER TO {parent['owner']}")
    default = next((row["name"] for row in await fetch(_PARTITIONS, table) if row["is_default"]), None)
    if default is not None:
        await client.execute_script(f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE")
        await execute(
            f"WITH moved AS (DELETE FROM {default} WHERE {key} >= {since} AND {key} < {until} RETURNING *) "  # noqa: S608 - names of ours
            f"INSERT INTO {name} SELECT * FROM moved"
        )
    await client.execute_script(f"ALTER TABLE {whole} ATTACH PARTITION {name} FOR VALUES FROM ({since}) TO ({until})")
    return 1


async def _ended(table: str, before: datetime) -> list[Record]:
    """List the partitions that end at or before an instant."""
    return [row for row in await fetch(_PARTITIONS, table) if row["until"] is not None and row["until"] <= before]


async def _drop(table: str, parent: Record, before: datetime) -> int:
    await current_client().execute_script(f"LOCK TABLE ONLY {parent['schema']}.{table} IN ACCESS EXCLUSIVE MODE")
    names = [row["name"] for row in await _ended(table, before)]
    if names:
        await current_client().execute_script(f"DROP TABLE {', '.join(names)}")
    return len(names)
