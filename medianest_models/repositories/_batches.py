"""Deleting many rows without holding a lock for long."""

from __future__ import annotations

from typing import Any, Final

from medianest_models.checks import as_positive
from medianest_models.db.statements import execute

BATCH_SIZE: Final = 1_000
"""The number of rows that one statement deletes: some milliseconds' work."""


async def delete_in_batches(sql: str, *values: Any, batch_size: int) -> int:
    """Run a DELETE again and again until it finds no more rows; each run is a transaction of its own.

    Args:
        sql: Deletes a batch; its last parameter is how many rows that is at most.
        *values: Its other parameters.
        batch_size: How many rows to delete at a time.

    Returns:
        How many rows were deleted.

    Raises:
        InvalidInputError: `batch_size` is not from 1 on.
    """
    as_positive(batch_size, "batch_size")
    total = 0
    while True:
        deleted = await execute(sql, *values, batch_size)
        total += deleted
        if deleted < batch_size:
            return total
