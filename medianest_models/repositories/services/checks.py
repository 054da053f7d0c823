"""Checks of the services: recording their results, reading the latest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from medianest_models.checks import MAX_INT, as_aware, as_whole
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.db.transactions import transaction
from medianest_models.enums import ServiceStatus
from medianest_models.errors import ConstraintError, InvalidInputError, replace_errors
from medianest_models.models import ServiceStatusHistory
from medianest_models.models.columns import as_column
from medianest_models.repositories._bulk import NUMBERED_ID
from medianest_models.repositories.services.registry import as_service_name, no_such_service

CheckTuple: TypeAlias = tuple[str, ServiceStatus, int | None, str | None, datetime | None]
"""A plain tuple with the values of a `Check`."""

_BATCH_SIZE: Final = 5_000
"""The maximum number of checks per statement. Validating them blocks the event loop for about 10 ms."""


class Check(NamedTuple):
    """The result of a check of a service, which has this name.

    The response time is None when it was not measured, and the time of the check None for now, by the database's clock.
    """

    service: str
    status: ServiceStatus
    response_time_ms: int | None = None
    error_message: str | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True)
class LatestStatus:
    """The latest check of a service, which may be old; None if there was no check. The second name is for people."""

    service: str
    display_name: str
    check: ServiceStatusHistory | None


# Raw: an INSERT that looks up the service.
_RECORD: Final = """
INSERT INTO service_status_history (service_id, status, response_time_ms, error_message, checked_at)
SELECT id, $2::text, $3::int, $4::text, COALESCE($5::timestamptz, now()) FROM services WHERE name = $1
RETURNING *
"""

# Raw: a lock, so that the services can't be deleted before their checks are recorded.
_IDS: Final = "SELECT name, id FROM services WHERE name = ANY($1::text[]) FOR KEY SHARE"

# Raw: one statement for thousands of rows, with ids from the database, many times faster than bulk_create.
_RECORD_MANY: Final = f"""
INSERT INTO service_status_history (id, service_id, status, response_time_ms, error_message, checked_at)
SELECT {NUMBERED_ID}, service_id, status, response_time_ms, error_message,
       COALESCE(checked_at, now())
FROM unnest($1::int[], $2::text[], $3::int[], $4::text[], $5::timestamptz[]) WITH ORDINALITY
    AS given (service_id, status, response_time_ms, error_message, checked_at, number)
"""  # noqa: S608 - a constant

# Raw: a lateral join reads one row per service from the end of the index, with a history of any length. It would look
# into every partition, because the default one can have rows of any time: a check of the last week spares it the older.
_LATEST: Final = """
SELECT s.name AS service, s.display_name, latest.*
FROM services s
CROSS JOIN LATERAL (
    SELECT max(checked_at) AS at FROM service_status_history
    WHERE service_id = s.id AND checked_at > now() - interval '7 days'
) recent
LEFT JOIN LATERAL (
    SELECT * FROM service_status_history h
    WHERE h.service_id = s.id AND h.checked_at >= coalesce(recent.at, '-infinity')
    ORDER BY h.checked_at DESC, h.id DESC LIMIT 1
) latest ON TRUE
WHERE s.enabled
ORDER BY s.name
"""


async def record_check(
    service: str,
    *,
    status: ServiceStatus,
    response_time_ms: int | None = None,
    error_message: str | None = None,
    checked_at: datetime | None = None,
) -> ServiceStatusHistory:
    """Record the result of a check, whose parts are those of a `Check`.

    Raises:
        InvalidInputError: It is as old as checks that were removed.
        NotFoundError: There is no such service.
    """
    check = _as_row(Check(service, status, response_time_ms, error_message, checked_at))
    with replace_errors(ConstraintError, _refused):
        row = await fetch_one(_RECORD, *check)
    if row is None:
        raise no_such_service(service)
    return ServiceStatusHistory.from_row(row)


async def record_checks(checks: Iterable[CheckTuple]) -> int:
    """Record many checks, all of them or none, and return how many.

    They are taken in batches, so that a generator can give any number. An error says by its place which one is wrong.

    Raises:
        InvalidInputError: One of them is as old as checks that were removed.
        NotFoundError: There is no service with one of the names.
    """
    rows = _as_rows(checks)
    ids: dict[str, int] = {}
    total = 0
    async with transaction():
        while batch := list(islice(rows, _BATCH_SIZE)):
            await _record(batch, ids)
            total += len(batch)
    return total


async def latest_statuses() -> list[LatestStatus]:
    """List the latest check of every enabled service, by name; of several at the same time, the last one recorded."""
    found = []
    for row in await fetch(_LATEST):
        check = None if row["id"] is None else ServiceStatusHistory.from_row(row)
        found.append(LatestStatus(row["service"], row["display_name"], check))
    return found


async def _record(batch: list[CheckTuple], ids: dict[str, int]) -> None:
    """Record checks; `ids` caches the services' ids, and the missing ones are added."""
    services, *columns = zip(*batch, strict=True)
    if new := set(services) - ids.keys():
        ids.update({row["name"]: row["id"] for row in await fetch(_IDS, list(new))})
        if unknown := new - ids.keys():
            raise no_such_service(*sorted(unknown))
    with replace_errors(ConstraintError, _refused):
        await execute(_RECORD_MANY, [ids[service] for service in services], *columns)


def _refused(error: ConstraintError) -> InvalidInputError | None:
    """Make the error for a check that is too old; None for any other error."""
    if error.constraint != "ck_service_status_history_kept":
        return None
    return InvalidInputError("checked_at: checks of that time were removed, so that none can be added")


def _as_rows(checks: Iterable[CheckTuple]) -> Iterator[CheckTuple]:
    for place, given in enumerate(checks):
        try:
            row = _as_row(Check(*given))
        except TypeError:
            raise InvalidInputError(f"checks[{place}]: must be a Check") from None
        except InvalidInputError as error:
            raise InvalidInputError(f"checks[{place}]: {error}") from None
        yield row


def _as_row(check: Check) -> CheckTuple:
    """Convert a check to its stored values."""
    milliseconds = check.response_time_ms
    if milliseconds is not None:
        as_whole(milliseconds, "response_time_ms", 0, MAX_INT)
    if check.checked_at is not None:
        as_aware(check.checked_at, "checked_at")
    return (
        as_service_name(check.service),
        as_column(ServiceStatusHistory, "status", check.status),
        milliseconds,
        as_column(ServiceStatusHistory, "error_message", check.error_message),
        check.checked_at,
    )
