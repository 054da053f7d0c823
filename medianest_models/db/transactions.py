"""Transactions: `async with transaction():` and `with_transaction(fn)`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, get_args

from medianest_models.db.reading_client import NO_TRANSACTION, ReadingClient
from medianest_models.db.statements import current_client
from medianest_models.db.transaction_client import IsolationLevel, TransactionClient, TransactionContext
from medianest_models.errors import InvalidInputError, ReadingError, TransactionAbortedError, TransactionConflictError

T = TypeVar("T")

_FIRST_DELAY: Final = 0.01
_LONGEST_DELAY: Final = 1.0


def transaction(isolation: IsolationLevel | None = None) -> TransactionContext:
    """Open a transaction, or a savepoint inside one, for the duration of an `async with` block.

    It commits on return, and rolls back on any exception or cancellation. If a task is cancelled during the commit, the
    transaction may have been committed or rolled back: nobody can tell. Tasks started inside belong to it and run their
    statements one at a time; await them all before the block ends. If a nested block raises an error and you catch it
    outside that block, the enclosing transaction stays usable. If you catch an error inside the block where it was
    raised, the end of the block raises.

    Args:
        isolation: PostgreSQL's isolation level; None for that of the enclosing transaction, or read committed.

    Returns:
        An async context manager. It returns the client for `using_db`, which is not needed inside the block.

    Raises:
        InvalidInputError: There is no such level, or it is not that of the enclosing transaction.
        ReadingError: Inside a block of `reading`.
        TransactionAbortedError: At the end: the work could not be committed and was rolled back.
        TransactionConflictError: At the end: it conflicts with another transaction.
        DatabaseUnavailableError: Not connected, or the database can't be reached.
    """
    if isolation is not None and isolation not in get_args(IsolationLevel):
        raise InvalidInputError(f"isolation: must be one of {', '.join(get_args(IsolationLevel))}")
    client = current_client().innermost()
    if isinstance(client, ReadingClient):
        raise ReadingError(NO_TRANSACTION)
    return TransactionContext(client, isolation)


async def with_transaction(
    fn: Callable[[], Awaitable[T]], *, retries: int = 0, isolation: IsolationLevel | None = None
) -> T:
    """Run `fn` in a transaction, and again after a serialization failure or a deadlock.

    Inside another transaction it does not retry, because that transaction can't continue after a conflict: the
    outermost `with_transaction` retries everything.

    Args:
        fn: The function to run, without arguments. A retry runs all of it again, so it must change nothing but the
            database.
        retries: The maximum number of retries, each after a short random pause that grows.
        isolation: As for `transaction`.

    Returns:
        The result of `fn`.

    Raises:
        TransactionConflictError: Every attempt ended in a conflict.
        MedianestError: As for `transaction`.
    """
    if retries < 0:
        raise InvalidInputError("retries: must be 0 or more")
    if isinstance(current_client(), TransactionClient):
        retries = 0
    for attempt in range(retries):
        try:
            async with transaction(isolation):
                return await fn()
        except TransactionConflictError:
            pass
        except ExceptionGroup as group:  # from a TaskGroup in fn, of a conflict and its consequences alone
            _, others = group.split((TransactionConflictError, TransactionAbortedError))
            if others is not None or group.subgroup(TransactionConflictError) is None:
                raise
        await asyncio.sleep(random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)))  # noqa: S311 - no secret
    async with transaction(isolation):
        return await fn()
