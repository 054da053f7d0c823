"""Batching of concurrent calls into one statement, as Prisma's client and GraphQL's data loaders do.

A repository function calls a `DataLoader` around its statement instead of running the statement itself.
"""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from medianest_models.db.observers import note_batch, note_call, observers
from medianest_models.db.statements import StatementClient, current_client
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import DatabaseUnavailableError


class Retry(Enum):
    """Returned instead of an answer: retry this argument alone."""

    ALONE = "alone"


ArgumentT = TypeVar("ArgumentT", bound="Hashable")
AnswerT = TypeVar("AnswerT")

_MOST: Final = 200
"""The maximum number of calls in a batch."""

_LONGEST_WAIT_SECONDS: Final = 0.05
"""The longest time that calls wait for the running statement; then they start their own batch."""


@dataclass(slots=True, eq=False)
class _Batch(Generic[ArgumentT, AnswerT]):
    """A batch: calls in the order of their arrival, and the task that runs their statement."""

    calls: dict[asyncio.Future[AnswerT], ArgumentT] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class _Queue(Generic[ArgumentT, AnswerT]):
    """The calls of one client: of the pool, or of one block of `reading`.

    While one batch has the turn, further calls join the next batch.
    """

    next: _Batch[ArgumentT, AnswerT]
    turn: object | None = None


class DataLoader(Generic[ArgumentT, AnswerT]):
    """Batches calls: it has a statement for a single call and one for a batch.

    Calls of one tick of the event loop form a batch, and so do calls that arrive while a statement runs. Each call gets
    the result that it would get alone: if the statement fails, each argument is retried alone, unless the database
    can't be reached. A cancelled call does not affect the others; once all are cancelled, so is the statement. A single
    call runs its statement in the caller's own task. Inside a transaction, each call does so at once.

    Args:
        ask_one: Takes an argument and the `client` to use, and returns the answer.
        ask_many: Takes one or more arguments and returns as many answers, in the same order. If the arguments are not
            all equal, it may answer some of them with `Retry.ALONE`.
    """

    def __init__(
        self,
        ask_one: Callable[..., Awaitable[AnswerT]],
        ask_many: Callable[[list[ArgumentT]], Awaitable[Sequence[AnswerT | Retry]]],
    ) -> None:
        self._ask_one = ask_one
        self._ask_many = ask_many
        self._queues: WeakKeyDictionary[StatementClient, _Queue[ArgumentT, AnswerT]] = WeakKeyDictionary()

    async def __call__(self, argument: ArgumentT) -> AnswerT:
        """Return the answer for one argument, or raise what the statement raised for it."""
        client = current_client()  # refuses another event loop
        if isinstance(client, TransactionClient):
            return await self._ask_one(argument, client=client)
        queue = self._queues.get(client)
        if queue is None:
            queue = self._queues[client] = _Queue(_Batch())
        loop = asyncio.get_running_loop()
        call: asyncio.Future[AnswerT]
        if queue.turn is None:
            turn = queue.turn = object()
            try:
                await asyncio.sleep(0)
                if not queue.next.calls:
                    return await self._ask_one(argument, client=client)
                batch, call = queue.next, loop.create_future()
                batch.calls = {call: argument, **batch.calls}
            finally:
                self._end_turn(queue, turn)
        else:
            batch, call = queue.next, loop.create_future()
            batch.calls[call] = argument
            if len(batch.calls) == 1:
                loop.call_later(_LONGEST_WAIT_SECONDS, self._start, queue, batch)
            elif len(batch.calls) == _MOST:
                self._start(queue, batch)
        if observers:
            note_call(call)
        try:
            return await call
        except asyncio.CancelledError:
            if batch.task is not None and all(other.cancelled() for other in batch.calls):
                batch.task.cancel()  # nobody waits for it any more
            raise

    def _end_turn(self, queue: _Queue[ArgumentT, AnswerT], turn: object) -> None:
        if queue.turn is turn:  # otherwise it took too long, and another batch has started
            queue.turn = None
            if queue.next.calls:
                self._start(queue, queue.next)

    def _start(self, queue: _Queue[ArgumentT, AnswerT], batch: _Batch[ArgumentT, AnswerT]) -> None:
        """Run the statement of a waiting batch in the context of one of its calls, which all have the same client."""
        if queue.next is batch:
            queue.turn, queue.next = batch, _Batch()
            batch.task = asyncio.get_running_loop().create_task(self._run(queue, batch))

    async def _run(self, queue: _Queue[ArgumentT, AnswerT], batch: _Batch[ArgumentT, AnswerT]) -> None:
        try:
            await self._settle(batch.calls)
        finally:
            for call in batch.calls:
                call.cancel()  # those without an answer: this task was cancelled
            self._end_turn(queue, batch)

    async def _settle(self, calls: dict[asyncio.Future[AnswerT], ArgumentT]) -> None:
        calls = {call: argument for call, argument in calls.items() if not call.done()}
        answers: Sequence[AnswerT | Retry]
        if observers:
            note_batch(calls)
        try:
            answers = await self._ask_many(list(calls.values())) if calls else ()
        except Exception as error:  # noqa: BLE001 - each call raises it
            if isinstance(error, DatabaseUnavailableError) or len(set(calls.values())) == 1:
                for call in calls:
                    if not call.done():
                        call.set_exception(copy.copy(error))  # a copy each, because raising an error modifies it
                return
            answers = [Retry.ALONE] * len(calls)
        alone: dict[ArgumentT, dict[asyncio.Future[AnswerT], ArgumentT]] = defaultdict(dict)
        for (call, argument), answer in zip(calls.items(), answers, strict=True):
            if isinstance(answer, Retry):
                alone[argument][call] = argument
            elif not call.done():
                call.set_result(answer)
        if alone:
            await asyncio.gather(*map(self._settle, alone.values()))
