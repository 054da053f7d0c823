"""Changing the status of requests along `REQUEST_TRANSITIONS`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from medianest_models.checks import as_uuid
from medianest_models.db.statements import fetch
from medianest_models.enums import OPEN_REQUEST_STATUSES, REQUEST_TRANSITIONS, RequestStatus
from medianest_models.errors import InvalidTransitionError, NotFoundError
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate
from medianest_models.models.columns import as_column
from medianest_models.repositories.media_requests.submissions import duplicate_of

# Raw, because one statement checks and changes the requests and writes their history, under the locks of their rows,
# which every caller takes in the same order. It checks a row's values after locking it. clock_timestamp(), because a
# transaction that began early may change a request late, and the history must stay in order.
_TRANSITION: Final = """
WITH locked AS MATERIALIZED (
    SELECT id, status, tmdb_id, media_type, season, is_4k, status = ANY ($3::text[]) AS leads_there
    FROM media_requests WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
), judged AS MATERIALIZED (
    SELECT id, status, leads_there, CASE WHEN leads_there AND $4::bool AND tmdb_id IS NOT NULL THEN coalesce(
        (
            SELECT twin.id FROM media_requests AS twin
            WHERE twin.tmdb_id = locked.tmdb_id AND twin.media_type = locked.media_type
                AND twin.season IS NOT DISTINCT FROM locked.season AND twin.is_4k = locked.is_4k
                AND twin.status IN ('pending', 'approved')
        ),
        nullif(first_value(id) OVER (PARTITION BY tmdb_id, media_type, season, is_4k, leads_there ORDER BY id), id)
    ) END AS open_id
    FROM locked
), changed AS (
    UPDATE media_requests AS request
    SET status = $2, completed_at = CASE WHEN $5::bool THEN clock_timestamp() END
    FROM judged
    WHERE request.id = judged.id AND judged.leads_there AND judged.open_id IS NULL
    RETURNING request.*
), noted AS (
    INSERT INTO media_request_status_updates (request_id, status, message, created_at)
    SELECT id, status, $6, clock_timestamp() FROM changed
)
SELECT judged.id AS judged_id, judged.status AS judged_status, judged.leads_there, judged.open_id, changed.*
FROM judged LEFT JOIN changed ON changed.id = judged.id
"""


@dataclass(frozen=True)
class TransitionReport:
    """The outcome for each request whose status was to change."""

    changed: list[MediaRequest]
    """The changed requests as they are now, in the order given."""
    refused: dict[UUID, RequestStatus]
    """The requests whose status can't change to the new one, with their status."""
    duplicates: dict[UUID, UUID]
    """The requests that can't be opened again, with the open request for the same title, season and quality."""
    not_found: list[UUID]
    """The ids without a request."""


async def transition(request_id: UUID | str, *, status: RequestStatus, message: str | None = None) -> MediaRequest:
    """Change a request's status and note it in its history, with the message; return the request as it is now.

    The allowed changes are pending to approved, approved to available, pending or approved to failed, and failed to
    pending. `completed_at` is set when a request becomes available or failed, and cleared when it is pending again.

    Raises:
        NotFoundError: There is no such request.
        InvalidTransitionError: Its status can't change to the new one, or is the new one already.
        DuplicateRequestError: It can't be pending again, because another one for the same title is open.
    """
    report = await transition_many([request_id], status=status, message=message)
    for refused, previous in report.refused.items():
        raise InvalidTransitionError(f"media request {refused} can't change from {previous} to {status}")
    for duplicate, open_id in report.duplicates.items():
        raise duplicate_of(open_id, f"media request {open_id} is open for the same title as {duplicate}")
    for unknown in report.not_found:
        raise NotFoundError(f"there is no media request {unknown}")
    return report.changed[0]


async def transition_many(
    request_ids: Iterable[UUID | str], *, status: RequestStatus, message: str | None = None
) -> TransitionReport:
    """Change the status of many requests in one step, where the change is allowed; see `transition`.

    Of several requests for the same title, the oldest alone can be pending again.

    Raises:
        DuplicateRequestError: A request for the title of one of them was opened at the same moment. Nothing was
            changed; a retry will report it.
    """
    wanted = list(dict.fromkeys(as_uuid(request_id, "request_ids") for request_id in request_ids))
    new = RequestStatus(as_column(MediaRequest, "status", status))
    sources = [source for source, targets in REQUEST_TRANSITIONS.items() if new in targets]
    is_open = new in OPEN_REQUEST_STATUSES
    rows = await fetch(
        _TRANSITION,
        wanted,
        new,
        sources,
        is_open and OPEN_REQUEST_STATUSES.isdisjoint(sources),
        not is_open,
        as_column(MediaRequestStatusUpdate, "message", message),
    )
    judged = {row["judged_id"]: row for row in rows}
    known = [judged[request_id] for request_id in wanted if request_id in judged]
    return TransitionReport(
        changed=[MediaRequest.from_row(row) for row in known if row["id"] is not None],
        refused={row["judged_id"]: RequestStatus(row["judged_status"]) for row in known if not row["leads_there"]},
        duplicates={row["judged_id"]: row["open_id"] for row in known if row["open_id"] is not None},
        not_found=[request_id for request_id in wanted if request_id not in judged],
    )
