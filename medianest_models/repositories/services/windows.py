"""Windows of time over the history of the services, and the sources from which a statement reads each part of them.

The finished hours of each service are rolled up (`rollups.py`), and summed for days and longer spans. Whole hours of a
window are read from the widest roll-ups that fit into it, and a part of an hour from the states stored for that hour.
Hours that are not rolled up yet, and stale hours, are read from their checks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from asyncpg import Record

from medianest_models.checks import as_aware, as_duration
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError
from medianest_models.repositories.services.registry import as_service_name, no_such_service

MAX_STEPS: Final = 1000
"""The most steps that one statement answers for."""

WIDTHS: Final = (1, 24, 192, 1_536, 12_288)
"""The widths of roll-ups in hours: one, a day, and then eight times the last. Each begins at a multiple since 1970."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(microseconds=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)
_EPOCH: Final = "timestamptz '1970-01-01 00:00:00+00'"


def floor(instant: str, hours: str = "1") -> str:
    """Write the beginning of the span of so many hours in which an instant lies, in SQL."""
    return f"date_bin({hours} * interval '1 hour', {instant}, {_EPOCH})"


def ceil(instant: str, hours: str = "1") -> str:
    """Write the first beginning of a span of so many hours that is not before an instant, in SQL."""
    return floor(f"{instant} + {hours} * interval '1 hour' - interval '1 microsecond'", hours)


def microseconds(interval: str) -> str:
    """Write the length of an interval in microseconds, in SQL."""
    return f"(extract(epoch FROM {interval}) * 1000000)::bigint"


def rolled_until(service_id: str) -> str:
    """Write a subquery for the end of the last hour of a service that is rolled up, or NULL, in SQL."""
    return (
        "(SELECT max(begins_at) + interval '1 hour' FROM service_rollups "  # noqa: S608 - a name of ours
        f"WHERE service_id = {service_id} AND hours = 1)"
    )


def first_changeable_hour(kept_since: str) -> str:
    """Write the first hour that can be rolled up again, by the instant since when checks are kept, in SQL.

    The function `medianest_mark_stale_hours` refuses checks of the hours before. A check counts for five minutes.
    """
    return ceil(f"{kept_since} + interval '5 minutes'")


def rolled_up_hour(span: str, begins_at: str) -> str:
    """Write a subquery for the roll-up of the hour of a span's service that begins at an instant, in SQL.

    OFFSET keeps the planner from joining the spans with all hours that are rolled up.
    """
    return (
        f"(SELECT * FROM service_rollups WHERE service_id = {span}.service_id AND hours = 1 "  # noqa: S608 - a name of ours
        f"AND begins_at = {begins_at} OFFSET 0)"
    )


# A step is a number of microseconds: PostgreSQL would take an interval of a day for a day of the calendar.
#
# A span is a window, or with the sign -1 a time of maintenance in it, which is subtracted. `first_hour` and `last_hour`
# enclose its whole hours that are rolled up. `ranges` cover these with the widest roll-ups that fit. `stale` are the
# stale hours among them, whose roll-ups are subtracted. `edges` are the parts before and after the whole hours.
# `unrolled` are all parts that are read from the checks.
WINDOWS: Final = f"""
WITH steps AS (
    SELECT
        number,
        $2::timestamptz + number * COALESCE($4::bigint, 0) * interval '1 microsecond' AS since,
        COALESCE(
            LEAST($2::timestamptz + (number + 1) * $4::bigint * interval '1 microsecond', $3::timestamptz), now()
        ) AS until
    FROM generate_series(0, $5::int - 1) AS number
), observed AS (
    SELECT id, name, COALESCE({rolled_until("services.id")}, '-infinity') AS rolled_until
    FROM services WHERE CASE WHEN $1::text IS NULL THEN enabled ELSE name = $1 END
), maintained AS (
    SELECT service_id, range_agg(tstzrange(begins_at, COALESCE(ends_at, 'infinity'))) AS periods
    FROM service_maintenance GROUP BY service_id
), spans AS (
    SELECT id AS service_id, number, 1 AS sign, since, until, rolled_until FROM observed CROSS JOIN steps
    UNION ALL
    SELECT id, number, -1, lower(period), upper(period), rolled_until
    FROM observed JOIN maintained ON service_id = id CROSS JOIN steps
    CROSS JOIN LATERAL unnest(periods * tstzmultirange(tstzrange(since, GREATEST(since, until)))) AS period
), hourly AS (
    SELECT *, {ceil("since")} AS first_hour, LEAST({floor("until")}, rolled_until) AS last_hour FROM spans
), ranges AS (
    SELECT service_id, number, sign, hours, part.since, part.until
    FROM hourly
    JOIN (VALUES {", ".join(f"({width}, {wider})" for width, wider in pairwise((*WIDTHS, "NULL")))})
        AS width (hours, wider) ON hours * interval '1 hour' <= last_hour - first_hour
    CROSS JOIN LATERAL (SELECT
        {ceil("first_hour", "hours")} AS outer_since, {floor("last_hour", "hours")} AS outer_until,
        {ceil("first_hour", "wider")} AS inner_since, {floor("last_hour", "wider")} AS inner_until
    ) AS span
    CROSS JOIN LATERAL (VALUES
        (outer_since, CASE WHEN inner_since < inner_until THEN inner_since ELSE outer_until END),
        (CASE WHEN inner_since < inner_until THEN inner_until END, outer_until)
    ) AS part (since, until)
    WHERE first_hour < last_hour AND part.since < part.until
), stale AS (
    SELECT DISTINCT service_id, number, sign, begins_at AS hour
    FROM hourly JOIN stale_service_hours USING (service_id)
    WHERE begins_at >= first_hour AND begins_at < last_hour
), edges AS (
    SELECT
        service_id, number, sign, edge.since, edge.until, edge.since < rolled_until AND NOT EXISTS (
            SELECT FROM stale_service_hours AS marked
            WHERE marked.service_id = hourly.service_id AND begins_at = {floor("edge.since")}
        ) AS is_rolled_up
    FROM hourly CROSS JOIN LATERAL (VALUES
        (since, LEAST(first_hour, until)), (GREATEST(first_hour, last_hour), until)
    ) AS edge (since, until)
    WHERE edge.since < edge.until
), unrolled AS (
    SELECT service_id, number, sign, since, until FROM edges WHERE NOT is_rolled_up
    UNION ALL
    SELECT service_id, number, sign, hour, hour + interval '1 hour' FROM stale
)
"""  # noqa: S608 - of constants only
"""The beginning of a statement about the services in a window, or in each of its steps."""

# The checks of a service that determine its state between two instants, each from `starts` to `ends`. Checks older than
# five minutes before are not read, because they no longer count.
HOLDING: Final = """
    SELECT * FROM (
        SELECT
            id, status, error_message,
            GREATEST(checked_at, {since}) AS starts,
            LEAST(
                checked_at + interval '5 minutes', lead(checked_at) OVER (ORDER BY checked_at, id), {until}
            ) AS ends
        FROM service_status_history
        WHERE service_id = {service_id} AND checked_at > {since} - interval '5 minutes' AND checked_at < {until}
    ) AS checks
    WHERE starts < ends
"""


async def fetch_windows(
    sql: str,
    service: str | None,
    since: datetime,
    until: datetime | None,
    *values: Any,
    step: timedelta | None = None,
) -> list[Record]:
    """Run a statement about a service, or all enabled ones, in a window or in each of its steps.

    The arguments and errors are those of `uptime`. The statement begins with `WINDOWS` and has its further parameters
    from `$6` on. Where there is no such service it returns no row, and else one or more for each step, with `until`.
    """
    since = _in_utc(since, "since")
    if until is not None and since >= (until := _in_utc(until, "until")):
        raise InvalidInputError("since: must be before until")
    number = 1 if step is None else _count_steps(since, until, step)
    length = None if step is None else step // timedelta(microseconds=1)
    name = None if service is None else as_service_name(service)
    rows = await fetch(sql, name, since, until, length, number, *values)
    if service is not None and not rows:
        raise no_such_service(service)
    if until is None and rows and since >= rows[0]["until"]:
        raise InvalidInputError("since: must be before now")
    return rows


def _in_utc(value: datetime, name: str) -> datetime:
    """Convert an aware datetime to UTC, because Python compares and subtracts those of one time zone by local time.

    The first and the last datetime, which asyncpg takes for infinity, are moved by a microsecond.
    """
    try:
        instant = as_aware(value, name).astimezone(UTC)
    except OverflowError:
        raise InvalidInputError(f"{name}: is out of range in UTC") from None
    return min(max(instant, _FIRST), _LAST)


def _count_steps(since: datetime, until: datetime | None, step: timedelta) -> int:
    as_duration(step, "step")
    if until is None:
        raise InvalidInputError("until: must be given with a step")
    number = -((since - until) // step)
    if number > MAX_STEPS:
        raise InvalidInputError(f"step: must cut the window into at most {MAX_STEPS} steps, not {number}")
    return number
