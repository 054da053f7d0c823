"""Cancelling a coroutine at a given suspension, and at each of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any

from medianest_models.errors import MedianestError
from tests.db.pools import PATIENCE


class CancelledAt:
    """Awaits a coroutine, and cancels the task at its n-th suspension, counted from 0, and at all later ones."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], suspension: int, times: int = 1) -> None:
        self._coroutine = coroutine
        self._suspensions = range(suspension, suspension + times)
        self.has_cancelled = False

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._coroutine.__await__()
        resume = partial(steps.send, None)
        for suspension in itertools.count():
            try:
                awaited = resume()
            except StopIteration:
                return
            task = asyncio.current_task()
            if suspension in self._suspensions and task is not None:
                self.has_cancelled = task.cancel()
            try:
                resume = partial(steps.send, (yield awaited))
            except BaseException as raised:  # noqa: BLE001 - handed on
                resume = partial(steps.throw, raised)


async def cancel_everywhere(work: Callable[[int], Coroutine[Any, Any, None]], times: int = 1) -> int:
    """Run `work(n)` for n = 0, 1, ... and cancel it at its n-th suspension, until a run has fewer suspensions."""

    async def run(cancelled: CancelledAt) -> None:
        await cancelled

    for suspension in itertools.count():
        cancelled = CancelledAt(work(suspension), suspension, times)
        with suppress(asyncio.CancelledError, MedianestError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.create_task(run(cancelled))
        if not cancelled.has_cancelled:
            return suspension
    raise AssertionError
