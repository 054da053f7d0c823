"""What the functions of this package share: a service is named, and a window of its history is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from medianest_models.checks import as_aware, as_text
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Record

NAME_LENGTH: Final = 100

WINDOW: Final = """
FROM services s
CROSS JOIN (SELECT COALESCE($3::timestamptz, now()) AS until) w
"""
"""The window's beginning of a FROM clause: `s` is every service, `$2` and `w.until` are the window's ends."""


def as_service_name(value: str, name: str = "service") -> str:
    """A text that can be a service's name.

    Raises:
        InvalidInputError: It can't.
    """
    return as_text(value, name, max_length=NAME_LENGTH)


def no_such_service(*names: str) -> NotFoundError:
    """The error for names that no service has."""
    return NotFoundError(f"there is no service {', '.join(map(repr, names))}")


async def fetch_window(sql: str, service: str, since: datetime, until: datetime | None, *values: Any) -> list[Record]:
    """The rows of a statement about one service in one window, at least one.

    Args:
        sql: It takes the service's name, `since`, `until` and `values`, returns no row where there is no such
            service, and `until` in every row.
        service: The service's name.
        since: When the window begins.
        until: When it ends; None for now, by the database's clock.
        *values: The statement's further parameters.

    Raises:
        InvalidInputError: An end of the window is naive, or the window does not begin before it ends.
        NotFoundError: There is no such service.
    """
    as_aware(since, "since")
    if until is not None and since >= as_aware(until, "until"):
        raise InvalidInputError("since: must be before until")
    rows = await fetch(sql, as_service_name(service), since, until, *values)
    if not rows:
        raise no_such_service(service)
    if until is None and since >= rows[0]["until"]:
        raise InvalidInputError("since: must be before now")
    return rows
