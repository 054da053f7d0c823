"""A database with many rows, and PostgreSQL's plans for it.

    async def test_lists_requests_of_a_user(big_database: DatabaseUrl) -> None:
        for plan in await explain_calls(media_requests.list_for_user(row_id(7))):
            assert index_names(plan) == {"ix_media_requests_user_id_created_at"}
            assert not seq_scans(plan)

EXPLAIN does not show the statements inside a PL/pgSQL function: pass these to `plan_of`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final

import pytest
from asyncpg.connection import LoggedQuery
from tortoise.connection import get_connection
from tortoise.queryset import AwaitableQuery

from medianest_models.db.statements import fetch
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl
from medianest_models.testing.servers import Server
from tests.plans.big_rows import FILL, LARGE_TABLES, ROWS
from tests.servers import connect

Plan = dict[str, Any]

_PARTITIONS: Final = """
SELECT relname AS name, CASE WHEN relkind = 'r' AND reltuples < 1000 THEN 'a small partition'
                             ELSE pg_partition_root(oid)::regclass::text END AS whole
FROM pg_class WHERE relispartition
"""
_EXPLAINABLE: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES)\b", re.IGNORECASE)


@pytest.fixture(scope="session")
async def big_url(medianest_server: Server, medianest_template: str) -> AsyncIterator[DatabaseUrl]:
    """Fill the big database once; no test changes it permanently."""
    async with medianest_server.database(template=medianest_template) as url:
        connection = await connect(url)
        try:
            for statement in FILL:
                await connection.execute(statement)
        finally:
            await connection.close()
        yield url


@pytest.fixture
async def big_database(
    not_connected: None, big_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DatabaseUrl]:
    """Connect this process to the big database, in a transaction that is rolled back when the test ends."""
    from medianest_models.db import connect_database, disconnect_database, transaction  # noqa: PLC0415

    monkeypatch.setenv("DATABASE_URL", big_url.render().get_secret_value())
    await connect_database(big_url)
    written: dict[str, int] = {}
    try:
        async with transaction() as whole:
            yield big_url
            written = await _written_rows()
            await whole.rollback()
    finally:
        await disconnect_database()
        await _remove_traces(big_url, written)


async def _written_rows() -> dict[str, int]:
    """Return the number of rows that this transaction wrote into each table."""
    rows = await fetch(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS rows FROM pg_stat_xact_user_tables "
        "WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
    )
    return {row["relname"]: row["rows"] for row in rows}


async def _remove_traces(url: DatabaseUrl, written: dict[str, int]) -> None:
    """Run VACUUM: rolled-back rows stay in a table and its indexes until then, and would change other tests' plans."""
    connection = await connect(url)
    try:
        for table, rows in written.items():
            full = "(FULL, ANALYZE)" if rows > ROWS // 20 else ""
            await connection.execute(f"VACUUM {full} {table}")
            if full:
                await connection.execute(f"VACUUM {table}")  # FULL leaves the visibility map to it
    finally:
        await connection.close()


async def plan_of(statement: str | AwaitableQuery[Any], *values: Any, analyze: bool = False) -> Plan:
    """Return the plan of a statement with these values, or of a query set: the tree of EXPLAIN (FORMAT JSON).

    With `analyze` the statement runs, and the tree contains the cost of each step. Partitions and their indexes have
    the names of their tables and of those' indexes; one of some days, which may be read from end to end, has another.
    """
    if isinstance(statement, AwaitableQuery):
        statement.sql()  # makes the query
        statement, parameters = statement.query.get_parameterized_sql()
        values = tuple(parameters)
    options = "ANALYZE, BUFFERS, FORMAT JSON" if analyze else "FORMAT JSON"
    rows = await fetch(f"EXPLAIN ({options}) {statement}", *values)
    plan: Plan = json.loads(rows[0]["QUERY PLAN"])[0]["Plan"]
    whole = {row["name"]: row["whole"] for row in await fetch(_PARTITIONS)}
    for node in nodes(plan):
        for name in ("Relation Name", "Index Name"):
            if node.get(name) in whole:
                node[f"Partition's {name}"], node[name] = node[name], whole[node[name]]
    return plan


async def explain_calls(call: Coroutine[Any, Any, Any], *, analyze: bool = False) -> list[Plan]:
    """Await the call, and return the plan of each statement that it ran on this test's connection, in order.

    With `analyze` each runs a second time, and its plan contains the cost of each step.
    """
    statements: list[tuple[str, tuple[Any, ...]]] = []

    def note(query: LoggedQuery) -> None:
        statements.append((query.query, tuple(query.args or ())))

    client = get_connection(DEFAULT_ALIAS)
    async with client.acquire_connection() as connection:
        connection.add_query_logger(note)
    try:
        await call
    finally:
        async with client.acquire_connection() as connection:
            connection.remove_query_logger(note)
        await asyncio.sleep(0)  # asyncpg calls its loggers a little later
    return [await plan_of(sql, *values, analyze=analyze) for sql, values in statements if _EXPLAINABLE.match(sql)]


def page_plan(plan: Plan) -> Plan:
    """Return the part of the plan of `paginate`'s statement that reads the page, without the count of all rows.

    An exact count reads every counted row, from the smallest index.
    """
    return next(node for node in nodes(plan) if node.get("Subplan Name") == "CTE medianest_page")


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield the plan's root and all nodes below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def index_names(plan: Plan) -> set[str]:
    """Return the indexes that the plan uses."""
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def seq_scans(plan: Plan) -> set[str]:
    """Return the large tables that the plan scans sequentially."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE_TABLES
    }


async def indexes(call: Coroutine[Any, Any, Any]) -> set[str]:
    """Find the indexes that a call uses in all; it must not read a large table from end to end."""
    plans = await explain_calls(call)
    assert plans
    assert [seq_scans(plan) for plan in plans] == [set()] * len(plans)
    # Without those of the driver, which looks up what an array of UUIDs is.
    return {name for plan in plans for name in index_names(plan) if not name.startswith("pg_")}
