"""Calls that come together and go to the database as one statement, as Prisma's client and GraphQL's data loaders do.

A repository's function wraps its statement in `DataLoader` and asks that; without it, it would ask the statement.
"""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from tortoise.connection import get_connection

from medianest_models.db.client import Client, not_connected
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.settings import DEFAULT_ALIAS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence


class Again(Enum):
    """What a statement for several arguments says instead of an answer: this one has to be asked again."""

    APART = "apart"
    """In a statement of its own, with those that are equal."""
    TOGETHER = "together"
    """In the next statement, with all that have no answer yet."""


ArgumentT = TypeVar("ArgumentT", bound="Hashable")
AnswerT = TypeVar("AnswerT")

_MOST: Final = 200
"""How many calls one statement answers."""

_PATIENCE: Final = 0.05
"""For how many seconds later calls wait for a statement that runs; then they go by themselves."""


@dataclass(slots=True)
class _Call(Generic[ArgumentT, AnswerT]):
    argument: ArgumentT
    answer: asyncio.Future[AnswerT]
    together: _Together[ArgumentT, AnswerT] | None = None


@dataclass(slots=True)
class _Together(Generic[ArgumentT, AnswerT]):
    """Calls that are asked by one task."""

    calls: list[_Call[ArgumentT, AnswerT]]
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Waiting(Generic[ArgumentT, AnswerT]):
    """What one client has not been asked yet, and the tasks that ask it: one takes what comes, others may be late."""

    tasks: set[asyncio.Task[None]]
    calls: list[_Call[ArgumentT, AnswerT]] = field(default_factory=list)
    taker: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of this client, which is kept: the event loop has weak references only."""
        # No task factory: an eager one would run it before it is kept.
        task = asyncio.Task(work, loop=asyncio.get_running_loop())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class DataLoader(Generic[ArgumentT, AnswerT]):
    """A statement that answers many calls as well as one.

    Calls of one tick of the event loop go together, and so do those that come while a statement runs. Each gets what
    it would have got alone: where the statement fails, each argument gets a statement of its own, unless the database
    can't be reached. A call that is cancelled leaves the others alone; the last one ends the statement. Inside a
    transaction each call is a statement of its own, there and then.

    Args:
        ask: Takes arguments, at least one, and gives as many answers, in their order. It may answer some of several
            with a member of `Again`.
        give_back: Takes an answer that nobody got, because its call was cancelled meanwhile. It must not raise. With it
            no statement is ended, so that every answer comes, and there is one at a time, however many were left alone.
    """

    def __init__(
        self,
        ask: Callable[[list[ArgumentT]], Awaitable[Sequence[AnswerT | Again]]],
        give_back: Callable[[AnswerT], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._ask = ask
        self._give_back = give_back
        self._waiting: WeakKeyDictionary[Client, _Waiting[ArgumentT, AnswerT]] = WeakKeyDictionary()

    async def __call__(self, argument: ArgumentT) -> AnswerT:
        """The answer for one argument.

        Raises:
            MedianestError: What the statement raises for it.
        """
        client = get_connection(DEFAULT_ALIAS)  # refuses another event loop
        if not isinstance(client, Client):
            (answer,) = await self._ask([argument])
            return cast("AnswerT", answer)  # a single argument is not asked again
        if client.is_disconnected:
            raise not_connected()
        waiting = self._waiting.get(client)
        if waiting is None:
            waiting = self._waiting[client] = _Waiting(set() if self._give_back is None else client.unfinished)
        call: _Call[ArgumentT, AnswerT] = _Call(argument, asyncio.get_running_loop().create_future())
        waiting.calls.append(call)
        if waiting.taker is None:
            self._start_taker(waiting)  # in the context of this call, where the statement finds the same client
        try:
            return await call.answer
        except asyncio.CancelledError:
            if call.answer.done() and not call.answer.cancelled() and not call.answer.exception():
                # It came, but the caller was cancelled before it went on.
                self._is_unwanted(waiting, call.answer.result())
            elif (
                self._give_back is None
                and call.together is not None
                and all(other.answer.cancelled() for other in call.together.calls)
            ):
                call.together.task.cancel()  # nobody wants to know any more
            raise

    def _start_taker(self, waiting: _Waiting[ArgumentT, AnswerT]) -> None:
        waiting.taker = waiting.start(self._take(waiting))

    async def _take(self, waiting: _Waiting[ArgumentT, AnswerT]) -> None:
        loop, task = asyncio.get_running_loop(), waiting.taker
        assert task is not None  # noqa: S101 - it runs this
        try:
            while waiting.taker is task and waiting.calls:
                calls, waiting.calls = waiting.calls[:_MOST], waiting.calls[_MOST:]
                together = _Together(calls, task)
                for call in calls:
                    call.together = together
                patience = None
                if self._give_back is None:
                    patience = loop.call_later(_PATIENCE, self._hand_over, waiting, task)
                try:
                    await self._settle(waiting, calls)
                finally:
                    if patience is not None:
                        patience.cancel()
                    for call in calls:  # which are not what this task is at any more
                        call.together = None
        finally:
            self._hand_over(waiting, task)

    def _hand_over(self, waiting: _Waiting[ArgumentT, AnswerT], taker: asyncio.Task[None]) -> None:
        if waiting.taker is not taker:
            return
        waiting.taker = None
        waiting.calls = [call for call in waiting.calls if not call.answer.done()]
        if waiting.calls:
            self._start_taker(waiting)

    async def _settle(self, waiting: _Waiting[ArgumentT, AnswerT], calls: list[_Call[ArgumentT, AnswerT]]) -> None:
        while calls := [call for call in calls if not call.answer.done()]:
            try:
                answers = await self._ask([call.argument for call in calls])
            except asyncio.CancelledError:  # nobody waits, or the event loop ends
                for call in calls:
                    call.answer.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - each call raises it
                if isinstance(error, DatabaseUnavailableError) or len({call.argument for call in calls}) == 1:
                    _fail(calls, error)
                else:
                    await self._settle_apart(waiting, calls)
                return
            again: dict[Again, list[_Call[ArgumentT, AnswerT]]] = {member: [] for member in Again}
            for call, answer in zip(calls, answers, strict=True):
                if isinstance(answer, Again):
                    again[answer].append(call)
                elif not call.answer.done():
                    call.answer.set_result(answer)
                else:
                    self._is_unwanted(waiting, answer)
            if again[Again.APART]:
                await self._settle_apart(waiting, again[Again.APART])
            calls = again[Again.TOGETHER]

    def _is_unwanted(self, waiting: _Waiting[ArgumentT, AnswerT], answer: AnswerT) -> None:
        if self._give_back is not None:
            waiting.start(self._give_back(answer))

    async def _settle_apart(
        self, waiting: _Waiting[ArgumentT, AnswerT], calls: list[_Call[ArgumentT, AnswerT]]
    ) -> None:
        by_argument = defaultdict(list)
        for call in calls:
            by_argument[call.argument].append(call)
        if self._give_back is None:
            await asyncio.gather(*(self._settle(waiting, equals) for equals in by_argument.values()))
        else:
            for equals in by_argument.values():
                await self._settle(waiting, equals)


def _fail(calls: list[_Call[Any, Any]], error: Exception) -> None:
    for call in calls:
        if not call.answer.done():
            call.answer.set_exception(copy.copy(error))  # each its own: to be raised adds to an error
