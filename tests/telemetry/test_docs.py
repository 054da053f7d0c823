"""docs/telemetry.md: its examples run, and its tables and its trace are what there is."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Final

import pytest

from medianest_models.db.statements import fetch
from medianest_models.errors import StatementError
from medianest_models.models import User
from medianest_models.repositories import downloads, users
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import queue_metrics, uninstrument
from tests.commands import python
from tests.conftest import CHECKOUT
from tests.telemetry.conftest import Telemetry

PAGE: Final = (CHECKOUT / "docs" / "telemetry.md").read_text()
SETUP, BLOCK, LOGS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
USE: Final = """
import asyncio
from urllib.request import urlopen
from medianest_models import database
from medianest_models.repositories import users

async def main():
    async with database():
        await users.find_by_email("ann@example.com")

asyncio.run(main())
tracers.shutdown()
exposed = urlopen(f"http://127.0.0.1:{server.server_port}/metrics").read().decode()
assert "db_client_operation_duration_seconds_bucket" in exposed
server.shutdown()
server.server_close()
"""


def test_the_set_up(fresh_url: DatabaseUrl) -> None:
    set_up = SETUP.replace("start_http_server(9465", "server, _ = start_http_server(0")
    assert set_up != SETUP
    ended = python("-c", set_up + USE)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert '"name": "users.find_by_email"' in ended.stdout
    assert '"db.query.summary": "SELECT users"' in ended.stdout


async def test_the_block(fresh_url: DatabaseUrl) -> None:
    seen = []

    async def serve() -> None:
        seen.append(await User.all().count())

    names: dict[str, Any] = {"serve": serve}
    exec(BLOCK, names)  # noqa: S102 - our own documentation
    await names["main"]()
    assert seen == [0]


def test_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(logging, "basicConfig", lambda **options: calls.append(options))
    exec(LOGS, {})  # noqa: S102 - our own documentation
    assert len(calls) == 1


def listed(title: str) -> set[str]:
    """Return the names in the first column of the table below a heading."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


async def test_the_attributes(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    with pytest.raises(StatementError):
        await fetch("SELECT 1/0")
    (span,) = telemetry.spans
    assert listed("Traces") == {*(span.attributes or {}), "server.port"}


async def test_the_metrics(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    async with queue_metrics(meter_provider=telemetry.meters):
        await users.find_by_email("ann@example.com")
        assert listed("Metrics") == telemetry.metrics().keys()


async def test_the_trace(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    ann = await User.create(plex_id="ann", plex_username="ann")
    telemetry.clear()
    await downloads.claim("worker")
    await telemetry.until_ended("SELECT medianest_claim_next_download")
    await users.suspend(ann.id)
    depths: dict[int, int] = {}
    lines = []
    for span in telemetry.spans:
        assert span.context
        depth = depths[span.context.span_id] = depths[span.parent.span_id] + 1 if span.parent else 0
        lines.append(f"{'  ' * depth}{span.name}\n")
    assert "".join(lines) == shown


async def test_uninstrumenting_ends_it(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    uninstrument()
    await asyncio.gather(*(users.find_by_plex_id(f"user {n}") for n in range(3)))
    assert telemetry.spans == []
