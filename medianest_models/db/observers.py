"""Observers of statements: who counts or traces what this package's clients send.

An observer is called for each statement, in the task that sends it, and returns a context manager, which is left when
the statement is over: with the exception that it raised, if any. It must not swallow that exception, nor raise one.
While there is no observer, a statement costs a look at an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from medianest_models.db.statements import StatementClient

Observer: TypeAlias = "Callable[[StatementClient, str, Sequence[Any]], AbstractContextManager[object]]"
"""Called with the client, the SQL, which holds no values, and the parameters, which may be secrets."""

observers: Final[list[Observer]] = []
"""Who observes the statements of this process: append an observer, and remove it in the end."""


@contextmanager
def observed(client: StatementClient, sql: str, parameters: Sequence[Any]) -> Iterator[None]:
    """Tell the observers of the statement that is run in a `with` block, the wait for its connection included."""
    with ExitStack() as stack:
        for observer in tuple(observers):
            stack.enter_context(observer(client, sql, parameters))
        yield
