"""A limit for the number of statements that a block of code sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Final

from medianest_models.db.observers import observers
from medianest_models.db.query_log import redact_sql
from medianest_models.db.statements import StatementClient

_blocks: Final[ContextVar[tuple[list[str], ...]]] = ContextVar("blocks", default=())
"""The statements of each block of `max_queries` that this task is in, from the outside in."""


@contextmanager
def max_queries(most: int) -> Iterator[None]:
    """Fail if the code in a `with` block sends more statements, as one does that asks for each row of a list (N+1).

    It counts the statements of this task and of those that it starts in the block: what they send through this package,
    whether by a repository, a model or SQL, and BEGIN and COMMIT too. It does not count the statements of other tasks,
    nor those on a connection of their own. Outside of a transaction, calls at the same time may share a statement.

    Args:
        most: The number of statements that it may send.

    Raises:
        AssertionError: There were more; the message has each statement and how often it was sent. An exception of the
            block itself is not replaced.
    """
    sent: list[str] = []

    def count(_: StatementClient, sql: str, __: Sequence[Any]) -> AbstractContextManager[None]:
        if any(block is sent for block in _blocks.get()):
            sent.append(sql)
        return nullcontext()

    observers.append(count)
    token = _blocks.set((*_blocks.get(), sent))
    try:
        yield
    finally:
        _blocks.reset(token)
        observers.remove(count)
    if len(sent) > most:
        lines = (f"{times:>4} x {redact_sql(' '.join(sql.split()))}" for sql, times in Counter(sent).items())
        raise AssertionError("\n".join([f"{len(sent)} statements were sent, and {most} may be:", *lines]))
