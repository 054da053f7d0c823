"""Roll-ups: summaries of the checks of a service, for each finished hour, and their sums for days and longer spans.

An hour is finished five minutes after its end. It is rolled up in a transaction that locks the service's row: those
that change the service's checks wait for it, and it skips the service rather than wait for them. See the trigger's
function `medianest_mark_stale_hours`. If it is killed at any point, all answers are still right.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from medianest_models.db.statements import execute, fetch, fetch_one, in_steps
from medianest_models.db.transactions import transaction
from medianest_models.repositories.services.windows import HOLDING, WIDTHS, floor, microseconds, rolled_until

_BATCH_HOURS: Final = 24
"""The most hours that one transaction rolls up."""
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

EXACT_BELOW: Final = 50
RATIO: Final = 1.04
"""The width of a histogram bucket: below `EXACT_BELOW` 1 ms, and above it the ratio of its end to its beginning."""
BUCKET: Final = f"""
    (CASE WHEN response_time_ms < {EXACT_BELOW} THEN response_time_ms
    ELSE {EXACT_BELOW} + floor(ln(response_time_ms / {EXACT_BELOW}::float8) / ln({RATIO}::float8)) END)::int
"""
"""The number of the bucket that a check's response time falls into, in SQL."""

# Packs a histogram: the count of a bucket becomes a sum of powers of two; each element is 32 * bucket + exponent.
_PACKED: Final = """
    SELECT span, array_agg((bucket * 32 + exponent)::smallint ORDER BY bucket, exponent) AS response_times
    FROM buckets CROSS JOIN LATERAL generate_series(0, (ln(number) / ln(2))::int) AS exponent
    WHERE number & (1::bigint << exponent) <> 0
    GROUP BY span
"""
_UNPACKED: Final = (
    "SELECT element >> 5 AS bucket, 1::bigint << (element & 31) AS number FROM unnest(response_times) AS element"
)
"""The inverse of packing: the buckets of a histogram with their counts. If a bucket occurs again, its counts add up."""

FINISHED: Final = floor("now() - interval '5 minutes'")
"""The end of the last finished hour, in SQL."""

_LOCK: Final = "SELECT FROM services WHERE id = $1 FOR UPDATE SKIP LOCKED"

# The first hour with checks that is not rolled up. A check counts for five minutes, so one shortly before an hour may
# reach into it.
_SINCE: Final = f"""
SELECT
    rolled_until, CASE WHEN first_check IS NOT NULL THEN GREATEST(rolled_until, {floor("first_check")}) END AS since
FROM (
    SELECT rolled_until, (
        SELECT min(checked_at) FROM service_status_history
        WHERE service_id = {{service_id}} AND checked_at > COALESCE(rolled_until, '-infinity') - interval '5 minutes'
    ) AS first_check
    FROM (SELECT {rolled_until("{service_id}")} AS rolled_until) AS rolled
) AS checked
"""  # noqa: S608 - of constants only

# The next work: stale hours, or else the first hour that is not rolled up. An hour that is marked as stale before its
# first roll-up waits for that.
_NEXT: Final = f"""
SELECT
    ARRAY(
        SELECT DISTINCT begins_at FROM stale_service_hours WHERE service_id = $1 AND begins_at < rolled_until
        ORDER BY begins_at LIMIT {_BATCH_HOURS}
    ) AS stale,
    since, {FINISHED} AS until, rolled_until
FROM ({_SINCE.format(service_id="$1")}) AS next
"""  # noqa: S608 - of constants only

_WAITING: Final = f"""
SELECT name, (extract(epoch FROM {FINISHED} - since) / 3600)::int AS hours
FROM services CROSS JOIN LATERAL ({_SINCE.format(service_id="services.id")}) AS next
WHERE since < {FINISHED}
"""  # noqa: S608 - of constants only

_UNMARK: Final = "DELETE FROM stale_service_hours WHERE service_id = $1 AND begins_at >= $2 AND begins_at < $3"
_CLEAR_STATES: Final = "DELETE FROM service_states WHERE service_id = $1 AND begins_at >= $2 AND begins_at < $3"
_CLEAR: Final = f"""
DELETE FROM service_rollups WHERE service_id = $1 AND ({
    " OR ".join(
        f"hours = {width} AND begins_at >= {floor('$2::timestamptz', str(width))} AND begins_at < $3"
        for width in WIDTHS
    )
})
"""  # noqa: S608 - of constants only

# The state of a part of an hour is that of the check that counts then; where none counts, it is unknown. Adjacent parts
# with the same state and error message become one row of service_states.
_ROLL_UP: Final = f"""
WITH holding AS ({
    HOLDING.format(service_id="$1", since="$2::timestamptz", until="$3::timestamptz")
}), parts AS MATERIALIZED (
    SELECT
        hour, status, error_message, GREATEST(starts, hour) AS starts, LEAST(ends, hour + interval '1 hour') AS ends
    FROM holding CROSS JOIN LATERAL (
        SELECT {floor("starts")} AS hour UNION SELECT {floor("ends - interval '1 microsecond'")}
    ) AS touched
), measured AS MATERIALIZED (
    SELECT {floor("checked_at")} AS span, {BUCKET} AS bucket, count(*) AS number FROM service_status_history
    WHERE service_id = $1 AND checked_at >= $2 AND checked_at < $3
    GROUP BY span, bucket
), buckets AS (
    SELECT * FROM measured WHERE bucket IS NOT NULL
), packed AS ({_PACKED}), not_up AS (
    SELECT starts, ends, status, error_message FROM parts WHERE status <> 'up'
    UNION ALL
    SELECT gap.* FROM (
        SELECT ends AS starts, COALESCE(lead(starts) OVER hourly, hour + interval '1 hour') AS ends, 'unknown', NULL
        FROM parts WINDOW hourly AS (PARTITION BY hour ORDER BY starts)
    ) AS gap WHERE starts < ends
    UNION ALL
    SELECT hour, min(starts), 'unknown', NULL FROM parts GROUP BY hour HAVING hour < min(starts)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE is_first) OVER (ORDER BY starts) AS number
    FROM (
        SELECT *, ({floor("starts")}, starts, status, error_message) IS DISTINCT FROM (
            lag({floor("starts")}) OVER w, lag(ends) OVER w, lag(status) OVER w, lag(error_message) OVER w
        ) AS is_first
        FROM not_up WINDOW w AS (ORDER BY starts)
    ) AS compared
), states AS (
    INSERT INTO service_states (service_id, begins_at, ends_at, status, error_message)
    SELECT $1, min(starts), max(ends), min(status), min(error_message) FROM numbered GROUP BY number
)
INSERT INTO service_rollups (service_id, hours, begins_at, up, degraded, down, checks, response_times)
SELECT
    $1, 1, hour, COALESCE(up, 0), degraded, down, COALESCE(checks, 0),
    COALESCE(response_times, '{{}}')
FROM (
    SELECT
        hour,
        {microseconds("sum(ends - starts) FILTER (WHERE status = 'up')")} AS up,
        {microseconds("sum(ends - starts) FILTER (WHERE status = 'degraded')")} AS degraded,
        {microseconds("sum(ends - starts) FILTER (WHERE status = 'down')")} AS down
    FROM parts GROUP BY hour
) AS total
LEFT JOIN (SELECT span, sum(number) AS checks FROM measured GROUP BY span) AS counted ON counted.span = hour
LEFT JOIN packed ON packed.span = hour
RETURNING TRUE
"""  # noqa: S608 - of constants only

# $2 is the width in hours, $3 that of the narrower roll-ups that are summed. No window begins before the year 1, so
# none needs a span that does.
_WIDEN: Final = f"""
WITH narrower AS MATERIALIZED (
    SELECT {floor("begins_at", "$2::int")} AS span, * FROM service_rollups
    WHERE service_id = $1 AND hours = $3 AND begins_at >= $4 AND begins_at < $5
), buckets AS (
    SELECT span, bucket, sum(number)::bigint AS number
    FROM narrower CROSS JOIN LATERAL ({_UNPACKED}) AS unpacked GROUP BY span, bucket
), packed AS ({_PACKED})
INSERT INTO service_rollups (service_id, hours, begins_at, up, degraded, down, checks, response_times)
SELECT $1, $2, span, up, degraded, down, checks, COALESCE(response_times, '{{}}')
FROM (
    SELECT span, sum(up) AS up, sum(degraded) AS degraded, sum(down) AS down, sum(checks) AS checks
    FROM narrower WHERE span >= '0001-01-01 00:00:00+00' GROUP BY span
) AS total
LEFT JOIN packed USING (span)
ON CONFLICT (service_id, hours, begins_at) DO UPDATE SET
    (up, degraded, down, checks, response_times)
        = (EXCLUDED.up, EXCLUDED.degraded, EXCLUDED.down, EXCLUDED.checks, EXCLUDED.response_times)
"""  # noqa: S608 - of constants only


async def roll_up(*, progress: Callable[[int], None] | None = None) -> int:
    """Roll up the finished hours of all services, and return how many that were.

    Hours whose checks have changed since are rolled up again. A transaction takes about ten milliseconds. It can be
    stopped at any time, and several processes may run it at once. A service whose checks another transaction is
    changing at this moment is left for the next time. `progress` is called with the number of hours after each of them.

    Raises:
        InvalidInputError: It is inside a repeatable read or serializable transaction, which may not see all checks.
    """
    total = 0
    with in_steps():
        for service in await fetch("SELECT id FROM services ORDER BY id"):
            while (number := await _roll_up_batch(service["id"])) is not None:
                total += number
                if progress is not None:
                    progress(number)
    return total


async def hours_to_roll_up() -> dict[str, int]:
    """Count the finished hours that are not rolled up, for each service that has any, by its name.

    Hours without checks are counted too, so `roll_up` may return less. Stale hours are not counted.
    """
    return {row["name"]: row["hours"] for row in await fetch(_WAITING)}


async def _roll_up_batch(service_id: int) -> int | None:
    """Roll up the next hours of a service, and return how many; None if there are none, or it is in use.

    Each statement has to see what was committed before the lock was free; an older snapshot would miss checks for ever.
    """
    async with transaction("read committed"):
        if await fetch_one(_LOCK, service_id) is None:
            return None
        (work,) = await fetch(_NEXT, service_id)
        if work["stale"]:
            since = work["stale"][0]
            until = since + _HOUR * sum(hour == since + place * _HOUR for place, hour in enumerate(work["stale"]))
            await execute(_CLEAR_STATES, service_id, since, until)
            await execute(_CLEAR, service_id, since, until)
        elif work["since"] is not None and work["since"] < work["until"]:
            since = work["since"]
            until = min(_floor(since, _BATCH_HOURS) + _BATCH_HOURS * _HOUR, work["until"])
        else:
            return None
        await execute(_UNMARK, service_id, since, until)
        number = await execute(_ROLL_UP, service_id, since, until)
        # Wide spans are summed when they are over: nobody reads them before.
        first, last = min(since, work["rolled_until"] or since), max(until, work["rolled_until"] or until)
        for narrower, width in pairwise(WIDTHS):
            begin, end = _floor(first, width), min(_floor(until + (width - 1) * _HOUR, width), _floor(last, width))
            if begin < end:
                await execute(_WIDEN, service_id, width, narrower, begin, end)
        return number


def _floor(hour: datetime, width: int) -> datetime:
    """Return the beginning of the span of so many hours in which an hour begins, or of the year 1."""
    return hour - min((hour - _EPOCH) % (width * _HOUR), hour - datetime.min.replace(tzinfo=UTC))
