"""A single call compared with its plain statement and with tuned asyncpg: in one process, in alternating turns.

As a program, it measures itself on the event loop that its argument names.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final
from unittest.mock import patch

from benchmarks.peers.clients.client import Call
from benchmarks.peers.clients.inputs import DAY, ENDPOINT, HITS, Inputs
from benchmarks.peers.clients.raw import TunedClient
from benchmarks.peers.data import USERS
from benchmarks.peers.rounds import Measured
from medianest_models.db import database
from medianest_models.db.data_loader import DataLoader
from medianest_models.db.statements import current_client
from medianest_models.repositories import rate_limits, sessions, users
from medianest_models.repositories.rate_limits import counters
from medianest_models.repositories.sessions import verification
from medianest_models.repositories.users import accounts
from medianest_models.settings import DatabaseUrl

TITLES: Final = {
    "find_alone": "user by Plex id, one call at a time",
    "verify_alone": "session with its user, one call at a time",
    "hit_alone": "rate limit, one call at a time",
}
_CALLS: Final = 20  # per turn: few, so that a busy machine affects both sides equally
_WARM_UP: Final = 10


async def measure_lone(url: DatabaseUrl, *, turns: int) -> dict[str, dict[str, Measured]]:
    """Measure this package, its plain statements and tuned asyncpg; return the results by operation and label.

    Args:
        url: The database.
        turns: The number of turns of each side, of twenty calls each.
    """
    measured: dict[str, dict[str, Measured]] = {name: {} for name in TITLES}
    for loop in ("asyncio", "uvloop"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.peers.lone", loop, str(turns)),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"DATABASE_URL": url.render().get_secret_value()},
        )
        said, _ = await process.communicate()
        for name, kinds in json.loads(said).items():
            measured[name] |= {f"{kind}/{loop}": Measured(**numbers) for kind, numbers in kinds.items()}
    return measured


def _plain(loader: DataLoader[Any, Any]) -> Any:
    """Return the functions that a repository would call without a loader."""

    async def ask(argument: Any) -> Any:
        return await loader._ask_one(argument, client=current_client())  # noqa: SLF001 - nobody else needs it

    return ask


def _calls(inputs: Inputs) -> dict[str, tuple[Call, AbstractContextManager[Any]]]:
    """Return each call, and a context manager in which it runs without its loader."""
    by_plex_id, by_hash, fixed = "_row_by_plex_id", "_row_by_hash", ("ip_address", False)
    return {
        "find_alone": (
            lambda call: users.find_by_plex_id(inputs.plex_id(call)),
            patch.object(accounts, by_plex_id, _plain(getattr(accounts, by_plex_id))),
        ),
        "verify_alone": (
            lambda call: sessions.verify(inputs.token(call)),
            patch.object(verification, by_hash, _plain(getattr(verification, by_hash))),
        ),
        "hit_alone": (
            lambda call: rate_limits.hit(ENDPOINT, ip_address=inputs.address(call), limit=HITS, window_seconds=DAY),
            patch.dict(counters.COUNT_BY, {fixed: _plain(counters.COUNT_BY[fixed])}),
        ),
    }


async def _measure(url: DatabaseUrl, turns: int) -> dict[str, dict[str, Measured]]:
    tuned = TunedClient()
    tuned.inputs = Inputs(USERS, 0, {})
    await tuned.open({"host": url.host, "port": url.port, "user": url.user, "database": url.database})
    measured: dict[str, dict[str, Measured]] = {}
    async with database(url):
        for name, (call, without_loader) in _calls(tuned.inputs).items():
            kinds: dict[str, tuple[Call, AbstractContextManager[Any]]] = {
                "medianest": (call, nullcontext()), "plain": (call, without_loader),
            }  # fmt: skip
            if name == "find_alone":
                kinds["tuned"] = tuned.find, nullcontext()
            measured[name] = {kind: Measured() for kind in kinds}
            for turn in range(-_WARM_UP, turns):
                for kind, (call_of_kind, context) in kinds.items():
                    with context:
                        done = await _turn(call_of_kind, first=turn * _CALLS)
                    if turn >= 0:
                        measured[name][kind].add(done, 1)
    await tuned.close()
    return measured


async def _turn(call: Call, *, first: int) -> dict[str, Any]:
    """Measure some calls by their median, because other processes sometimes interrupt them."""
    latencies, cpu = [], process_time()
    for number in range(first, first + _CALLS):
        begun = perf_counter()
        await call(number)
        latencies.append(perf_counter() - begun)
    return {"latencies": latencies, "seconds": median(latencies) * _CALLS, "cpu": process_time() - cpu}


def main() -> None:
    """Measure so many turns on the event loop of that name, and print the numbers."""
    loop, turns = sys.argv[1:]
    factory = importlib.import_module("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        measured = runner.run(_measure(DatabaseUrl.parse(os.environ["DATABASE_URL"]), int(turns)))
    print(json.dumps({name: {kind: asdict(done) for kind, done in kinds.items()} for name, kinds in measured.items()}))


if __name__ == "__main__":
    main()
