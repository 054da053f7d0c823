"""Uptime of a service in a window of time, and its incidents.

A check determines the state of the service until the next check, but for at most five minutes: after that the state is
unknown. Of several checks with the same timestamp, the one with the highest id counts, which is the last one recorded.
A window includes its beginning but not its end; a check before the window can also determine its first part. Time in
maintenance is neither up nor down. All of this is exact to the microsecond, also after the checks are removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias, overload

from asyncpg import Record

from medianest_models.repositories.services.windows import (
    HOLDING,
    WINDOWS,
    fetch_windows,
    floor,
    microseconds,
    rolled_up_hour,
)


@dataclass(frozen=True)
class Uptime:
    """The time that a service spent in each state in a window; `up` does not include `degraded`."""

    since: datetime
    until: datetime
    up: timedelta
    degraded: timedelta
    down: timedelta
    maintenance: timedelta = timedelta(0)
    """The time in maintenance, whatever the checks found."""

    @property
    def known(self) -> timedelta:
        """The time with a known state, without maintenance."""
        return self.up + self.degraded + self.down

    @property
    def unknown(self) -> timedelta:
        """The time without a known state, without maintenance."""
        return self.until - self.since - self.known - self.maintenance

    @property
    def ratio(self) -> float | None:
        """The share of the known time that it was up or degraded, from 0 to 1; None if none is known."""
        return (self.up + self.degraded) / self.known if self.known else None

    @property
    def degraded_ratio(self) -> float | None:
        """The share of the known time that it was degraded, from 0 to 1; None if none is known."""
        return self.degraded / self.known if self.known else None


@dataclass(frozen=True)
class Incident:
    """A continuous time in which a service was down."""

    started_at: datetime
    """The first check that found it down; if it was down before the window or maintenance, when that begins or ends."""
    ended_at: datetime | None
    """The next check with another state, or five minutes after the last check, or the beginning of maintenance; None if
    it was still down at the end of the window."""
    duration: timedelta
    """The time from `started_at` to `ended_at`, or to the window's end."""
    error_message: str | None
    """The first error message of its checks; None if they have none."""

    @property
    def is_ongoing(self) -> bool:
        """Whether the service was still down at the window's end."""
        return self.ended_at is None


Uptimes: TypeAlias = Uptime | list[Uptime | None] | None

_HOLDING: Final = HOLDING.format(service_id="span.service_id", since="span.since", until="span.until")
_SUMS: Final = ", ".join(
    microseconds(f"COALESCE(sum(ends - starts) FILTER (WHERE status = '{status}'), interval '0')") + f" AS {status}"
    for status in ("up", "degraded", "down")
)

# The sum of what is rolled up, without that of stale hours; of what is read from checks; and of parts of an hour that
# is rolled up, in which a service was up unless a state says otherwise.
_UPTIME: Final = f"""
{WINDOWS}, total AS (
    SELECT service_id, number, sum(sign * up) AS up, sum(sign * degraded) AS degraded, sum(sign * down) AS down
    FROM (
        SELECT span.service_id, number, sign, up, degraded, down
        FROM ranges AS span CROSS JOIN LATERAL (
            SELECT sum(up) AS up, sum(degraded) AS degraded, sum(down) AS down FROM service_rollups
            WHERE service_id = span.service_id AND hours = span.hours
                AND begins_at >= span.since AND begins_at < span.until
        ) AS rolled_up
        UNION ALL
        SELECT stale.service_id, number, -sign, up, degraded, down
        FROM stale CROSS JOIN LATERAL {rolled_up_hour("stale", "stale.hour")} AS outdated
        UNION ALL
        SELECT service_id, number, sign, up, degraded, down
        FROM unrolled AS span CROSS JOIN LATERAL (SELECT {_SUMS} FROM ({_HOLDING}) AS holding) AS checked
        UNION ALL
        SELECT
            span.service_id, number, sign, {microseconds("span.until - span.since")}
                - not_up.degraded - not_up.down - not_up.unknown,
            not_up.degraded, not_up.down
        FROM edges AS span
        CROSS JOIN LATERAL {rolled_up_hour("span", floor("span.since"))} AS rolled_up
        CROSS JOIN LATERAL (
            SELECT {_SUMS.replace("'up'", "'unknown'").replace("AS up", "AS unknown")}
            FROM (
                SELECT status, GREATEST(begins_at, span.since) AS starts, LEAST(ends_at, span.until) AS ends
                FROM service_states
                WHERE service_id = span.service_id AND begins_at >= {floor("span.since")} AND begins_at < span.until
                    AND ends_at > span.since
            ) AS states
        ) AS not_up
        WHERE is_rolled_up
    ) AS parts
    GROUP BY service_id, number
), paused AS (
    SELECT service_id, number, sum(until - since) AS maintenance FROM spans WHERE sign = -1 GROUP BY service_id, number
)
SELECT
    name, since, until, COALESCE(up, 0)::bigint AS up, COALESCE(degraded, 0)::bigint AS degraded,
    COALESCE(down, 0)::bigint AS down, COALESCE(maintenance, interval '0') AS maintenance
FROM observed CROSS JOIN steps
LEFT JOIN total ON total.service_id = observed.id AND total.number = steps.number
LEFT JOIN paused ON paused.service_id = observed.id AND paused.number = steps.number
ORDER BY name, since
"""  # noqa: S608 - of constants only

# Gaps and islands: what begins where the previous one ends belongs to the same incident.
_INCIDENTS: Final = f"""
{WINDOWS}, down AS (
    SELECT span.service_id, starts, ends, error_message
    FROM unrolled AS span CROSS JOIN LATERAL ({_HOLDING}) AS holding
    WHERE sign = 1 AND status = 'down'
    UNION ALL
    SELECT service_id, GREATEST(begins_at, since), LEAST(ends_at, until), error_message
    FROM spans JOIN service_states USING (service_id)
    WHERE sign = 1 AND status = 'down' AND begins_at > since - interval '1 hour' AND begins_at < until
        AND ends_at > since AND begins_at < rolled_until AND NOT EXISTS (
            SELECT FROM stale_service_hours AS marked
            WHERE marked.service_id = spans.service_id AND marked.begins_at = {floor("service_states.begins_at")}
        )
), counted AS (
    SELECT service_id, lower(period) AS starts, upper(period) AS ends, error_message
    FROM down LEFT JOIN maintained USING (service_id)
    CROSS JOIN LATERAL unnest(
        tstzmultirange(tstzrange(starts, ends)) - COALESCE(periods, tstzmultirange())
    ) AS period
)
SELECT
    name, steps.until, started_at, NULLIF(ends, steps.until) AS ended_at, ends - started_at AS duration, error_message
FROM observed CROSS JOIN steps
LEFT JOIN (
    SELECT
        service_id, min(starts) AS started_at, max(ends) AS ends,
        (array_agg(error_message ORDER BY starts) FILTER (WHERE error_message IS NOT NULL))[1] AS error_message
    FROM (
        SELECT *, count(*) FILTER (WHERE is_first) OVER (PARTITION BY service_id ORDER BY starts) AS incident
        FROM (
            SELECT *, lag(ends) OVER (PARTITION BY service_id ORDER BY starts) IS DISTINCT FROM starts AS is_first
            FROM counted
        ) AS compared
    ) AS numbered
    GROUP BY service_id, incident
) AS incidents ON service_id = id
ORDER BY name, started_at
"""  # noqa: S608 - of constants only


@overload
async def uptime(
    service: str, *, since: datetime, until: datetime | None = None, step: None = None
) -> Uptime | None: ...
@overload
async def uptime(service: str, *, since: datetime, until: datetime, step: timedelta) -> list[Uptime | None]: ...
async def uptime(
    service: str, *, since: datetime, until: datetime | None = None, step: timedelta | None = None
) -> Uptimes:
    """Measure how long a service was up, degraded and down, weighted by time, and how long in maintenance.

    Without `until` the window ends now, by the database's clock. `step`, which requires `until`, is the length of the
    steps into which the window is divided, in one statement. The last step ends with the window.

    Returns:
        The uptime; None if no state is known in the whole window, and no maintenance. With `step`, a list of these, one
        for each step, oldest first.

    Raises:
        InvalidInputError: A timestamp is naive, the window does not begin before it ends, or there are more than 1000
            steps in it.
        NotFoundError: There is no such service.
    """
    return _uptimes(await fetch_windows(_UPTIME, service, since, until, step=step), step)


@overload
async def uptime_by_service(
    *, since: datetime, until: datetime | None = None, step: None = None
) -> dict[str, Uptime | None]: ...
@overload
async def uptime_by_service(*, since: datetime, until: datetime, step: timedelta) -> dict[str, list[Uptime | None]]: ...
async def uptime_by_service(
    *, since: datetime, until: datetime | None = None, step: timedelta | None = None
) -> dict[str, Any]:
    """Measure the uptime of each enabled service, by its name, in one statement; see `uptime`."""
    rows = await fetch_windows(_UPTIME, None, since, until, step=step)
    return {name: _uptimes(list(its), step) for name, its in groupby(rows, key=itemgetter("name"))}


async def incidents(service: str, *, since: datetime, until: datetime | None = None) -> list[Incident]:
    """List the incidents of a service, oldest first; together they last as long as `Uptime.down`.

    A maintenance window divides an incident. The window is given as for `uptime`, and so are the errors.
    """
    return _incidents(await fetch_windows(_INCIDENTS, service, since, until))


async def incidents_by_service(*, since: datetime, until: datetime | None = None) -> dict[str, list[Incident]]:
    """List the incidents of each enabled service, by its name, in one statement; see `incidents`."""
    rows = await fetch_windows(_INCIDENTS, None, since, until)
    return {name: _incidents(its) for name, its in groupby(rows, key=itemgetter("name"))}


def _incidents(rows: Iterable[Record]) -> list[Incident]:
    """Make the result for a service, which has a row without an incident if there is none."""
    return [
        Incident(row["started_at"], row["ended_at"], row["duration"], row["error_message"])
        for row in rows
        if row["started_at"] is not None
    ]


def _uptimes(rows: list[Record], step: timedelta | None) -> Uptimes:
    """Make the result for a service from the rows of its steps."""
    steps: list[Uptime | None] = []
    for row in rows:
        up, degraded, down = (timedelta(microseconds=row[state]) for state in ("up", "degraded", "down"))
        found = Uptime(row["since"], row["until"], up, degraded, down, row["maintenance"])
        steps.append(found if found.known or found.maintenance else None)
    return steps[0] if step is None else steps
