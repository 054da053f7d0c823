"""Running a call both ways: compiled, and with a query built by Tortoise."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any

import pytest
from tortoise.fields.relational import ReverseRelation
from tortoise.models import Model

from medianest_models.db import transaction
from medianest_models.db.statements import StatementClient, fetch
from medianest_models.encryption.stored_secrets import StoredValue
from medianest_models.enums import DownloadPriority, RequestStatus, UserRole
from medianest_models.models import (
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    Service,
    SessionToken,
    User,
    YouTubeDownload,
)
from medianest_models.pagination import compiler
from tests.pagination.random_querysets import IDS
from tests.pagination.rows import instant, make_checks, make_service


async def make_rows() -> None:
    """Make a few rows of each table, with NULLs, documents, enums and secrets, and many equal values."""
    roles, statuses = list(UserRole), list(RequestStatus)
    for number, id_ in enumerate(IDS):
        text, empty = "ab"[number % 2], number % 3 == 0
        user = await User.create(
            id=id_, plex_id=f"{text}{number}", plex_username=text, email=None if empty else "a_b",
            role=roles[number % 2], plex_token=None if empty else "hush", created_at=instant(number // 2),
        )  # fmt: skip
        request = await MediaRequest.create(
            id=id_, user_id=IDS[number // 2], title=text, media_type="*", tmdb_id=f"{number}", imdb_id="1",
            status=statuses[number % 4], request_data=[None, {"a": [1, None]}, "a"][number % 3],
            created_at=instant(number // 2), completed_at=None if empty else instant(1),
        )  # fmt: skip
        await MediaRequestStatusUpdate.create(request=request, status=RequestStatus.PENDING, message=text)
        await YouTubeDownload.create(
            user=user, playlist_url=f"{number}", priority=list(DownloadPriority)[number % 3], metadata={"b": 1.5}
        )
        await SessionToken.create(
            user=user, token_hash=f"{number}", family_id=id_, expires_at=instant(2), user_agent=None if empty else text
        )
    await LocalCredential.create(user_id=IDS[0], username="a", password_hash="hash")
    service = await make_service()
    await make_checks(service, [{"response_time_ms": number % 2 or None} for number in range(4)])
    await Service.create(name="a", display_name="A", api_key="hush", config_data={"token": "hush", "port": 1})


def seen(value: Any) -> Any:
    """Return all parts of a value, in a form that can be compared."""
    if isinstance(value, Model):
        row: Any = [] if value._partial else value
        return type(value), repr(value), _held(value), [(name, repr(item)) for name, item in row]
    if isinstance(value, (list, tuple)):
        return type(value), [seen(item) for item in value]
    if isinstance(value, dict):
        return type(value), [(key, seen(item)) for key, item in value.items()]
    if isinstance(value, ReverseRelation):
        return type(value), [seen(item) for item in value.related_objects], value._fetched
    if isinstance(value, StoredValue):
        return type(value), value.stored
    return type(value), value, repr(value)


def _held(instance: Model) -> list[Any]:
    return sorted(((name, seen(value)) for name, value in vars(instance).items()), key=itemgetter(0))


_BOTH = re.compile(
    r"WITH medianest_page AS MATERIALIZED \((?P<page>.*)\)\nSELECT .* = (?P<limit>\d+)"
    r" THEN \((?P<count>.*)\) END AS medianest_total\n.*",
    re.DOTALL,
)


def _parts(sql: str, values: list[Any], rows: int) -> list[tuple[str, list[Any]]]:
    """Take apart the statement that reads a page and counts, as Tortoise does by two; it counts on a full page."""
    both = _BOTH.fullmatch(sql)
    if both is None:
        return [(sql, values)]
    of_count = len(re.findall(r"\$\d+", both["count"]))
    return [(both["page"], values), (both["count"], values[:of_count])][: 2 if rows == int(both["limit"]) else 1]


class Statements:
    """Records the statements that Tortoise and this package run."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.found: list[tuple[str, list[Any]]] = []
        stock = StatementClient.run

        async def run(client: StatementClient, operation: Any, query: str, *values: Any) -> Any:
            self.found.append((query, [*values]))
            return await stock(client, operation, query, *values)

        patch.setattr(StatementClient, "run", run)

    async def outcome(self, run: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
        """Run a call.

        Returns:
            The result or the error, with the plan of each statement, in a form that can be compared; and the result
            itself.
        """
        try:
            async with transaction():  # so that an error undoes only a savepoint
                self.found = []
                result = await run()
        except Exception as error:  # noqa: BLE001 - any error must be the same both ways
            return (type(error), str(error)), None
        # PostgreSQL's plan shows how it interprets a statement, with any rows.
        parts = [part for sql, values in self.found for part in _parts(sql, values, len(result.data))]
        plans = [[row[0] for row in await fetch(f"EXPLAIN (COSTS OFF) {sql}", *values)] for sql, values in parts]
        return ({name: seen(value) for name, value in result}, plans), result

    async def same(self, run: Callable[[], Awaitable[Any]]) -> Any:
        """Run a call both ways, check that the outcomes are equal, and return the result."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiler, "_state_at_first", lambda *_: None)
            expected, _ = await self.outcome(run)
        found, result = await self.outcome(run)
        assert found == expected
        return result
