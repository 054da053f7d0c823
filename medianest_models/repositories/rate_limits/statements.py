"""The statements of the counters.

Those that count hits, one for each kind of counter, have the same parameters and the same answer. That is a row for
each argument whose rule makes sense: `number`, which argument it is, from 1; `hits`, how many are allowed;
`request_count`, which hit the last of its own is, or NULL when they are refused; `used`, how many others are counted
where several are refused; `reset_at` and `time_left`, as in `Count`.
"""

from __future__ import annotations

from typing import Final

from medianest_models.repositories._bulk import NUMBERED_ID
from medianest_models.repositories.system_config import value_condition

# Each array is a SELECT, because otherwise PostgreSQL would plan again for each array length; with OFFSET 0, it looks
# up a rule only once.
_ASKED: Final = """
    SELECT
        number, caller, endpoint, times,
        coalesce(given_hits, (value -> 'limit')::int, default_hits) AS hits,
        coalesce(given_seconds, (value -> 'window')::int, default_seconds) AS seconds
    FROM (
        SELECT hit.*, CASE WHEN given_hits IS NULL OR given_seconds IS NULL THEN coalesce(
            (SELECT value FROM system_config WHERE system_config.key = hit.key),
            (SELECT value FROM system_config WHERE system_config.key = hit.default_key)
        ) END AS value
        FROM unnest(
            (SELECT $1::{type}[]), (SELECT $2::text[]), (SELECT $3::int[]),
            (SELECT $4::text[]), (SELECT $5::text[]), (SELECT $6::int[]),
            (SELECT $7::int[]), (SELECT $8::int[]), (SELECT $9::int[])
        ) WITH ORDINALITY AS hit (
            caller, endpoint, times, key, default_key,
            given_hits, given_seconds, default_hits, default_seconds, number
        )
        OFFSET 0
    ) AS hit
    WHERE value IS NULL OR value @@ '{condition}'
"""

# A batched hit ($10) does not wait long for a counter that a transaction has locked.
_HURRY: Final = "SELECT CASE WHEN $10 THEN set_config('lock_timeout', '50ms', TRUE) END"

# The highest count to which this argument's hits can be added.
_LEFT: Final = """(
    SELECT hits - times FROM asked WHERE caller = EXCLUDED.{caller} AND endpoint = EXCLUDED.endpoint LIMIT 1
)"""

# Raw, because one statement must count and decide, under the lock of the counter's row, and in the same order in all
# processes. Hits above the limit are not counted, so that a counter can't overflow and a flood leaves no dead rows. ON
# CONFLICT finds a counter by the index of its key. A join, planned while the table is almost empty, would use only the
# window, and read all counters of the window for each hit until the table is analyzed. statement_timestamp(), because
# in a long transaction now() may be in an earlier window.
_FIXED: Final = """
WITH asked AS MATERIALIZED (
    SELECT hit.*, date_bin(seconds * interval '1 second', statement_timestamp(), 'epoch') AS begins
    FROM ({asked}) AS hit
), hurry AS MATERIALIZED ({hurry}), counted AS (
    INSERT INTO rate_limits AS counter (id, {caller}, endpoint, window_start, request_count)
    SELECT {id}, caller, endpoint, begins, times FROM asked, hurry WHERE times <= hits ORDER BY caller, endpoint
    ON CONFLICT ({caller}, endpoint, window_start) DO UPDATE
    SET request_count = counter.request_count + EXCLUDED.request_count WHERE counter.request_count <= {left}
    RETURNING {caller} AS caller, endpoint, request_count
)
SELECT number, hits, request_count,
       CASE WHEN request_count IS NULL AND times > 1 AND NOT $10 THEN (
           SELECT counter.request_count FROM rate_limits AS counter
           WHERE counter.{caller} = asked.caller AND counter.endpoint = asked.endpoint AND window_start = begins
       ) END AS used,
       begins + seconds * interval '1 second' AS reset_at,
       begins + seconds * interval '1 second' - statement_timestamp() AS time_left
FROM asked LEFT JOIN counted USING (caller, endpoint)
"""

# Raw for the same reasons. A time span is counted in eleven parts, each a tenth of its length, the newest first:
# wherever the span begins, it lies within the part of its end and the ten parts before. One row holds them all, so one
# lock is enough. clock_timestamp(), because a hit that waited for the lock counts from then on. The hits are counted a
# moment after `kept` is computed; by then as many or fewer parts are left, never more.
_ROLLING: Final = """
WITH asked AS MATERIALIZED ({asked}), hurry AS MATERIALIZED ({hurry}), counted AS (
    INSERT INTO rolling_rate_limits AS counter (id, {caller}, endpoint, window_seconds, counts, expires_at)
    SELECT {id}, caller, endpoint, seconds, times || array_fill(0, ARRAY[10]),
           clock_timestamp() + seconds * interval '1.1 second'
    FROM asked, hurry WHERE times <= hits ORDER BY caller, endpoint
    ON CONFLICT ({caller}, endpoint, window_seconds) DO UPDATE SET (counts, expires_at) = (
        SELECT (parts[1] + EXCLUDED.counts[1]) || parts[2:],
               CASE kept WHEN 0 THEN clock_timestamp() + counter.window_seconds * interval '1.1 second'
               ELSE counter.expires_at + (11 - kept) * counter.window_seconds * interval '0.1 second' END
        FROM (SELECT {kept} AS kept) AS now,
            LATERAL (SELECT array_fill(0, ARRAY[11 - kept]) || counter.counts[:kept] AS parts) AS rolled
    )
    WHERE (SELECT coalesce(sum(part), 0) FROM unnest(counter.counts[:{kept}]) AS part) <= {left}
    RETURNING {caller} AS caller, endpoint, counts, expires_at
)
SELECT number, hits, seconds, clock_timestamp() AS now, counted.counts IS NOT NULL AS is_counted,
       coalesce(counted.counts, refused.counts) AS counts,
       coalesce(counted.expires_at, refused.expires_at) AS expires_at
FROM asked LEFT JOIN counted USING (caller, endpoint) LEFT JOIN LATERAL (
    SELECT counts, expires_at FROM rolling_rate_limits AS counter
    WHERE counted.counts IS NULL AND NOT $10
        AND counter.{caller} = asked.caller AND counter.endpoint = asked.endpoint AND window_seconds = seconds
    LIMIT 1
) AS refused ON TRUE
"""

# The number of parts of `counter` that have not expired.
_KEPT: Final = (
    "greatest(0, least(11, ceil(extract(epoch FROM counter.expires_at - clock_timestamp()) * 10"
    " / counter.window_seconds)))::int"
)

# Raw, as one statement for both kinds of counters.
CLEAR: Final = """
WITH fixed AS (DELETE FROM rate_limits WHERE {caller} = $1 AND endpoint = coalesce($2, endpoint) RETURNING id),
    rolling AS (DELETE FROM rolling_rate_limits WHERE {caller} = $1 AND endpoint = coalesce($2, endpoint) RETURNING id)
SELECT (SELECT count(*) FROM fixed) + (SELECT count(*) FROM rolling) AS deleted
"""

# Raw, because a DELETE has no LIMIT. What another process deletes in this moment is left to it.
DELETE_FIXED: Final = """
DELETE FROM rate_limits WHERE id = ANY (ARRAY (
    SELECT id FROM rate_limits WHERE window_start < now() - $1 * interval '1 second'
    ORDER BY window_start LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""
DELETE_ROLLING: Final = """
DELETE FROM rolling_rate_limits WHERE id = ANY (ARRAY (
    SELECT id FROM rolling_rate_limits WHERE expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
))
"""


def count_hits(caller: str, type_: str, *, rolling: bool) -> str:
    """Write the statement for callers identified by one column."""
    asked = _ASKED.format(type=type_, condition=value_condition("rate_limit."))
    parts = {"caller": caller, "id": NUMBERED_ID, "left": _LEFT.format(caller=caller), "kept": _KEPT}
    return (_ROLLING if rolling else _FIXED).format(asked=asked, hurry=_HURRY, **parts)
