"""The program of a peer: it reads one command per line, answers with one line, and measures itself."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import sys
from time import perf_counter, process_time
from typing import Any, Final

from benchmarks.peers.clients.client import Call, Client
from benchmarks.peers.clients.inputs import Inputs
from benchmarks.resident import resident_kilobytes

CLIENTS: Final = {
    "medianest": "benchmarks.peers.clients.medianest:MedianestClient",
    "raw": "benchmarks.peers.clients.raw:RawClient",
    "tuned": "benchmarks.peers.clients.raw:TunedClient",
    "sqlalchemy": "benchmarks.peers.clients.sqlalchemy_orm:SqlalchemyClient",
    "tortoise": "benchmarks.peers.clients.tortoise_orm:TortoiseClient",
    "procrastinate": "benchmarks.peers.clients.queues:ProcrastinateClient",
    "pgqueuer": "benchmarks.peers.clients.queues:PgqueuerClient",
}


async def serve(client: Client) -> None:
    """Execute commands until the end of the input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer = await obey(client, json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await client.close()


async def obey(client: Client, message: dict[str, Any]) -> Any:
    """Execute a command, and return the answer."""
    if message["do"] == "open":
        client.inputs = Inputs.read(message)
        await client.open(message["server"])
        return None
    if message["do"] == "memory":
        return resident_kilobytes()
    if message["do"] == "report":
        return await client.report()
    client.inputs.depth = message["depth"]
    operation = message["operation"]
    call: Call = getattr(client, operation)
    if message["do"] == "check":
        return [client.plain(operation, await call(number)) for number in range(message["calls"])]
    return await measure(call, message)


async def measure(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """Repeat calls, some of them concurrently, until the time is up or their number is reached."""
    latencies: list[float] = []
    numbers = itertools.islice(itertools.count(message["first"]), message["most"])
    started = perf_counter()
    deadline = started + message["seconds"]

    async def work() -> None:
        for number in numbers:
            begun = perf_counter()
            await call(number)
            ended = perf_counter()
            latencies.append(ended - begun)
            if ended >= deadline:
                return

    cpu = process_time()
    await asyncio.gather(*(work() for _ in range(message["at_once"])))
    return {"cpu": process_time() - cpu, "seconds": perf_counter() - started, "latencies": latencies}


def main() -> None:
    """Run the peer; the arguments are its name and that of the event loop."""
    name, loop = sys.argv[1:]
    module, _, kind = CLIENTS[name].partition(":")
    client: Client = getattr(importlib.import_module(module), kind)()
    factory = importlib.import_module("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(client))


if __name__ == "__main__":
    main()
