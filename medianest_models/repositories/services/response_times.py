"""Percentiles of the response times of services.

They are computed from a histogram (`rollups.BUCKET`), before and after the checks are rolled up: below 50 ms they are
exact, and above they have a relative error of at most 2 %.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias, overload

from asyncpg import Record

from medianest_models.errors import InvalidInputError
from medianest_models.repositories.services.rollups import BUCKET, EXACT_BELOW, RATIO
from medianest_models.repositories.services.windows import WINDOWS, fetch_windows, floor, rolled_up_hour

Percentiles: TypeAlias = dict[float, float]

# An hour whose checks were removed, or some of them, is read as a whole, even if only a part of it is in the window.
# The elements of the packed histograms (32 * bucket + exponent) are counted first: many are equal, and fewer are left
# to be unpacked.
# OFFSET keeps the planner from joining the spans with all that is rolled up.
_RESPONSE_TIMES: Final = f"""
{WINDOWS}, counted AS (
    SELECT span.service_id, span.number, element, 1 AS times
    FROM ranges AS span CROSS JOIN LATERAL (
        SELECT unnest(response_times) AS element FROM service_rollups
        WHERE service_id = span.service_id AND hours = span.hours
            AND begins_at >= span.since AND begins_at < span.until
        OFFSET 0
    ) AS rolled_up
    WHERE sign = 1
    UNION ALL
    SELECT stale.service_id, stale.number, element, -1
    FROM stale CROSS JOIN LATERAL {rolled_up_hour("stale", "stale.hour")} AS outdated
    CROSS JOIN LATERAL unnest(response_times) AS element
    WHERE sign = 1
    UNION ALL
    SELECT span.service_id, span.number, element, measured.times
    FROM (
        SELECT service_id, number, sign, since, until FROM unrolled
        UNION ALL
        SELECT service_id, number, sign, since, until FROM edges WHERE is_rolled_up AND {floor("since")} >= {{kept}}
    ) AS span CROSS JOIN LATERAL (
        SELECT ({BUCKET} * 32)::smallint AS element, count(*)::int AS times FROM service_status_history
        WHERE service_id = span.service_id AND checked_at >= since AND checked_at < until
            AND response_time_ms IS NOT NULL
        GROUP BY element
    ) AS measured
    WHERE sign = 1
    UNION ALL
    SELECT edges.service_id, edges.number, element, 1
    FROM edges CROSS JOIN LATERAL {rolled_up_hour("edges", floor("edges.since"))} AS whole
    CROSS JOIN LATERAL unnest(response_times) AS element
    WHERE sign = 1 AND is_rolled_up AND {floor("since")} < {{kept}}
), summed AS (
    SELECT service_id, number, element, sum(times) AS times FROM counted GROUP BY service_id, number, element
), unpacked AS (
    SELECT service_id, number, element >> 5 AS bucket, sum(times << (element & 31))::bigint AS counted
    FROM summed GROUP BY service_id, number, bucket
), measured AS (
    SELECT
        service_id, number, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(counted ORDER BY bucket) AS counts
    FROM unpacked GROUP BY service_id, number
)
SELECT name, until, buckets, counts
FROM observed CROSS JOIN steps
LEFT JOIN measured ON service_id = id AND measured.number = steps.number
ORDER BY name, steps.number
""".format(  # noqa: S608 - of constants only
    kept="(SELECT COALESCE(max(begins_at), '-infinity') FROM kept_history WHERE table_name = 'service_status_history')"
)


@overload
async def response_time_percentiles(
    service: str,
    *,
    since: datetime,
    until: datetime | None = None,
    percentiles: Sequence[float] = ...,
    step: None = None,
) -> Percentiles | None: ...
@overload
async def response_time_percentiles(
    service: str, *, since: datetime, until: datetime, percentiles: Sequence[float] = ..., step: timedelta
) -> list[Percentiles | None]: ...
async def response_time_percentiles(
    service: str,
    *,
    since: datetime,
    until: datetime | None = None,
    percentiles: Sequence[float] = (50, 95, 99),
    step: timedelta | None = None,
) -> Percentiles | list[Percentiles | None] | None:
    """Compute percentiles of the response times of a service's checks.

    All checks in the window that measured a response time count, whatever their status, also during maintenance. The
    window includes its beginning but not its end; but an hour whose checks were removed counts as a whole, even if only
    a part of it is in the window. A percentile between two measured values is interpolated. The service, the window and
    its steps are given as for `uptime`, and raise its errors.

    Returns:
        Milliseconds by percentile, exact below 50 and else with an error of at most 2 %; None if no check in the window
        has a response time. With `step`, a list of these, one for each step, oldest first.

    Raises:
        InvalidInputError: `percentiles` is empty or holds anything but numbers from 0 to 100.
    """
    _check(percentiles)
    rows = await fetch_windows(_RESPONSE_TIMES, service, since, until, step=step)
    measured = [_percentiles(row, percentiles) for row in rows]
    return measured[0] if step is None else measured


@overload
async def response_time_percentiles_by_service(
    *, since: datetime, until: datetime | None = None, percentiles: Sequence[float] = ..., step: None = None
) -> dict[str, Percentiles | None]: ...
@overload
async def response_time_percentiles_by_service(
    *, since: datetime, until: datetime, percentiles: Sequence[float] = ..., step: timedelta
) -> dict[str, list[Percentiles | None]]: ...
async def response_time_percentiles_by_service(
    *,
    since: datetime,
    until: datetime | None = None,
    percentiles: Sequence[float] = (50, 95, 99),
    step: timedelta | None = None,
) -> dict[str, Any]:
    """Compute the percentiles of each enabled service, by its name, in one statement.

    See `response_time_percentiles`.
    """
    _check(percentiles)
    rows = await fetch_windows(_RESPONSE_TIMES, None, since, until, step=step)
    measured = {
        name: [_percentiles(row, percentiles) for row in its] for name, its in groupby(rows, key=itemgetter("name"))
    }
    return {name: its[0] for name, its in measured.items()} if step is None else measured


def _check(percentiles: Sequence[float]) -> None:
    if not isinstance(percentiles, Sequence) or not percentiles or not all(map(_is_percentage, percentiles)):
        raise InvalidInputError("percentiles: must be one or more numbers from 0 to 100")


def _is_percentage(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100  # noqa: PLR2004


def _percentiles(row: Record, percentiles: Sequence[float]) -> Percentiles | None:
    """Compute percentiles as PostgreSQL's `percentile_cont` does, from the number of values in each bucket."""
    counts = list(accumulate(row["counts"] or [0]))
    if not counts[-1]:
        return None

    def value_at(place: int) -> float:
        return _milliseconds(row["buckets"][bisect_right(counts, place)])

    found = {}
    for percentile in percentiles:
        place, fraction = divmod(percentile / 100 * (counts[-1] - 1), 1)
        lower = value_at(int(place))
        found[percentile] = lower + fraction * (value_at(int(place) + 1) - lower) if fraction else lower
    return found


def _milliseconds(bucket: int) -> float:
    """Return the value that stands for a bucket; it differs from each value in the bucket by at most 2 %."""
    if bucket < EXACT_BELOW:
        return float(bucket)
    return EXACT_BELOW * RATIO ** (bucket - EXACT_BELOW) * 2 * RATIO / (1 + RATIO)
