"""Prometheus's view: the names of the example dashboard, and `medianest metrics`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from medianest_models.db.statements import fetch
from medianest_models.errors import StatementError
from medianest_models.models import User
from medianest_models.repositories import downloads, users
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import instrument, queue_metrics, uninstrument
from tests.commands import PROGRAM, medianest, python
from tests.conftest import CHECKOUT

DASHBOARD: Final = CHECKOUT / "examples" / "telemetry" / "dashboard.json"
_SERIES: Final = re.compile(r"\b(?:medianest|db_client)_\w+")


class Series(NamedTuple):
    """A series of an endpoint: the metric that it is a part of, and its labels."""

    metric: str
    labels: set[str]


def series(exposed: str) -> dict[str, Series]:
    """Return the series of what an endpoint says, by their names."""
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            found.setdefault(sample.name, Series(family.name, set())).labels.update(sample.labels)
    return found


def our_metrics(exposed: dict[str, Series]) -> set[str]:
    """Return the names of this package's metrics."""
    return {found.metric for found in exposed.values() if _SERIES.fullmatch(found.metric)}


@pytest.fixture
async def exposed(fresh_db: DatabaseUrl) -> dict[str, Series]:
    """Return the series of a process that has done something, one of its statements in vain."""
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    instrument(meter_provider=provider)
    try:
        async with queue_metrics(meter_provider=provider):
            await users.find_by_email("ann@example.com")
            with suppress(StatementError):
                await fetch("SELECT 1/0")
            return series(generate_latest(registry).decode())
    finally:
        uninstrument()
        provider.shutdown()


def test_the_dashboard_asks_for_what_there_is(exposed: dict[str, Series]) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    labels = {label for found in exposed.values() for label in found.labels}
    asked = set()
    for expression in [target["expr"] for panel in panels for target in panel["targets"]]:
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expression))))
        filtered = set(re.findall(r"(\w+)!?=", expression))
        assert grouped | filtered <= labels, expression
        asked |= set(_SERIES.findall(expression)) - grouped
    assert asked <= exposed.keys()
    assert {exposed[name].metric for name in asked} == our_metrics(exposed)  # nothing is left out


def test_the_documentation_names_what_there_is(exposed: dict[str, Series]) -> None:
    page = (CHECKOUT / "docs" / "telemetry.md").read_text()
    assert set(re.findall(r"`((?:medianest|db_client)_\w+)` \|", page)) == our_metrics(exposed)


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `medianest metrics`, and yield it with the address that it announces."""
    with subprocess.Popen(
        [str(PROGRAM), "metrics", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_serves_the_queue_until_it_is_told_to_end(
    fresh_db: DatabaseUrl, number: signal.Signals
) -> None:
    user = await User.create(plex_id="ann", plex_username="ann")
    await downloads.enqueue(user.id, playlist_url="https://youtube.com/1")

    def look() -> None:
        with running() as (process, address):
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", address)
            text = urllib.request.urlopen(address, timeout=20).read().decode()  # noqa: S310 - the command's own
            assert re.search(r'^medianest_downloads\{.*status="queued".*\} 1\.0$', text, re.MULTILINE)
            process.send_signal(number)
            assert process.wait(20) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""

    await asyncio.to_thread(look)


async def test_a_port_in_use_is_named(fresh_url: DatabaseUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, errors = await asyncio.to_thread(medianest, "metrics", "--port", str(port))
    assert status == 2
    assert f"port {port} of 127.0.0.1 can't be used (Address already in use)" in errors


async def test_a_host_that_is_none_is_named(fresh_url: DatabaseUrl) -> None:
    status, _, errors = await asyncio.to_thread(medianest, "metrics", "--host", "nowhere.invalid")
    assert (status, "of nowhere.invalid can't be used" in errors) == (2, True), errors


WITHOUT: Final = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
sys.argv[1:] = ["metrics"]
from medianest_models.cli import main
main()
"""


def test_without_the_extra_the_command_names_it() -> None:
    ended = python("-c", WITHOUT)
    assert ended.returncode == 2
    assert "pip install 'medianest-models[telemetry]'" in ended.stderr
