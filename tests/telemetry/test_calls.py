"""Spans of repository calls: each public function has one, and stays what it was."""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from medianest_models import repositories
from medianest_models.db.observers import observers, wait_observers
from medianest_models.errors import NotFoundError
from medianest_models.models import User
from medianest_models.repositories import changes, downloads, users
from medianest_models.repositories.downloads import jobs, worker
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import instrument, uninstrument
from medianest_models.telemetry.calls import ENDLESS, operations
from tests.telemetry.conftest import Telemetry

_LOOK: Final = "SELECT youtube_downloads SELECT system_config"
ROOM: Final = Path(str(repositories.__file__)).parent


def public_modules() -> dict[str, ModuleType]:
    """Return the domains, and the modules that they name."""
    found: dict[str, ModuleType] = {}
    for path in [*ROOM.glob("[a-z]*.py"), *ROOM.glob("[a-z]*/__init__.py")]:
        domain = path.parent.name if path.name == "__init__.py" else path.stem
        found[domain] = import_module(f"{repositories.__name__}.{domain}")
        nested = {name: vars(found[domain])[name] for name in imported_names(path)}
        found |= {f"{domain}.{name}": value for name, value in nested.items() if inspect.ismodule(value)}
    return found


def imported_names(path: Path) -> set[str]:
    """Return the names that a package exports; those of a single module are its own functions."""
    nodes = ast.parse(path.read_text()).body
    if path.name != "__init__.py":
        return {node.name for node in nodes if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef))}
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def is_operation(value: object) -> bool:
    """Tell whether it is awaited, or entered with `async with`."""
    is_block = inspect.isfunction(value) and inspect.isasyncgenfunction(inspect.unwrap(value))
    return is_block or inspect.iscoroutinefunction(value)


def test_no_operation_is_forgotten() -> None:
    expected = {
        f"{domain}.{name}"
        for domain, module in public_modules().items()
        for name in imported_names(Path(str(module.__file__)))
        if is_operation(vars(module)[name]) and not name.startswith("_")
    }
    assert len(expected) > 90
    assert {name for name, _ in operations()} == expected - {ENDLESS}


async def test_a_call_and_its_statement(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    assert await users.find_by_email("ann@example.com") is None
    assert telemetry.tree() == [("users.find_by_email", None), ("SELECT users", "users.find_by_email")]
    call, statement = telemetry.spans
    assert (call.kind, statement.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert call.status.status_code is statement.status.status_code is StatusCode.UNSET
    assert not call.attributes
    assert call.instrumentation_scope
    assert call.instrumentation_scope.name == "medianest_models"


async def test_calls_inside_the_package(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    user = await User.create(plex_id="ann", plex_username="ann")
    telemetry.clear()
    await users.suspend(user.id)
    assert ("sessions.revoke_all", "users.suspend") in telemetry.tree()


async def test_a_failed_call_shows_its_error_s_class_alone(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    with pytest.raises(NotFoundError):
        await downloads.get("00000000-0000-0000-0000-000000000000")
    call = telemetry.span("downloads.get")
    assert call.attributes == {"error.type": "NotFoundError"}
    assert (call.status.status_code, call.status.description, call.events) == (StatusCode.ERROR, None, ())


async def test_a_cancelled_call(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    waiting = asyncio.create_task(downloads.wait_for_work())
    await telemetry.until_ended(_LOOK)
    waiting.cancel()
    await asyncio.wait([waiting])
    call = telemetry.span("downloads.wait_for_work")
    assert call.attributes == {"error.type": "CancelledError"}
    assert call.status.status_code is StatusCode.ERROR


async def test_the_span_of_a_block_ends_when_it_is_entered(
    fresh_db: DatabaseUrl, no_pooler: None, telemetry: Telemetry
) -> None:
    async with changes.listen() as stream:
        assert isinstance(stream, changes.ChangeStream)
        assert telemetry.span("changes.listen").end_time is not None
        await users.find_by_email("ann@example.com")
    assert ("users.find_by_email", None) in telemetry.tree()


async def test_a_worker_has_a_span_for_each_call_and_none_of_its_own(
    fresh_db: DatabaseUrl, telemetry: Telemetry
) -> None:
    user = await User.create(plex_id="ann", plex_username="ann")
    await downloads.enqueue(user.id, playlist_url="https://youtube.com/playlist?list=a")
    telemetry.clear()

    async def handler(*_: Any) -> list[str]:
        return ["a.mkv"]

    working = asyncio.create_task(downloads.run_worker(handler))
    await telemetry.until_ended("downloads.complete")
    working.cancel()
    await asyncio.wait([working])
    roots = {name for name, parent in telemetry.tree() if parent is None}
    assert {"downloads.claim", "downloads.complete"} <= roots
    assert {name.partition(".")[0] for name in roots} == {"downloads"}
    assert ENDLESS not in roots


def state() -> dict[str, Any]:
    """Return what the instrumentation replaces."""
    held: dict[Any, Any] = {
        (name, attribute): value
        for name, module in list(sys.modules.items())
        if name.startswith("medianest_models.repositories") or name == "medianest_models.upkeep"
        for attribute, value in vars(module).items()
        if inspect.isfunction(value)
    }
    return {**held, "observers": list(observers), "wait_observers": list(wait_observers)}


def test_uninstrumenting_leaves_all_as_before(telemetry: Telemetry) -> None:
    uninstrument()
    before = state()
    instrument()
    during = state()
    instrument()
    assert state() == during
    uninstrument()
    uninstrument()
    assert state() == before
    assert {name for name in before if before[name] != during[name]} >= {
        *((f"medianest_models.repositories.{name}", "claim") for name in ("downloads", "downloads.claims")),
        (worker.__name__, "claim"),
        (jobs.__name__, "heartbeat"),
        ("medianest_models.repositories.users.accounts", "revoke_all"),
        ("medianest_models.repositories.services.maintenance", "plan"),
        *("observers", "wait_observers"),
    }


async def test_a_kept_wrapper_does_nothing_after_uninstrumenting(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    kept, listen = users.find_by_email, changes.listen
    uninstrument()
    assert await kept("ann@example.com") is None
    assert type(listen()) is type(changes.listen())
    assert telemetry.spans == []


def test_signatures_stay(telemetry: Telemetry) -> None:
    wrapped = dict(operations())
    uninstrument()
    for name, function in operations():
        assert wrapped[name] is not function
        assert inspect.signature(wrapped[name]) == inspect.signature(function)
        assert (wrapped[name].__doc__, wrapped[name].__module__) == (function.__doc__, function.__module__)
        assert inspect.iscoroutinefunction(wrapped[name]) == inspect.iscoroutinefunction(function)
