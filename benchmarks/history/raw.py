"""The statements that answer from the raw checks: those of this package before roll-ups, and good ones without it."""

# ruff: noqa: S608 - of constants only

from __future__ import annotations

from typing import Final

_WINDOW: Final = """
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
_HOLDING: Final = """
    SELECT * FROM (
        SELECT
            id, status, error_message, GREATEST(checked_at, {since}) AS starts,
            LEAST(checked_at + interval '5 minutes', lead(checked_at) OVER (ORDER BY checked_at, id), {until}) AS ends
        FROM service_status_history
        WHERE service_id = {service} AND checked_at > {since} - interval '5 minutes' AND checked_at < {until}
    ) checks
    WHERE starts < ends
"""
_OF_WINDOW: Final = _HOLDING.format(service="s.id", since="w.since", until="w.until")
_OF_STEP: Final = _HOLDING.format(service="s.id", since="w.since", until="w.since + $3::interval")
_OF_ONE: Final = _HOLDING.format(
    service="(SELECT id FROM services WHERE name = $1)", since="$2::timestamptz", until="$3::timestamptz"
)
_TIMES: Final = """
    COALESCE(sum(ends - starts) FILTER (WHERE status = 'up'), interval '0') AS up,
    COALESCE(sum(ends - starts) FILTER (WHERE status = 'degraded'), interval '0') AS degraded,
    COALESCE(sum(ends - starts) FILTER (WHERE status = 'down'), interval '0') AS down
"""
_ISLANDS: Final = """
    SELECT
        min(starts) AS started_at, NULLIF(max(ends), {until}) AS ended_at, max(ends) - min(starts) AS duration,
        (array_agg(error_message ORDER BY starts, id) FILTER (WHERE error_message IS NOT NULL))[1] AS error_message
    FROM (
        SELECT *, count(*) FILTER (WHERE is_first) OVER (ORDER BY starts, id) AS number
        FROM (
            SELECT *, lag(ends) OVER (ORDER BY starts, id) IS DISTINCT FROM starts AS is_first
            FROM ({holding}) holding WHERE status = 'down'
        ) down
    ) numbered
    GROUP BY number
"""
_LATEST: Final = """
SELECT s.name AS service, s.display_name, latest.*
FROM services s
LEFT JOIN LATERAL (
    SELECT {columns} FROM service_status_history h WHERE h.service_id = s.id
    ORDER BY h.checked_at DESC, h.id DESC LIMIT 1
) latest ON TRUE
WHERE s.enabled ORDER BY s.name
"""

BEFORE_ROLLUPS: Final = {
    "uptime": f"""
        SELECT w.since, w.until, total.* {_WINDOW}
        LEFT JOIN LATERAL (SELECT {_TIMES} FROM ({_OF_WINDOW}) holding) total ON TRUE
        WHERE s.name = $1 ORDER BY w.since
    """,
    "response times": f"""
        SELECT w.since, w.until, measured.percentiles {_WINDOW}
        LEFT JOIN LATERAL (
            SELECT percentile_cont($6::float8[]) WITHIN GROUP (ORDER BY response_time_ms) AS percentiles
            FROM service_status_history
            WHERE service_id = s.id AND checked_at >= w.since AND checked_at < w.until
        ) measured ON TRUE
        WHERE s.name = $1 ORDER BY w.since
    """,
    "incidents": f"""
        SELECT w.until, incident.* {_WINDOW}
        LEFT JOIN LATERAL ({_ISLANDS.format(until="w.until", holding=_OF_WINDOW)}) incident ON TRUE
        WHERE s.name = $1 ORDER BY incident.started_at
    """,
    "latest statuses": _LATEST.format(columns="*"),
}
"""By title. The parameters are the service, the window, its step in microseconds, the number of steps, fractions."""
RAW_SQL: Final = {
    "uptime": f"SELECT {_TIMES} FROM ({_OF_ONE}) holding",
    "response times": """
        SELECT percentile_cont($4::float8[]) WITHIN GROUP (ORDER BY response_time_ms) AS percentiles
        FROM service_status_history
        WHERE service_id = (SELECT id FROM services WHERE name = $1) AND checked_at >= $2 AND checked_at < $3
    """,
    "incidents": f"{_ISLANDS.format(until='$3::timestamptz', holding=_OF_ONE)} ORDER BY started_at",
    "uptime of all": f"""
        SELECT s.name, total.*
        FROM services s
        CROSS JOIN generate_series($1::timestamptz, $2::timestamptz - $3::interval, $3::interval) AS w (since)
        CROSS JOIN LATERAL (SELECT {_TIMES} FROM ({_OF_STEP}) holding) total
        WHERE s.enabled ORDER BY s.name, w.since
    """,
    "latest statuses": _LATEST.format(columns="status, checked_at"),
}
"""By title. The parameters are the service, the window, and fractions, or for all services the window and its step."""
