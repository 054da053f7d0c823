"""Find a service by its name, and cut a window of its history into steps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from medianest_models.checks import as_aware, as_duration, as_text
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Record

NAME_LENGTH: Final = 100

MAX_STEPS: Final = 1000
"""The most steps that one statement answers for."""

# A step is a number of microseconds: PostgreSQL would take an interval of a day for a day of the calendar.
WINDOW: Final = """
FROM services s
CROSS JOIN LATERAL (
    SELECT
        $2::timestamptz + number * COALESCE($4::bigint, 0) * interval '1 microsecond' AS since,
        COALESCE(
            $2::timestamptz + (number + 1) * $4::bigint * interval '1 microsecond', $3::timestamptz, now()
        ) AS until
    FROM generate_series(0, $5::int - 1) AS number
) w
"""
"""The beginning of a FROM clause: `s` is every service, `w` every step of the window, from `w.since` to `w.until`."""


def as_service_name(value: str, name: str = "service") -> str:
    """Check that a text can be a service's name.

    Raises:
        InvalidInputError: It can't.
    """
    return as_text(value, name, max_length=NAME_LENGTH)


def no_such_service(*names: str) -> NotFoundError:
    """Make the error for names that no service has."""
    return NotFoundError(f"there is no service {', '.join(map(repr, names))}")


async def fetch_window(
    sql: str, service: str, since: datetime, until: datetime | None, *values: Any, step: timedelta | None = None
) -> list[Record]:
    """Run a statement about one service in one window.

    Args:
        sql: Has `WINDOW` in it. It returns no row where there is no such service, and else one or more for each
            step, with `since` and `until`.
        service: The service's name.
        since: When the window begins.
        until: When it ends; None for now, by the database's clock.
        *values: The statement's further parameters, from `$6` on.
        step: The length of a step; None for one step that is the window.

    Returns:
        One row or more.

    Raises:
        InvalidInputError: An end of the window is naive, the window does not begin before it ends, or it is not a
            whole number of steps from 1 to `MAX_STEPS`.
        NotFoundError: There is no such service.
    """
    as_aware(since, "since")
    if until is not None and since >= as_aware(until, "until"):
        raise InvalidInputError("since: must be before until")
    number = 1 if step is None else _count_steps(since, until, step)
    microseconds = None if step is None else step // timedelta(microseconds=1)
    rows = await fetch(sql, as_service_name(service), since, until, microseconds, number, *values)
    if not rows:
        raise no_such_service(service)
    if until is None and since >= rows[0]["until"]:
        raise InvalidInputError("since: must be before now")
    return rows


def _count_steps(since: datetime, until: datetime | None, step: timedelta) -> int:
    as_duration(step, "step")
    if until is None:
        raise InvalidInputError("until: must be given with a step")
    number, rest = divmod(until - since, step)
    if rest:
        raise InvalidInputError("step: must divide the window from since to until")
    if number > MAX_STEPS:
        raise InvalidInputError(f"step: must cut the window into at most {MAX_STEPS} steps, not {number}")
    return number
