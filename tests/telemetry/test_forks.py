"""A forked child of an instrumented process has spans of its own, and does not report its parent's pool."""

from __future__ import annotations

import asyncio

from medianest_models.db import database
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import instrument
from tests.db.test_forks import fork, in_connected_process
from tests.telemetry.conftest import Telemetry

TREE = [("users.find_by_email", None), ("SELECT users", "users.find_by_email")]


async def fork_instrumented() -> tuple[int, list[tuple[str, str | None]], int]:
    """Fork after a call, let the child make one, and make a further one."""
    telemetry = Telemetry()
    instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    await users.find_by_email("ann@example.com")
    telemetry.clear()

    def child() -> None:
        assert telemetry.points("db.client.connection.count") == []
        asyncio.run(look_up())
        assert telemetry.tree() == TREE

    async def look_up() -> None:
        async with database():
            telemetry.clear()  # what connecting has asked
            await users.find_by_email("ann@example.com")
            assert {point.value for point in telemetry.points("db.client.connection.count")} == {0, 1}

    status = await fork(child)
    await users.find_by_email("ann@example.com")
    return status, telemetry.tree(), len(telemetry.points("db.client.connection.count"))


async def test_parent_and_child_trace_apart(fresh_url: DatabaseUrl) -> None:
    assert await in_connected_process(fork_instrumented, fresh_url) == (0, TREE, 2)
