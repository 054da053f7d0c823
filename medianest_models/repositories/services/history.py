"""Removal of old checks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from medianest_models.checks import as_aware, as_duration, as_positive
from medianest_models.db.statements import fetch
from medianest_models.repositories._batches import BATCH_SIZE

# Raw: the database's own clock, once for all batches. The age is in seconds: a day of an interval may have 23 hours.
_CUTOFFS: Final = """
SELECT id, COALESCE($1::timestamptz, now() - $2::float8 * interval '1 second') AS cutoff FROM services ORDER BY id
"""

# Raw: DELETE has no LIMIT. It goes on where the batch before it ended ($3), past what that one left behind in the
# index; a row that another prune has locked is that one's, so that nobody waits.
_DELETE_BATCH: Final = """
WITH deleted AS (
    DELETE FROM service_status_history
    WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM service_status_history
        WHERE service_id = $1 AND checked_at < $2 AND checked_at >= COALESCE($3::timestamptz, '-infinity')
        ORDER BY checked_at, id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING checked_at
)
SELECT count(*) AS deleted, max(checked_at) AS newest FROM deleted
"""


async def prune_history(older_than: timedelta | datetime, *, batch_size: int = BATCH_SIZE) -> int:
    """Remove the checks that are older than that.

    Each batch is a statement of its own: what was removed stays removed when this is interrupted, and no lock lasts
    longer than a batch. Inside a transaction all of that is lost, so call it outside of any.

    Args:
        older_than: Their least age, by the database's clock, or the instant that they are older than.
        batch_size: The most checks to remove in one statement.

    Returns:
        How many were removed.

    Raises:
        InvalidInputError: `older_than` is an age that is not more than zero or reaches beyond all time, or a naive
            datetime, or `batch_size` is not at least 1.
    """
    as_positive(batch_size, "batch_size")
    age = instant = None
    if isinstance(older_than, datetime):
        instant = as_aware(older_than, "older_than")
    else:
        age = as_duration(older_than, "older_than").total_seconds()
    total = 0
    for service in await fetch(_CUTOFFS, instant, age):
        total += await _prune_service(service["id"], service["cutoff"], batch_size)
    return total


async def _prune_service(service_id: int, cutoff: datetime, batch_size: int) -> int:
    total = 0
    newest: datetime | None = None
    while True:
        (batch,) = await fetch(_DELETE_BATCH, service_id, cutoff, newest, batch_size)
        deleted: int = batch["deleted"]
        total += deleted
        if deleted < batch_size:
            return total
        newest = batch["newest"]
