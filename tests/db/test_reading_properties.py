"""Whatever happens to a standby: nobody who shows a token misses what it stands for, and no block goes back in time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from medianest_models.db import reading, reading_counts, standbys
from tests.clusters import Pair, running_pair
from tests.db.pools import PATIENCE
from tests.db.replicated import connected, note, notes, who_answers
from tests.locks import until

STEPS: Final = (
    *("write", "write", "read", "read", "rush"),
    *("pause", "resume", "delay", "stop", "start", "freeze", "thaw", "settle"),
    *("promote", "diverge"),
)
IN_CLUSTER: Final = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=15
)

# It finds every standby in order, and past every token.
CREDULOUS: Final = "SELECT '7FFFFFFF/0'::pg_lsn AS lsn, TRUE AS streams, 1 AS timeline"


class StaleError(Exception):
    """A read has missed what its token stands for, or what the read before it in the same block has found."""


@dataclass
class World:
    """A pair of servers, what was done to the standby, and what was written."""

    pair: Pair
    written: list[tuple[int, str]] = field(default_factory=list)  # what, and the token that was given for it
    stopped: bool = False
    frozen: bool = False
    parted: bool = False  # promoted, and so no standby of the primary any more

    async def do(self, step: str) -> None:
        """Take a step, or none if it can't be taken now."""
        if step in {"write", "read", "rush"}:
            await getattr(self, step)()
        elif step == "start" and self.stopped:
            await self.pair.standby.start()
            self.stopped = False
        elif step == "thaw" and self.frozen:
            self.pair.standby.thaw()
            self.frozen = False
        elif not self.stopped and not self.frozen:
            await self._do_to_standby(step)

    async def _do_to_standby(self, step: str) -> None:
        if step == "stop":
            await self.pair.standby.stop("immediate")
            self.stopped = True
        elif step == "freeze":
            self.pair.standby.freeze()
            self.frozen = True
            # Until then it is not asked again, and what it gets ends with the command timeout.
            await asyncio.sleep(standbys._FRESH_SECONDS)
        elif self.parted:
            pass
        elif step == "delay":
            await self.pair.delay(0.05)
        elif step in {"pause", "resume"}:
            await getattr(self.pair, step)()
        elif step == "settle":
            await self.settle()
        elif step in {"promote", "diverge"}:
            await self.pair.resume()
            await getattr(self.pair, step)()
            self.parted = True

    async def settle(self) -> None:
        """Wait until the standby has everything, and is read from."""
        await self.pair.resume()
        await self.pair.wait_until_streaming()
        await self.pair.wait_until_replayed()
        await until(self._standby_answers)

    async def _standby_answers(self) -> bool:
        async with reading():
            return await who_answers(self.pair) == "standby"

    async def write(self) -> None:
        """Write a row."""
        n = len(self.written)
        self.written.append((n, ""))  # its number is taken
        self.written[n] = (n, await note(n))

    async def read(self) -> None:
        """Read with the newest token, and with an earlier one."""
        given_ = [(n, token) for n, token in self.written if token]
        for n, token in [given_[-1], random.choice(given_)] if given_ else []:  # noqa: S311 - no secret
            async with reading(after=token):
                found = await notes()
                if not found >= set(range(n + 1)):
                    raise StaleError(f"{set(range(n + 1)) - found} are missing for the token of {n}")
                await asyncio.sleep(0)
                if not await notes() >= found:
                    raise StaleError("the block has gone back in time")

    async def rush(self) -> None:
        """Let several write and read what they have written, at the same time."""

        async def write_and_read(n: int) -> None:
            async with reading(after=await note(n)):
                if n not in await notes():
                    raise StaleError(f"{n} is missing for its own writer")

        first = len(self.written)
        self.written += [(n, "") for n in range(first, first + 5)]
        async with asyncio.TaskGroup() as group:
            for n in range(first, first + 5):
                group.create_task(write_and_read(n))

    async def end(self) -> None:
        """Mend the standby for the next world."""
        if self.stopped or self.frozen or self.parted:
            await self.pair.rebuild()
        else:
            await self.pair.resume()
            await self.pair.delay(0)


@pytest.fixture(scope="module")
async def lasting(bindir: Path | None) -> AsyncIterator[Pair]:
    async with running_pair(bindir) as pair:
        yield pair


async def live(pair: Pair, patch: pytest.MonkeyPatch, steps: list[str]) -> None:
    """Take the steps one after the other."""
    world = World(pair)
    try:
        async with connected(pair, patch):
            for step in steps:
                await world.do(step)
    finally:
        await world.end()


@IN_CLUSTER
@given(steps=st.lists(st.sampled_from(STEPS), min_size=3, max_size=20))
@example(
    ["write", "settle", "read", "pause", "write", "read", "settle", "read", "freeze", "write", "read", "thaw", "read"]
)
@example(
    ["write", "read", "stop", "write", "read", "start", "read", "settle", "rush", "diverge", "write", "read", "rush"]
)
@example(["write", "settle", "read", "freeze", "read", "thaw", "read"])
@example(["delay", "rush", "read", "settle", "rush", "promote", "write", "read", "stop", "read", "start", "rush"])
async def test_nobody_misses_what_they_have_written(
    not_connected: None, lasting: Pair, monkeypatch: pytest.MonkeyPatch, steps: list[str]
) -> None:
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(standbys, "_PAUSE_SECONDS", 0.05)
    await live(lasting, monkeypatch, steps)


@pytest.mark.parametrize("steps", ["pause write read", "diverge write read", "diverge rush"])
async def test_without_the_question_to_the_standby_they_would_miss_it(
    not_connected: None, lasting: Pair, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    monkeypatch.setattr(standbys, "_ASK", CREDULOUS)
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)
    is_stale = False
    try:
        await live(lasting, monkeypatch, steps.split())
    except* StaleError:
        is_stale = True
    assert is_stale


async def test_both_servers_are_read_from(not_connected: None, lasting: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the property would say nothing."""
    monkeypatch.setattr(standbys, "_ANSWER_SECONDS", PATIENCE)
    before = reading_counts()
    await live(lasting, monkeypatch, ["write", "settle", "read", "pause", "write", "read"])
    assert reading_counts().standby - before.standby >= 4
    assert reading_counts().primary - before.primary >= 2
