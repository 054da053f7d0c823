"""Spans and durations of statements: places, errors, transactions, batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, use_span

from medianest_models.db import database, reading, standbys, transaction
from medianest_models.db.observers import observers
from medianest_models.db.reading_client import _StandbyFailedError
from medianest_models.db.statements import StatementClient, execute, fetch
from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import ConflictError, DatabaseTimeoutError, StatementError
from medianest_models.models import User
from medianest_models.repositories import downloads, users
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import instrument, uninstrument
from medianest_models.telemetry.servers import Server, failure
from tests.clusters import Pair
from tests.db.pools import PATIENCE, client, pool_of
from tests.db.replicated import use
from tests.telemetry.conftest import Telemetry


async def test_the_attributes_of_a_statement(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    await fetch("SELECT * FROM users WHERE plex_id = $1 LIMIT 1", "ann")
    (span,) = telemetry.spans
    expected = {
        "db.system.name": "postgresql",
        "db.namespace": fresh_db.database,
        "server.address": fresh_db.host,
        "db.query.summary": "SELECT users",
    } | ({} if fresh_db.port == 5432 else {"server.port": fresh_db.port})
    assert span.name == "SELECT users"
    assert span.attributes == expected | {"db.query.text": "SELECT * FROM users WHERE plex_id = $1 LIMIT ?"}
    (point,) = telemetry.points("db.client.operation.duration")
    assert (point.attributes, point.count) == (expected, 1)
    assert point.explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    assert 0 < point.sum < 60


@pytest.mark.parametrize(
    ("url", "address", "port", "namespace"),
    [
        ("postgresql://me:hunter2@h/d", "h", None, "d"),
        ("postgresql://h:5433/d?schema=s", "h", 5433, "d|s"),
        ("postgresql://a:5433,b:5433/d", "a,b", 5433, "d"),
        ("postgresql://a,b:5433/d", "a:5432,b:5433", None, "d"),
        ("postgresql:///d?host=/run/pg", "/run/pg", None, "d"),
    ],
)
def test_the_address_of_a_server(url: str, address: str, port: int | None, namespace: str) -> None:
    attributes = Server(DatabaseUrl.parse(url)).attributes
    assert attributes.pop("server.port", None) == port
    assert attributes == {"db.system.name": "postgresql", "server.address": address, "db.namespace": namespace}


async def test_the_address_of_an_embedded_server_that_is_started_by_connecting(
    new_server: Callable[..., EmbeddedServer], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("MEDIANEST_HOME", str(server.home))
    monkeypatch.setenv("PG_BINDIR", str(server.bindir))
    async with database(require_migrated=False):
        telemetry.clear()
        await fetch("SELECT 1")
    (span,) = telemetry.spans
    assert {"server.address", "db.namespace"} <= dict(span.attributes or {}).keys()
    pools = {
        point.attributes["db.client.connection.pool.name"]
        for point in telemetry.points("db.client.connection.wait_time")
    }
    assert [name.endswith(":5432/medianest") for name in pools] == [True]


async def test_another_observer_sees_the_same_statements(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    seen = []

    def observer(_: StatementClient, sql: str, __: Sequence[Any]) -> AbstractContextManager[None]:
        seen.append(sql)
        return nullcontext()

    observers.append(observer)
    try:
        await fetch("SELECT 1 FROM users")
    finally:
        observers.remove(observer)
    assert (seen, telemetry.spans[0].name) == (["SELECT 1 FROM users"], "SELECT users")


async def test_an_error_shows_its_code(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    with pytest.raises(StatementError):
        await fetch("SELECT 1/0")
    (span,) = telemetry.spans
    failed = {"error.type": "22012", "db.response.status_code": "22012"}
    assert span.attributes
    assert failed.items() <= dict(span.attributes).items()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    (point,) = telemetry.points("db.client.operation.duration")
    assert failed.items() <= dict(point.attributes).items()


async def test_an_error_without_a_code_shows_its_class(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    user = await User.create(plex_id="ann", plex_username="ann")
    telemetry.clear()
    with pytest.raises(ConflictError):
        await execute("INSERT INTO users (id, plex_id, plex_username) VALUES ($1, 'x', 'y')", user.id)
    (span,) = telemetry.spans
    assert span.attributes
    assert span.attributes["error.type"] == "ConflictError"


async def test_a_cancelled_statement(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await fetch("SELECT pg_sleep(60)")
    (span,) = telemetry.spans
    assert span.attributes
    assert span.attributes["error.type"] == "CancelledError"
    assert span.status.status_code is StatusCode.ERROR
    assert span.end_time


async def test_a_statement_that_got_no_connection(
    fresh_url: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "0.1")
    async with pool_of(1, fresh_url):
        telemetry.clear()
        async with client().acquire_connection():
            with pytest.raises(DatabaseTimeoutError):
                await users.find_by_email("ann@example.com")
        _, span = telemetry.spans
    assert span.attributes
    assert span.attributes["error.type"] == "DatabaseTimeoutError"


async def test_the_statements_of_a_transaction(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    with telemetry.tracers.get_tracer("test").start_as_current_span("request"):
        async with transaction():
            await execute("UPDATE users SET status = status")
            with pytest.raises(ZeroDivisionError):
                async with transaction():
                    raise ZeroDivisionError
        await users.find_by_email("ann@example.com")
    assert telemetry.tree() == [
        ("request", None),
        *((name, "request") for name in ("BEGIN", "UPDATE users", "SAVEPOINT", "ROLLBACK", "COMMIT")),
        ("users.find_by_email", "request"),
        ("SELECT users", "users.find_by_email"),
    ]


async def test_parents_across_tasks(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("test")

    async def request(name: str) -> None:
        with tracer.start_as_current_span(name):
            await asyncio.gather(downloads.claim(name, max_running=None), downloads.claim(f"{name}-2"))

    await asyncio.gather(request("one"), request("two"))
    for name in ("one", "two"):
        assert telemetry.tree().count(("downloads.claim", name)) == 2
    spans = {span.context.span_id: span for span in telemetry.spans if span.context}
    claims = [span for span in telemetry.spans if span.name == "SELECT medianest_claim_next_download"]
    assert len(claims) == 4
    for claim in claims:  # in a task of its own
        assert claim.parent
        call = spans[claim.parent.span_id]
        assert call.name == "downloads.claim"
        assert call.parent
        assert spans[call.parent.span_id].name in {"one", "two"}


async def test_calls_that_one_statement_answers_are_linked(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    await asyncio.gather(*(users.find_by_plex_id(f"user {n}") for n in range(5)))
    calls = [span for span in telemetry.spans if span.name == "users.find_by_plex_id"]
    statement = telemetry.span("SELECT users")
    assert len(calls) == 5
    assert statement.parent
    assert statement.context
    parent = statement.parent.span_id
    others = {call.context.span_id: call for call in calls if call.context and call.context.span_id != parent}
    assert len(others) == 4
    assert {link.context.span_id for link in statement.links} == others.keys()
    for call in others.values():
        assert [link.context.span_id for link in call.links] == [statement.context.span_id]


async def test_a_cancelled_call_is_not_linked(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    calls = [asyncio.create_task(users.find_by_plex_id(f"user {n}")) for n in range(4)]
    await asyncio.sleep(0)  # until all of them wait for the batch
    calls[1].cancel()
    await asyncio.wait(calls)
    statement = telemetry.span("SELECT users")
    assert len(statement.links) == 2


async def test_a_statement_of_a_call_that_is_not_sampled_has_no_span(
    fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry, asked = Telemetry(), []

    def never(context: object, trace_id: int, name: str, *_: object) -> SamplingResult:
        asked.append(name)
        return SamplingResult(Decision.DROP)

    monkeypatch.setattr(telemetry.tracers.sampler, "should_sample", never)
    instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    try:
        await users.find_by_email("ann@example.com")
        await asyncio.gather(*(users.find_by_plex_id(f"user {n}") for n in range(3)))
    finally:
        uninstrument()
    assert asked == ["users.find_by_email", *["users.find_by_plex_id"] * 3]
    assert sum(point.count for point in telemetry.points("db.client.operation.duration")) == 2


async def test_a_batch_of_which_some_calls_are_sampled_belongs_to_these(
    fresh_db: DatabaseUrl, telemetry: Telemetry
) -> None:
    unsampled = NonRecordingSpan(SpanContext(1, 1, is_remote=True))

    async def find(name: str, *, sampled: bool) -> None:
        with nullcontext() if sampled else use_span(unsampled):
            await users.find_by_plex_id(name)

    await asyncio.gather(*(find(f"user {n}", sampled=n in {1, 3}) for n in range(5)))
    one, other, statement = telemetry.spans
    assert [one.name, other.name, statement.name] == [*["users.find_by_plex_id"] * 2, "SELECT users"]
    assert statement.parent == one.context
    assert [link.context for link in statement.links] == [other.context]


def test_what_is_known_of_statements_is_bounded() -> None:
    server = Server(None)
    for number in range(2500):
        assert server.statement(f"SELECT * FROM table_{number}").summary == f"SELECT table_{number}"
    assert len(server._known) <= 1000


def test_the_failure_of_a_standby_shows_its_code() -> None:
    assert failure(_StandbyFailedError(DatabaseTimeoutError(sqlstate="57014")))["error.type"] == "57014"


async def test_reading_shows_which_server_was_asked(
    migrated_pair: Pair, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(migrated_pair, monkeypatch)
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)  # a busy machine must not send it to the primary
    async with database():
        telemetry.clear()
        async with reading():
            await users.find_by_email("ann@example.com")
        await users.find_by_email("ann@example.com")
    ports = [dict(span.attributes or {})["server.port"] for span in telemetry.spans if span.name == "SELECT users"]
    assert ports == [migrated_pair.standby.url.port, migrated_pair.primary.url.port]
