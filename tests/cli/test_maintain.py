"""`medianest maintain`: once, and again and again until a signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from medianest_models.db.statements import execute
from medianest_models.embedded import EmbeddedServer
from medianest_models.settings import DatabaseUrl
from tests.commands import PROGRAM, document, medianest
from tests.servers import connection_to

OLD = """
INSERT INTO services (name, display_name) VALUES ('plex', 'Plex');
INSERT INTO service_status_history (service_id, status, checked_at)
SELECT id, 'up', now() - interval '30 hours' FROM services
"""
EXPIRED = "INSERT INTO rate_limits (ip_address, endpoint, window_start) VALUES ('::1', 'x', now() - interval '3 days')"
FAILING = "INSERT INTO system_config (key, value) VALUES ('retention.checks', '{\"days\": 1}')"


def sql(statements: str) -> None:
    assert medianest("db", "psql", "-qc", statements) == (0, "", "")


def test_once(fresh_url: DatabaseUrl) -> None:
    sql(f"{OLD};{EXPIRED}")
    (late,) = document("health")["warnings"]
    assert late.endswith("hours are not rolled up: let `medianest maintain` run regularly")
    assert "\nwarning         the checks of " in medianest("health")[1]
    report = document("maintain")
    assert report.pop("hours_rolled_up") > 0
    assert report == {
        "partitions_made": {"service_status_history": 0, "activity_logs": 0},
        "partitions_dropped": {},
        "deleted": {"session_tokens": 0, "rate_limits": 1},
        "failed": {},
    }
    assert document("health")["warnings"] == []
    status, output, errors = medianest("maintain")
    assert (status, errors) == (0, "")
    assert output.splitlines() == [
        "rolled up  0  hours of services",
        "made       0  partitions of service_status_history",
        "made       0  partitions of activity_logs",
        "deleted    0  rows of session_tokens",
        "deleted    0  rows of rate_limits",
    ]


async def test_health_waits_for_nobody(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as other, other.transaction():
        await other.execute("LOCK TABLE service_rollups")
        health = await asyncio.to_thread(document, "health")
    assert health["ok"]
    assert health["warnings"] == ["the checks and partitions could not be looked at"]


def test_what_could_not_be_done_is_said_and_the_rest_is_done(fresh_url: DatabaseUrl) -> None:
    sql(f"{EXPIRED};{FAILING}")
    status, output, errors = medianest("maintain", "--json")
    assert (status, errors) == (1, "")
    report = json.loads(output)
    assert report["failed"].keys() == {"drop old checks"}
    assert report["deleted"]["rate_limits"] == 1
    status, output, errors = medianest("maintain")
    assert (status, errors) == (1, "")
    reason = (
        "the setting retention.checks in system_config must hold days (2 to 36500) in whole numbers, and nothing else"
    )
    assert output.splitlines()[-1].split(maxsplit=1) == ["FAILED", f"to drop old checks: {reason}"]


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "86401", "often"])
def test_bad_arguments_are_one_clear_line(seconds: str) -> None:
    status, output, errors = medianest("maintain", "--every", seconds)
    assert (status, output) == (2, "")
    assert "'--every'" in errors.splitlines()[-1]


def test_a_database_that_is_not_there_is_one_clear_line() -> None:
    for arguments in ((), ("--every", "1")):
        status, output, errors = medianest("maintain", *arguments, DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/d")
        assert (status, output) == (1, "")
        assert "nothing listens there" in errors
        assert "hidden" not in errors


async def test_two_at_once(fresh_url: DatabaseUrl) -> None:
    sql(f"{OLD};{EXPIRED}")
    reports = await asyncio.gather(*(asyncio.to_thread(document, "maintain") for _ in range(2)))
    assert sum(report["hours_rolled_up"] for report in reports) > 0
    assert sum(report["deleted"]["rate_limits"] for report in reports) == 1
    assert (await asyncio.to_thread(document, "maintain"))["hours_rolled_up"] == 0


@asynccontextmanager
async def repeating() -> AsyncIterator[Process]:
    """Run it every second, and kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM), "maintain", "--every", "1", "--json", stdout=PIPE, stderr=PIPE, env=os.environ.copy()
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def next_report(process: Process) -> Any:
    """Read the next document of its output."""
    assert process.stdout is not None
    text = b""
    async with asyncio.timeout(60):
        while not text.endswith(b"\n}\n"):
            line = await process.stdout.readline()
            assert line, "it has ended"
            text += line
    return json.loads(text)


async def stop(process: Process, number: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(number)
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_again_and_again_until_a_signal(fresh_db: DatabaseUrl, number: signal.Signals) -> None:
    async with repeating() as process:
        assert (await next_report(process))["deleted"]["rate_limits"] == 0
        await execute(EXPIRED)
        deleted = 0
        while deleted == 0:
            deleted = (await next_report(process))["deleted"]["rate_limits"]
        await execute(FAILING)
        while not (await next_report(process))["failed"]:
            pass
        await execute("DELETE FROM system_config")
        while (await next_report(process))["failed"]:
            pass
        await stop(process, number)


async def test_a_signal_ends_it_where_it_waits_for_a_lock(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as other, other.transaction():
        await other.execute("LOCK TABLE session_tokens")
        async with repeating() as process:
            while not await other.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                assert process.returncode is None
            await stop(process)


async def test_a_restart_of_the_database(own_server: EmbeddedServer) -> None:
    async with repeating() as process:
        assert (await next_report(process))["failed"] == {}
        await asyncio.to_thread(own_server.stop)
        while not (await next_report(process))["failed"]:
            pass
        await asyncio.to_thread(own_server.start)
        while (await next_report(process))["failed"]:
            pass
        await stop(process)
