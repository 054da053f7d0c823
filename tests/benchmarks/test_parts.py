"""The independent parts of the benchmark, on a small database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from statistics import median

import pytest

from benchmarks.peers import goals
from benchmarks.peers.data import prepare
from benchmarks.peers.deep import fill, measure_deep
from benchmarks.peers.lone import TITLES, measure_lone
from benchmarks.peers.memory import STEPS, measure_memory
from benchmarks.peers.operations import Operation
from benchmarks.peers.peers import Peer, PeerProcess
from benchmarks.peers.rounds import Rounds
from benchmarks.server import connect
from medianest_models.embedded import EmbeddedServer
from medianest_models.settings import DatabaseUrl

INDEXES = """
SELECT relname, indkey::text, indisunique, indpred IS NULL AS whole
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'media_requests'::regclass AND indisvalid ORDER BY relname
"""
FIND = "SELECT * FROM users WHERE plex_id = 'plex-1'"
WORK = """
SELECT
    (SELECT sum(request_count) FROM rate_limits) AS hits,
    (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') AS claimed,
    (SELECT count(*) FROM service_status_history WHERE checked_at >= '2030-01-01') AS checks,
    (SELECT count(*) FROM session_tokens WHERE last_used_at > now() - interval '1 minute') AS verified
"""


async def test_a_long_list_has_all_indexes_and_both_pages_are_measured(
    new_server: Callable[..., EmbeddedServer], fresh_url: DatabaseUrl
) -> None:
    url = await fill(await asyncio.to_thread(new_server().start), 2_000)
    connection = await connect(url)
    assert await connection.fetchval("SELECT count(DISTINCT id) FROM media_requests") == 2_000
    made = await connection.fetch(INDEXES)
    await connection.close()
    connection = await connect(fresh_url)
    assert made == await connection.fetch(INDEXES)
    await connection.close()
    measured = await measure_deep(url, far=50, rounds=2, seconds=0.02)
    ours, raw = ["medianest/asyncio", "medianest/uvloop"], ["raw/asyncio", "raw/uvloop"]
    assert {place: list(peers) for place, peers in measured.items()} == {
        "cursor 2": ours + raw, "cursor 50": ours + raw, "offset 2": raw[1:], "offset 50": raw[1:],
    }  # fmt: skip
    every = [done for peers in measured.values() for done in peers.values()]
    assert all(len(done.rates) == 2 for done in every)
    assert all(0 < used < 1e6 for done in every for used in done.server)  # microseconds


async def test_the_pages_of_a_call_are_those_that_explain_counts(new_server: Callable[..., EmbeddedServer]) -> None:
    url = await prepare(new_server(), 200)
    connection = await connect(url)
    if connection.get_server_version() < (18,):
        pytest.skip("no statistics of one session before PostgreSQL 18")
    plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {FIND}"))[0]["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    labels = ("raw", "asyncio"), ("tuned", "uvloop"), ("sqlalchemy", "uvloop"), ("tortoise", "uvloop")
    processes = [await PeerProcess.start(Peer(*label)) for label in labels]
    try:
        for process in processes:
            await process.open(url, checks=1_000, positions={})
        rounds = Rounds(connection, processes, rounds=1, seconds=0.3)
        measured = await rounds.measure(Operation("find", "find", most=400), depth=0)
        checks = Operation("record_checks", "checks", at_once=1, each=1_000, once=True)
        recorded = await rounds.measure(checks, depth=0)
    finally:
        for process in processes:
            await process.stop()
        await connection.close()
    assert {label: median(done.buffers) for label, done in measured.items()} == dict.fromkeys(measured, pages)
    assert all(len(done.buffers) == 1 and done.buffers[0] > pages for done in recorded.values())


async def test_a_worker_does_all_operations_while_its_memory_is_watched(
    new_server: Callable[..., EmbeddedServer],
) -> None:
    url = await prepare(new_server(), 200)
    megabytes = await measure_memory(url, operations=400, depth=40)
    assert len(megabytes) == STEPS
    assert all(10 < held < 1_000 for held in megabytes)
    connection = await connect(url)
    done = dict(await connection.fetchrow(WORK) or {})
    await connection.close()
    assert done == {"hits": 12, "claimed": 2, "checks": 20, "verified": 80}


async def test_a_lone_call_is_measured_beside_its_plain_statement(new_server: Callable[..., EmbeddedServer]) -> None:
    url = await prepare(new_server(), 200)
    measured = await measure_lone(url, turns=2)
    labels = {"medianest/asyncio", "plain/asyncio", "medianest/uvloop", "plain/uvloop"}
    assert {name: set(kinds) for name, kinds in measured.items()} == dict.fromkeys(TITLES, labels) | {
        "find_alone": labels | {"tuned/asyncio", "tuned/uvloop"}
    }
    assert all(len(done.rates) == 2 for kinds in measured.values() for done in kinds.values())
    verdicts = [verdict for name, kinds in measured.items() for verdict in goals.of_operation(name, name, kinds)]
    plain = [(name, "plain") for name in TITLES]
    assert [(verdict.title, verdict.against) for verdict in verdicts] == [("find_alone", "tuned"), *plain]
