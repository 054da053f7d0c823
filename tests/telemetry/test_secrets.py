"""No parameter, stored value or secret is in a span, an event, a link or a metric, whatever is called and fails."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import SecretStr

from medianest_models import enums
from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import ConflictError, InvalidInputError
from medianest_models.models import MediaRequest, User
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry.calls import operations
from medianest_models.telemetry.servers import Server
from tests.telemetry.conftest import Telemetry

MARK: Final = "canary-7c1f"
NUMBER: Final = 76_543_217
INSTANT: Final = datetime(2031, 3, 7, 5, 6, 7, tzinfo=UTC)
SHOWN_AS: Final = (MARK, str(NUMBER), f"{NUMBER:_}", "2031-03-07", str(INSTANT.timestamp()), INSTANT.isoformat())


def assert_silent(telemetry: Telemetry, *more: object) -> None:
    """Check everything that would be exported."""
    exported = [span.to_json() for span in telemetry.spans]
    metrics = telemetry.reader.get_metrics_data()
    exported.append(metrics.to_json() if metrics else "")
    for text in exported:
        for shown in (*SHOWN_AS, *map(str, more)):
            assert shown not in text


def marked(annotation: str, user: User) -> Any:
    """Return an argument of that type which the exported texts can be searched for."""
    enum = getattr(enums, annotation.partition(" ")[0], None)
    values: dict[str, Any] = {
        "datetime": INSTANT,
        "Sequence[str]": [MARK],
        "Iterable[UUID": [user.id],
        "Iterable[int": [1],
        "UUID": user.id,
        "SecretStr": SecretStr(MARK),
        "str": MARK,
        "Any": {"key": MARK},
        "timedelta": timedelta(milliseconds=50),
        "Sequence[float": [0.5],
        "int": 7,
    }
    if enum is not None:
        return next(iter(enum))
    return next((value for name, value in values.items() if name in annotation), None)


def typed_arguments(operation: Callable[..., Any], user: User) -> dict[str, Any]:
    """Return an argument for each parameter, of its type if that is known, or else its default."""
    given = {}
    for name, parameter in inspect.signature(operation).parameters.items():
        value = marked(str(parameter.annotation), user)
        if value is not None and not str(parameter.annotation).startswith(("type[", "Callable[", "bool")):
            given[name] = value
        elif parameter.default is parameter.empty:
            given[name] = MARK
    return given


def mistyped_arguments(operation: Callable[..., Any], _: User) -> dict[str, Any]:
    """Return a marked text for each parameter."""
    return dict.fromkeys(inspect.signature(operation).parameters, MARK)


@pytest.mark.parametrize("arguments", [typed_arguments, mistyped_arguments])
async def test_no_argument_of_an_operation(
    fresh_db: DatabaseUrl, telemetry: Telemetry, arguments: Callable[..., dict[str, Any]]
) -> None:
    asked = set()
    for name, operation in operations():
        user = await User.create(plex_id=f"{MARK} {name}", plex_username=MARK, email=f"{name}@{MARK}.org")
        telemetry.clear()
        with suppress(Exception):
            async with asyncio.timeout(5):
                entered = operation(**arguments(operation, user))
                if inspect.isawaitable(entered):
                    await entered
                else:
                    async with entered:
                        pass
        assert name in {span.name for span in telemetry.spans}
        asked |= {name for span in telemetry.spans if span.attributes and "db.query.text" in span.attributes}
        assert_silent(telemetry, user.id, user.id.hex)
    assert len(asked) > (80 if arguments is typed_arguments else 10)


async def test_no_value_in_a_query_of_the_application(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    user = await User.create(plex_id=MARK, plex_username=MARK)
    await User.filter(plex_username__icontains=MARK, email__in=[MARK, "a"], created_at__lt=INSTANT).limit(NUMBER)
    await MediaRequest.filter(request_data__contains={"key": MARK}, user_id=user.id).offset(NUMBER).count()
    await MediaRequest.bulk_create([MediaRequest(user_id=user.id, title=MARK, media_type="movie")])
    await execute(f"UPDATE users SET plex_username = '{MARK}' WHERE length(plex_id) > {NUMBER} AND email = $1", MARK)
    await fetch(f"SELECT $${MARK}$$, E'\\'{MARK}', '{INSTANT}' -- {MARK}")
    assert len(telemetry.spans) == 6
    assert_silent(telemetry, user.id)


async def test_no_value_in_an_error(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    await User.create(plex_id=MARK, plex_username="ann")
    with pytest.raises(ConflictError):
        await User.create(plex_id=MARK, plex_username="bob")
    with pytest.raises(InvalidInputError):
        await fetch("SELECT $1::text::int", MARK)
    with pytest.raises(RuntimeError, match=MARK):
        async with transaction():
            raise RuntimeError(MARK)
    with suppress(Exception):
        await users.authenticate(MARK, password=MARK)
    assert all(not span.events for span in telemetry.spans)
    assert_silent(telemetry)


def test_the_password_of_the_url_is_not_exported() -> None:

    server = Server(DatabaseUrl.parse("postgresql://me:hunter2@h/d?application_name=x"))
    assert "hunter2" not in json.dumps([server.attributes, server.pool, server.statement("SELECT 1")])
