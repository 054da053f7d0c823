"""The program: it makes the databases, measures, and prints the tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.growth.data import make, set_up, sizes
from benchmarks.growth.measuring import FLAT, Cost, Growth, measure
from benchmarks.server import connect, own_server
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption import generate_key

_QUICK: Final = (10_000, 100_000)
_FULL: Final = (*_QUICK, 1_000_000, 10_000_000)
_CALLS: Final = 100
_TITLES: Final = {
    "client": "microseconds of the client's CPU", "server": "microseconds of the server's CPU", "pages": "pages read",
}  # fmt: skip


async def run(server: EmbeddedServer, rows: tuple[int, ...], *, rounds: int, calls: int) -> dict[str, Any]:
    """Run the benchmark, print the tables, and return the results to save.

    Args:
        server: A server without data.
        rows: The numbers of rows, fewest first.
        rounds: The number of rounds.
        calls: The most calls of an operation in each round.
    """
    started = monotonic()
    os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
    os.environ["LOG_LEVEL"] = "error"  # to count ten million rows is slow, as expected
    connection = await connect(await asyncio.to_thread(server.start))
    await set_up(connection)
    await connection.close()
    await asyncio.to_thread(server.stop)
    url = await asyncio.to_thread(server.start)
    connection = await connect(url)
    version = await connection.fetchval("SHOW server_version")
    print(f"PostgreSQL {version}, Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
    urls = {}
    for size in sizes(rows):
        urls[size] = await make(url, size)
        print(f"{size.name} after {monotonic() - started:.0f} s", flush=True)
    await connection.execute("CHECKPOINT")
    measured = await measure(urls, connection, rounds=rounds, calls=calls)
    await connection.close()
    for part in Cost._fields:
        print(*table(part, measured), sep="\n")
    print("", *map(verdict, measured), f"\n{monotonic() - started:.0f} s in all", sep="\n")
    return {"rows": rows, "rounds": rounds, "operations": [growth.kept() for growth in measured]}


def table(part: str, measured: Sequence[Growth]) -> Iterator[str]:
    """Yield the lines of a table: a part of the cost for each number of rows."""
    yield f"\n{_TITLES[part]:66}" + "".join(f"{rows:>14,}" for rows in measured[0].rounds) + f"{'ratio':>8}"
    for growth in measured:
        costs = "".join(f"{cost:14,.{1 if part == 'pages' else 0}f}" for cost in growth.costs(part))
        yield f"{growth.table + ': ' + growth.title:66}{costs}{growth.ratio(part):8.2f}"


def verdict(growth: Growth) -> str:
    """Say whether each part of the cost is flat."""
    ratios = {part: growth.ratio(part) for part in Cost._fields}
    said = (f"{part} {'flat' if ratio <= FLAT else f'x {ratio:.2f}'}" for part, ratio in ratios.items())
    return f"{growth.table + ': ' + growth.title:66} {', '.join(said)}"


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="just bench-growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 rows, in less than two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results in FILE")
    arguments = parser.parse_args()
    rows, rounds = (_QUICK, 3) if arguments.quick else (_FULL, 7)
    async with own_server("growth") as (server, _):
        kept = await run(server, rows, rounds=rounds, calls=_CALLS)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
