"""Transactions: `async with transaction():` and `with_transaction(fn)`."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, TypeVar, get_args

from medianest_models.db.statements import current_client
from medianest_models.db.transaction_client import IsolationLevel, TransactionClient, TransactionContext
from medianest_models.errors import InvalidInputError, TransactionAbortedError, TransactionConflictError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_FIRST_DELAY: Final = 0.01
_LONGEST_DELAY: Final = 1.0


def transaction(isolation: IsolationLevel | None = None) -> TransactionContext:
    """Open a transaction, or a savepoint inside one, for the length of an `async with`.

    It commits on return, and rolls back on any exception or cancellation. A task that is cancelled while it commits
    can't know what became of it: it was committed, or it was rolled back. Tasks started inside take part in it,
    their statements one after the other; await them all before the block ends. An error that is caught outside of
    a nested block leaves the transaction around it usable; one that is caught inside the block where it happened
    does not, and the end of the block raises.

    Args:
        isolation: PostgreSQL's isolation level; None for that of the transaction around it, or read committed.

    Returns:
        An async context manager. It gives the client to pass as `using_db`, which is never needed inside.

    Raises:
        InvalidInputError: There is no such level, or it is not that of the transaction around it.
        TransactionAbortedError: At the end: the work could not be committed and was rolled back.
        TransactionConflictError: At the end: another transaction got in the way.
        DatabaseUnavailableError: Not connected, or the database can't be reached.
    """
    if isolation is not None and isolation not in get_args(IsolationLevel):
        raise InvalidInputError(f"isolation: must be one of {', '.join(get_args(IsolationLevel))}")
    return TransactionContext(current_client().innermost(), isolation)


async def with_transaction(
    fn: Callable[[], Awaitable[T]], *, retries: int = 0, isolation: IsolationLevel | None = None
) -> T:
    """Run `fn` in a transaction, and again after a serialization failure or a deadlock.

    Inside another transaction nothing is repeated, because that one can't go on after a conflict: its own outermost
    `with_transaction` repeats everything.

    Args:
        fn: What to run, without arguments. It runs again from its beginning, so it must change nothing but the
            database.
        retries: How often to run it again at most, after a short random pause that grows.
        isolation: As for `transaction`.

    Returns:
        What `fn` returned.

    Raises:
        TransactionConflictError: There was a conflict every time.
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
        except ExceptionGroup as group:  # from a TaskGroup in fn
            if not _is_conflict(group):
                raise
        await asyncio.sleep(random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)))  # noqa: S311 - no secret
    async with transaction(isolation):
        return await fn()


def _is_conflict(group: ExceptionGroup[Exception]) -> bool:
    """Whether there was a conflict, and nothing but that and its consequences."""
    _, others = group.split((TransactionConflictError, TransactionAbortedError))
    return others is None and group.subgroup(TransactionConflictError) is not None
