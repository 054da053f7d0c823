"""The counters: one for each caller, endpoint and window."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from medianest_models.checks import as_ip_address, as_uuid
from medianest_models.db.data_loader import DataLoader, Retry
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError, InvalidInputError
from medianest_models.repositories._ids import NUMBERED_ID
from medianest_models.repositories.system_config import LONGEST_WINDOW_SECONDS, default_value

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from asyncpg import Record

    from medianest_models.db.statement_client import StatementClient

# What is hit, and the rule and the window of each. The rule is read in the statement that counts; a stored one that
# makes no sense gives no row at all. statement_timestamp(), because in a long transaction now() may lie in a window
# that is over. Each array is a SELECT of its own, because PostgreSQL would plan anew for each array's length; OFFSET 0
# has it look a rule up once.
_ASKED: Final = """
    SELECT number, caller, endpoint, times, hits, begins,
           begins + seconds * interval '1 second' AS reset_at,
           begins + seconds * interval '1 second' - statement_timestamp() AS time_left
    FROM (
        SELECT hit.*, date_bin(seconds * interval '1 second', statement_timestamp(), 'epoch') AS begins
        FROM (
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
            WHERE value IS NULL OR value @@ (
                '$.limit == $.limit.floor() && $.limit >= 1 && $.limit <= 2147483647'
                ' && $.window == $.window.floor() && $.window >= 1 && $.window <= {longest_window}'
            )::jsonpath
        ) AS hit
    ) AS hit
"""

# Raw, because counting and deciding have to be one step, under the lock of the counter's row. What does not fit under
# the limit is not counted, so that the counter can't overflow and a flood leaves no dead rows.
_COUNT: Final = """
WITH asked AS MATERIALIZED ({asked}), counted AS (
    INSERT INTO rate_limits AS counter ({caller}, endpoint, window_start, request_count)
    SELECT caller, endpoint, begins, times FROM asked WHERE times <= hits
    ON CONFLICT ({caller}, endpoint, window_start) DO UPDATE
    SET request_count = counter.request_count + EXCLUDED.request_count
    WHERE counter.request_count <= (SELECT hits - times FROM asked)
    RETURNING request_count
)
SELECT hits, reset_at, time_left, request_count,
       CASE WHEN request_count IS NULL AND times > 1 THEN (
           SELECT counter.request_count FROM rate_limits AS counter
           WHERE counter.{caller} = asked.caller AND counter.endpoint = asked.endpoint AND window_start = begins
       ) END AS request_count_before
FROM asked LEFT JOIN counted ON TRUE
"""

# Raw, the same for many counters, in an order that all processes keep. ON CONFLICT finds a counter by the index of its
# key. A join is planned while the table is as good as empty, goes by the window alone, and then reads all counters of
# the window for each hit until the table is analyzed. Where a transaction that stays open holds a counter the statement
# fails soon.
_COUNT_MANY: Final = """
WITH asked AS MATERIALIZED ({asked}), patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', '50ms', TRUE)
), counted AS (
    INSERT INTO rate_limits AS counter (id, {caller}, endpoint, window_start, request_count)
    SELECT {id}, caller, endpoint, begins, times FROM asked, patience WHERE times <= hits ORDER BY caller, endpoint
    ON CONFLICT ({caller}, endpoint, window_start) DO UPDATE
    SET request_count = counter.request_count + EXCLUDED.request_count
    WHERE counter.request_count <= (
        SELECT hits - times FROM asked WHERE caller = EXCLUDED.{caller} AND endpoint = EXCLUDED.endpoint LIMIT 1
    )
    RETURNING {caller} AS caller, endpoint, request_count
)
SELECT number, hits, reset_at, time_left, request_count FROM asked JOIN counted USING (caller, endpoint)
"""


_LOCK_NOT_AVAILABLE: Final = "55P03"


class Hit(NamedTuple):
    """One use of an endpoint.

    Attributes:
        caller: The user's id or the address.
        endpoint: The name of what is limited.
        keys: The settings that may hold the rule, the first one before the second.
        limit: How many are allowed; None for the setting's.
        window_seconds: In how many seconds; None for the setting's.
    """

    caller: UUID | str
    endpoint: str
    keys: tuple[str, ...]
    limit: int | None
    window_seconds: int | None


class Count(NamedTuple):
    """What became of a hit.

    Attributes:
        number: Which of its window's hits it is, from 1; None when it is refused, and not counted.
        limit: How many are allowed.
        reset_at: When the window ends.
        time_left: How long it takes until then.
    """

    number: int | None
    limit: int
    reset_at: datetime.datetime
    time_left: datetime.timedelta


class _Counters:
    """Those of the callers that one column tells."""

    def __init__(self, caller: str, type_: str) -> None:
        asked = _ASKED.format(type=type_, longest_window=LONGEST_WINDOW_SECONDS)
        self._count_one = _COUNT.format(asked=asked, caller=caller)
        self._count_many = _COUNT_MANY.format(asked=asked, caller=caller, id=NUMBERED_ID)

    async def count(self, hit: Hit, *, client: StatementClient) -> Count:
        """Count a hit."""
        (count,) = await self._count_equal(hit, 1, client)
        return count

    async def count_together(self, hits: list[Hit]) -> list[Count | Retry]:
        """Count hits, equal ones in any order."""
        times = Counter(hits)
        if len(times) == 1:
            return list(await self._count_equal(hits[0], len(hits)))
        by_counter = {(hit.caller, hit.endpoint): hit for hit in times}
        asked = {hit: times[hit] for hit in by_counter.values()}
        try:
            rows = await fetch(self._count_many, *_parameters(asked))
        except DatabaseTimeoutError as error:
            if error.sqlstate != _LOCK_NOT_AVAILABLE:  # it may have been counted
                raise
            return [Retry.ALONE] * len(hits)
        by_number = list(asked.items())
        counted = {}
        for row in rows:
            hit, several = by_number[row["number"] - 1]
            counted[hit] = _allowed(row, several)
        return [next(counted[hit]) if hit in counted else Retry.ALONE for hit in hits]

    async def _count_equal(self, hit: Hit, times: int, client: StatementClient | None = None) -> list[Count]:
        counts: list[Count] = []
        together = times
        while len(counts) < times:
            row = await fetch_one(self._count_one, *_parameters({hit: together}), client=client)
            if row is None:
                raise ConfigurationError(
                    f"the setting {' or '.join(hit.keys)} in system_config must hold a limit and a window (in seconds, "
                    f"at most {LONGEST_WINDOW_SECONDS}) in whole numbers"
                )
            left = row["hits"] - (row["request_count"] or row["request_count_before"] or 0)
            if row["request_count"] is not None:
                counts.extend(_allowed(row, together))
                together = min(left, times - len(counts))
            elif together > 1:
                together = min(left, together - 1)
            else:
                together = 0
            if together <= 0:
                refused = Count(None, row["hits"], row["reset_at"], row["time_left"])
                counts.extend([refused] * (times - len(counts)))
        return counts


def _parameters(times: dict[Hit, int]) -> Iterable[list[Any]]:
    defaults = [default_value(hit.keys[-1]) for hit in times]
    return (
        [hit.caller for hit in times],
        [hit.endpoint for hit in times],
        list(times.values()),
        [hit.keys[0] for hit in times],
        [hit.keys[-1] for hit in times],
        [hit.limit for hit in times],
        [hit.window_seconds for hit in times],
        [default["limit"] for default in defaults],
        [default["window"] for default in defaults],
    )


def _allowed(row: Record, times: int) -> Iterator[Count]:
    """That many hits, of which the last one is the row's."""
    last: int = row["request_count"]
    for number in range(last - times + 1, last + 1):
        yield Count(number, row["hits"], row["reset_at"], row["time_left"])


def caller_column(user_id: UUID | str | None, ip_address: str | None) -> tuple[str, Any]:
    """The column that tells who calls, and its value."""
    if user_id is not None and ip_address is None:
        return "user_id", as_uuid(user_id, "user_id")
    if ip_address is not None and user_id is None:
        return "ip_address", as_ip_address(ip_address, "ip_address")
    raise InvalidInputError("user_id, ip_address: exactly one of the two must be given")


_BY_USER: Final = _Counters("user_id", "uuid")
_BY_ADDRESS: Final = _Counters("ip_address", "text")
COUNT_BY: Final = {
    "user_id": DataLoader(_BY_USER.count, _BY_USER.count_together),
    "ip_address": DataLoader(_BY_ADDRESS.count, _BY_ADDRESS.count_together),
}
"""What counts a hit, by the column that tells the caller."""
