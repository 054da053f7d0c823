"""The log of a program: text or JSON, with the ids of the current span; the package alone configures nothing."""

from __future__ import annotations

import io
import json
import logging
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st
from opentelemetry.sdk.trace import TracerProvider

from medianest_models.db import database, query_log
from medianest_models.logs import JsonFormatter
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from tests.commands import medianest, python
from tests.telemetry.conftest import Telemetry


def formatted(message: str, *arguments: object, exc_info: Any = None) -> dict[str, Any]:
    """Return a record as its line says it."""
    record = logging.LogRecord("medianest_models.db", logging.WARNING, "", 0, message, arguments, exc_info)
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    read: dict[str, Any] = json.loads(line)
    assert read.pop("timestamp").endswith("+00:00")
    return read


@given(st.text())
def test_every_message_is_one_line(message: str) -> None:
    expected = {"level": "warning", "logger": "medianest_models.db", "message": message}
    assert formatted("%s", message) == expected


def test_an_exception_is_in_the_line() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        _ = 1 / 0
    read = formatted("it failed", exc_info=(raised.type, raised.value, raised.tb))
    assert read["exception"].startswith("Traceback (most recent call last):\n")
    assert read["exception"].endswith("ZeroDivisionError: division by zero")


def test_the_ids_of_the_current_span() -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("call") as span:
        read = formatted("slow")
    context = span.get_span_context()
    assert (int(read["trace_id"], 16), int(read["span_id"], 16)) == (context.trace_id, context.span_id)
    assert (len(read["trace_id"]), len(read["span_id"])) == (32, 16)


async def test_a_slow_query_has_the_ids_of_its_call(
    fresh_url: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_QUERY_MS", "0")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    async with database(fresh_url):
        query_log.logger.addHandler(handler)
        try:
            await users.find_by_email("ann@example.com")
        finally:
            query_log.logger.removeHandler(handler)
    context = telemetry.span("users.find_by_email").context
    assert context
    read = json.loads(written.getvalue())
    assert (int(read["trace_id"], 16), int(read["span_id"], 16)) == (context.trace_id, context.span_id)
    assert read["message"].startswith("slow query, ")


PROGRAM: Final = """
import asyncio, logging, sys
from medianest_models import database
from medianest_models.db.statements import fetch
{configure}

async def main():
    async with database():
        await fetch("SELECT pg_sleep(1),\\n       $1::int", 1)

asyncio.run(main())
assert "opentelemetry" not in sys.modules
"""
CONFIGURE: Final = "from medianest_models.logs import configure_logging\nconfigure_logging()"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_program_that_asks_for_it_logs_as_log_format_says(fresh_url: DatabaseUrl, log_format: str) -> None:
    ended = python("-c", PROGRAM.format(configure=CONFIGURE), LOG_FORMAT=log_format, SLOW_QUERY_MS="1000")
    lines = ended.stderr.splitlines()
    if log_format == "json":
        lines = [f"{line['level'].upper()} {line['logger']}: {line['message']}" for line in map(json.loads, lines)]
    assert [line.partition(":")[0] for line in lines] == [
        "INFO medianest_models.db",
        "WARNING medianest_models.query",
        "INFO medianest_models.db",
    ]
    assert lines[1].endswith("ms: SELECT pg_sleep(1), $1::int [1]")


def test_a_program_that_does_not_keeps_its_own_logging(fresh_url: DatabaseUrl) -> None:
    mine = "logging.basicConfig(format='mine %(name)s', level='INFO')"
    ended = python("-c", PROGRAM.format(configure=mine), LOG_FORMAT="json", SLOW_QUERY_MS="1000")
    names = [line for line in ended.stderr.splitlines() if "asyncio" not in line]
    assert names == [f"mine medianest_models.{name}" for name in ("db", "query", "db")]


@pytest.mark.parametrize("variables", [{}, {"LOG_LEVEL": "info"}])
def test_the_command_logs_as_json(fresh_url: DatabaseUrl, variables: dict[str, str]) -> None:
    status, _, errors = medianest("stats", LOG_FORMAT="json", **variables)
    assert status == 0
    assert [json.loads(line)["logger"] for line in errors.splitlines()] == ["medianest_models.db"] * 2


def test_an_unknown_format_is_named() -> None:
    status, _, errors = medianest("stats", LOG_FORMAT="yaml")
    assert (status, errors.splitlines()[-1]) == (2, 'Error: LOG_FORMAT: must be text or json, not "yaml"')
