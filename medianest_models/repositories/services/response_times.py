"""Percentiles of the response times of a service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, overload

from medianest_models.errors import InvalidInputError
from medianest_models.repositories.services.availability import WINDOW, fetch_window

# Raw: an ordered-set aggregate, which the ORM does not support.
_PERCENTILES: Final = f"""
SELECT w.since, w.until, measured.percentiles
{WINDOW}
LEFT JOIN LATERAL (
    SELECT percentile_cont($6::float8[]) WITHIN GROUP (ORDER BY response_time_ms) AS percentiles
    FROM service_status_history
    WHERE service_id = s.id AND checked_at >= w.since AND checked_at < w.until
) measured ON TRUE
WHERE s.name = $1
ORDER BY w.since
"""  # noqa: S608 - of constants only


@overload
async def response_time_percentiles(
    service: str,
    *,
    since: datetime,
    until: datetime | None = None,
    percentiles: Sequence[float] = ...,
    step: None = None,
) -> dict[float, float] | None: ...
@overload
async def response_time_percentiles(
    service: str, *, since: datetime, until: datetime, percentiles: Sequence[float] = ..., step: timedelta
) -> list[dict[float, float] | None]: ...
async def response_time_percentiles(
    service: str,
    *,
    since: datetime,
    until: datetime | None = None,
    percentiles: Sequence[float] = (50, 95, 99),
    step: timedelta | None = None,
) -> dict[float, float] | list[dict[float, float] | None] | None:
    """Compute percentiles of the response times of a service's checks.

    All checks in the window that measured a response time count, whatever they found; one at its beginning does, one at
    its end does not. Between two of them the value is interpolated. The service, the window and its steps are given as
    for `uptime`, and raise its errors.

    Returns:
        Milliseconds by percentile; None if no check in the window has a response time. With `step`, a list of these,
        one for each step, oldest first.

    Raises:
        InvalidInputError: `percentiles` is empty or holds anything but numbers from 0 to 100.
    """
    if not percentiles or not all(map(_is_percentage, percentiles)):
        raise InvalidInputError("percentiles: must be one or more numbers from 0 to 100")
    fractions = [percentile / 100 for percentile in percentiles]
    rows = await fetch_window(_PERCENTILES, service, since, until, fractions, step=step)
    measured = [row["percentiles"] and dict(zip(percentiles, row["percentiles"], strict=True)) for row in rows]
    return measured[0] if step is None else measured


def _is_percentage(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100  # noqa: PLR2004
