"""Maintenance windows of the services: time that counts neither as up nor as down.

A window includes its beginning but not its end. Without an end it is open until `end` is called. The windows of a
service may overlap; time in several of them counts once. They can be planned ahead, begun now, or entered afterwards;
the clock is the database's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from asyncpg import Record
from pydantic import BaseModel
from tortoise.expressions import Q, RawSQL
from typing_extensions import TypeVar

from medianest_models.checks import as_aware, as_text, as_uuid
from medianest_models.db.statements import execute, fetch_one
from medianest_models.errors import ConflictError, InvalidInputError, NotFoundError
from medianest_models.models import Service, ServiceMaintenance
from medianest_models.models.columns import as_column
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories.services.registry import as_service_name, no_such_service

MaintenanceT = TypeVar("MaintenanceT", bound=BaseModel | ServiceMaintenance, default=ServiceMaintenance)

# Raw, because the clock that decides is the database's, and a missing service differs from an end that is too early.
_INSERT: Final = """
WITH wanted AS MATERIALIZED (
    SELECT id, coalesce($2::timestamptz, clock_timestamp()) AS begins_at FROM services WHERE name = $1
), inserted AS (
    INSERT INTO service_maintenance (service_id, begins_at, ends_at, reason)
    SELECT id, begins_at, $3, $4 FROM wanted WHERE $3::timestamptz IS NULL OR $3 > begins_at
    RETURNING *
)
SELECT inserted.* FROM wanted LEFT JOIN inserted ON TRUE
"""

# Raw, because one statement looks at the clock and ends the window: of two at once, the second finds it ended.
_END: Final = """
UPDATE service_maintenance SET ends_at = clock_timestamp()
WHERE id = $1 AND begins_at < clock_timestamp() AND (ends_at IS NULL OR ends_at > clock_timestamp())
RETURNING *
"""

# Raw, for the database's clock.
_HAS_ENDED: Final = "SELECT ends_at <= clock_timestamp() AS has_ended FROM service_maintenance WHERE id = $1"

# Raw, for DISTINCT ON.
_NEXT: Final = """(
SELECT DISTINCT ON (service_id) id FROM service_maintenance WHERE begins_at > clock_timestamp()
ORDER BY service_id, begins_at, id
)"""


async def plan(
    service: str, *, begins_at: datetime, ends_at: datetime | None, reason: str | None = None
) -> ServiceMaintenance:
    """Enter a window with its beginning and its end, which may be in the past.

    Args:
        service: The service's name.
        begins_at: The beginning.
        ends_at: The end; None for a window that is open until `end` is called.
        reason: A text for people, which no rule reads.

    Raises:
        InvalidInputError: It does not end after it begins.
        NotFoundError: There is no such service.
    """
    row = await _insert(service, _as_instant("begins_at", begins_at), ends_at, reason)
    if row["id"] is None:
        raise InvalidInputError("ends_at: must be after begins_at")
    return ServiceMaintenance.from_row(row)


async def begin(service: str, *, ends_at: datetime | None = None, reason: str | None = None) -> ServiceMaintenance:
    """Begin a window now, which lasts until `ends_at`, or until `end` is called; the reason is a text for people.

    Raises:
        InvalidInputError: `ends_at` is not in the future.
        NotFoundError: There is no such service.
    """
    row = await _insert(service, None, ends_at, reason)
    if row["id"] is None:
        raise InvalidInputError("ends_at: must be in the future")
    return ServiceMaintenance.from_row(row)


async def end(maintenance_id: UUID | str) -> ServiceMaintenance:
    """End an open window now, also one that was planned to last longer.

    Raises:
        NotFoundError: There is no such window.
        ConflictError: It has ended already, or has not begun yet: then `cancel` it.
    """
    key = as_uuid(maintenance_id, "maintenance_id")
    row = await fetch_one(_END, key)
    if row is None:
        found = await fetch_one(_HAS_ENDED, key)
        if found is None:
            raise _no_such_window(key)
        reason = "has ended already" if found["has_ended"] else "has not begun yet: cancel it"
        raise ConflictError(f"maintenance window {key} {reason}")
    return ServiceMaintenance.from_row(row)


async def cancel(maintenance_id: UUID | str) -> None:
    """Delete a window, as if it had never been: a planned, an open or a past one.

    Raises:
        NotFoundError: There is no such window.
    """
    key = as_uuid(maintenance_id, "maintenance_id")
    if not await execute("DELETE FROM service_maintenance WHERE id = $1", key):
        raise _no_such_window(key)


async def list_for_service(
    service: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    params: PaginationParams | None = None,
    schema: type[MaintenanceT] | None = None,
) -> PaginatedResult[MaintenanceT]:
    """List a page of a service's windows that overlap the time from `since` to `until`, the latest first.

    Raises:
        NotFoundError: There is no such service.
    """
    found = await Service.filter(name=as_service_name(service)).values_list("id", flat=True)
    if not found:
        raise no_such_service(service)
    windows = ServiceMaintenance.filter(service_id=found[0]).order_by("-begins_at")
    if since is not None:
        windows = windows.filter(Q(ends_at__gt=as_aware(since, "since")) | Q(ends_at__isnull=True))
    if until is not None:
        windows = windows.filter(begins_at__lt=as_aware(until, "until"))
    return await paginate(windows, params, schema=schema)


async def current() -> list[ServiceMaintenance]:
    """List the windows of all services that are open now, each with its `service`, by whose name they are sorted."""
    now = RawSQL("clock_timestamp()")
    is_open = Q(ends_at__gt=now) | Q(ends_at__isnull=True)
    windows = ServiceMaintenance.filter(is_open, begins_at__lte=now).select_related("service")
    return await windows.order_by("service__name", "-begins_at", "-id")


async def upcoming() -> list[ServiceMaintenance]:
    """List the next planned window of each service that has one, with its `service`, by whose name they are sorted."""
    windows = ServiceMaintenance.filter(id__in=RawSQL(_NEXT)).select_related("service")
    return await windows.order_by("service__name")


async def _insert(service: str, begins_at: datetime | None, ends_at: datetime | None, reason: str | None) -> Record:
    """Insert a window, which begins now by default; the row is of NULLs if it does not end after it begins."""
    last = None if ends_at is None else _as_instant("ends_at", ends_at)
    if reason is not None:
        as_text(reason, "reason")
    row = await fetch_one(_INSERT, as_service_name(service), begins_at, last, reason)
    if row is None:
        raise no_such_service(service)
    return row


def _as_instant(name: str, value: datetime) -> datetime:
    """Take an aware datetime that the column with the argument's name can hold."""
    instant: datetime = as_column(ServiceMaintenance, name, as_aware(value, name))
    return instant


def _no_such_window(key: UUID) -> NotFoundError:
    return NotFoundError(f"there is no maintenance window {key}")
