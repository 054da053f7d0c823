"""Uptime of a service in a window of time, and its incidents.

A check determines the state of the service until the next check, but for at most five minutes: after that the state is
unknown. Of several checks with the same timestamp, the one with the highest id counts, which is the last one recorded.
A window includes its beginning but not its end; a check before the window can also determine its first part.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, overload

from asyncpg import Record

from medianest_models.checks import as_aware, as_duration
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError
from medianest_models.repositories.services.registry import as_service_name, no_such_service

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


@dataclass(frozen=True)
class Uptime:
    """The time that a service spent in each state in a window; `up` does not include `degraded`."""

    since: datetime
    until: datetime
    up: timedelta
    degraded: timedelta
    down: timedelta

    @property
    def known(self) -> timedelta:
        """The time with a known state."""
        return self.up + self.degraded + self.down

    @property
    def unknown(self) -> timedelta:
        """The time without a known state."""
        return self.until - self.since - self.known

    @property
    def ratio(self) -> float:
        """The share of the known time that it was up or degraded, from 0 to 1."""
        return (self.up + self.degraded) / self.known

    @property
    def degraded_ratio(self) -> float:
        """The share of the known time that it was degraded, from 0 to 1."""
        return self.degraded / self.known


@dataclass(frozen=True)
class Incident:
    """A continuous time in which a service was down."""

    started_at: datetime
    """Its beginning; that of the window if the service was down before."""
    ended_at: datetime | None
    """The first check with another state, or five minutes after the last one; None if it was still down at the end."""
    duration: timedelta
    """The time from `started_at` to `ended_at`, or to the window's end."""
    error_message: str | None
    """The first error message of its checks; None if there is none."""

    @property
    def is_ongoing(self) -> bool:
        """Whether the service was still down at the window's end."""
        return self.ended_at is None


# The checks of service s that determine the state in a part of step w, from `starts` to `ends`. Checks older than five
# minutes before the step are not read, because they no longer count.
_HOLDING: Final = """
    SELECT * FROM (
        SELECT
            id, status, error_message,
            GREATEST(checked_at, w.since) AS starts,
            LEAST(
                checked_at + interval '5 minutes', lead(checked_at) OVER (ORDER BY checked_at, id), w.until
            ) AS ends
        FROM service_status_history
        WHERE service_id = s.id AND checked_at > w.since - interval '5 minutes' AND checked_at < w.until
    ) checks
    WHERE starts < ends
"""

# Raw: a window function inside an aggregate, which the ORM does not support.
_UPTIME: Final = f"""
SELECT w.since, w.until, total.*
{WINDOW}
LEFT JOIN LATERAL (
    SELECT
        COALESCE(sum(ends - starts) FILTER (WHERE status = 'up'), interval '0') AS up,
        COALESCE(sum(ends - starts) FILTER (WHERE status = 'degraded'), interval '0') AS degraded,
        COALESCE(sum(ends - starts) FILTER (WHERE status = 'down'), interval '0') AS down
    FROM ({_HOLDING}) holding
) total ON TRUE
WHERE s.name = $1
ORDER BY w.since
"""  # noqa: S608 - of constants only

# Raw: gaps and islands. A down check that begins where the previous one ends belongs to the same incident.
_INCIDENTS: Final = f"""
SELECT w.until, incident.*
{WINDOW}
LEFT JOIN LATERAL (
    SELECT
        min(starts) AS started_at,
        NULLIF(max(ends), w.until) AS ended_at,
        max(ends) - min(starts) AS duration,
        (array_agg(error_message ORDER BY starts, id) FILTER (WHERE error_message IS NOT NULL))[1] AS error_message
    FROM (
        SELECT *, count(*) FILTER (WHERE is_first) OVER (ORDER BY starts, id) AS number
        FROM (
            SELECT *, lag(ends) OVER (ORDER BY starts, id) IS DISTINCT FROM starts AS is_first
            FROM ({_HOLDING}) holding
            WHERE status = 'down'
        ) down
    ) numbered
    GROUP BY number
) incident ON TRUE
WHERE s.name = $1
ORDER BY incident.started_at
"""  # noqa: S608 - of constants only


@overload
async def uptime(
    service: str, *, since: datetime, until: datetime | None = None, step: None = None
) -> Uptime | None: ...
@overload
async def uptime(service: str, *, since: datetime, until: datetime, step: timedelta) -> list[Uptime | None]: ...
async def uptime(
    service: str, *, since: datetime, until: datetime | None = None, step: timedelta | None = None
) -> Uptime | list[Uptime | None] | None:
    """Measure how long a service was up, degraded and down, weighted by time.

    Without `until` the window ends now, by the database's clock. `step`, which requires `until`, is the length of the
    steps into which the window is divided, without a remainder, in one statement.

    Returns:
        The uptime; None if no state is known in the whole window. With `step`, a list of these, one for each step,
        oldest first.

    Raises:
        InvalidInputError: A timestamp is naive, the window does not begin before it ends, or `step` does not divide it
            into 1 to 1000 steps.
        NotFoundError: There is no such service.
    """
    rows = await fetch_window(_UPTIME, service, since, until, step=step)
    steps = [Uptime(row["since"], row["until"], row["up"], row["degraded"], row["down"]) for row in rows]
    known = [found if found.known else None for found in steps]
    return known[0] if step is None else known


async def incidents(service: str, *, since: datetime, until: datetime | None = None) -> list[Incident]:
    """List the times a service was down, oldest first; together they last as long as `uptime` says it was down.

    The window is given as for `uptime`, and so are the errors.
    """
    rows = await fetch_window(_INCIDENTS, service, since, until)
    return [
        Incident(row["started_at"], row["ended_at"], row["duration"], row["error_message"])
        for row in rows
        if row["started_at"] is not None
    ]


async def fetch_window(
    sql: str, service: str, since: datetime, until: datetime | None, *values: Any, step: timedelta | None = None
) -> list[Record]:
    """Run a statement about a service in a window, or in each step of it; the arguments and errors are `uptime`'s.

    The statement begins its FROM with `WINDOW` and has its further parameters from `$6` on. It returns no row where
    there is no such service, and else one or more for each step, with `until`.
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
