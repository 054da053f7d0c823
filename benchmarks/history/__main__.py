"""The program: it records a history, asks the questions, and prints the tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.history import table
from benchmarks.history.checks import MINUTES_A_DAY, add_services, load, make_checks
from benchmarks.history.readings import WINDOWS, Reading, Readings, Timing, measure
from benchmarks.history.table import Verdict
from benchmarks.server import ServerProcesses, connect, own_server
from medianest_models.db import database
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption import generate_key
from medianest_models.migrate.applying import migrate

_SIZE: Final = """
SELECT sum(pg_table_size(oid))::bigint AS rows, sum(pg_indexes_size(oid))::bigint AS indexes
FROM pg_class WHERE relkind = 'r' AND (relname = ANY ($1) OR oid IN (
    SELECT relid FROM unnest($1::text[]) AS name, pg_partition_tree(name::regclass)
))
"""


@dataclass(frozen=True)
class Size:
    """The extent of a run.

    Attributes:
        services: The number of services.
        days: The length of the history that is recorded.
        seconds: The time for each measurement.
    """

    services: int
    days: int
    seconds: float


_QUICK: Final = Size(services=4, days=40, seconds=0.3)
_FULL: Final = Size(services=20, days=365, seconds=2)


class History:
    """One run.

    Args:
        server: A server without data.
        size: The extent.
    """

    def __init__(self, server: EmbeddedServer, size: Size) -> None:
        self.server = server
        self.size = size
        self.measured: dict[str, dict[str, dict[str, Timing]]] = {}
        self.verdicts: list[Verdict] = []
        self.kept: dict[str, Any] = {**asdict(size), "cores": os.cpu_count()}

    async def run(self) -> dict[str, Any]:
        """Run the benchmark, and return the results to save."""
        started = monotonic()
        os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
        os.environ["LOG_LEVEL"] = "error"  # to answer from raw checks makes slow statements, as expected
        url = await asyncio.to_thread(self.server.start)
        os.environ["DATABASE_URL"] = url.render().get_secret_value()
        await migrate(url)
        self.connection = await connect(url)
        await self.connection.execute("SET TimeZone = 'UTC'")
        self.processes = ServerProcesses(self.connection.get_server_pid())
        async with database(url):
            await self._measure_all()
        await self.connection.close()
        for verdict in self.verdicts:
            print(verdict.line())
        print(f"\n{monotonic() - started:.0f} s in all")
        measured = {
            part: {title: {column: asdict(t) for column, t in timings.items()} for title, timings in readings.items()}
            for part, readings in self.measured.items()
        }
        return self.kept | {"measured": measured, "verdicts": [verdict.kept() for verdict in self.verdicts]}

    async def _measure_all(self) -> None:
        version = await self.connection.fetchval("SHOW server_version")
        print(
            f"{self.size.services} services checked each minute for {self.size.days} days; PostgreSQL {version},"
            f" Python {platform.python_version()}, {os.cpu_count()} cores",
            flush=True,
        )
        until = datetime.now(UTC)
        names = await add_services(self.connection, self.size.services)
        await self._load(names, until - timedelta(days=self.size.days))
        readings = Readings(names, until, self.connection)
        days = [days for days in WINDOWS if days <= self.size.days]
        await self._table("with all raw checks", [
            *(reading for window in days for reading in readings.of_window(window, with_raw=True)),
            *readings.of_all(min(30, self.size.days)),
        ])  # fmt: skip

    async def _load(self, names: Sequence[str], since: datetime) -> None:
        checks = make_checks(names, since, self.size.days)
        number, seconds = await load(checks, at_once=len(names) * MINUTES_A_DAY)
        print(f"{number:,} checks recorded in {seconds:.0f} s, {number / seconds:,.0f} a second", flush=True)
        await self.connection.execute("VACUUM ANALYZE service_status_history")
        rows, indexes = await self._size("service_status_history")
        print(f"a check takes {rows / number:.1f} bytes, and {indexes / number:.1f} in the indexes", flush=True)
        self.kept |= {"checks": number, "seconds": seconds, "bytes": rows, "index_bytes": indexes}
        self.verdicts.append(Verdict("a check", (rows + indexes) / number, 130, "bytes"))

    async def _size(self, *tables: str) -> tuple[int, int]:
        row = await self.connection.fetchrow(_SIZE, list(tables))
        assert row is not None
        return row["rows"], row["indexes"]

    async def _table(self, title: str, readings: Iterable[Reading]) -> None:
        print(f"\n{title}", *table.head(), sep="\n", flush=True)
        self.measured[title] = {}
        for reading in readings:
            timings = await measure(reading, self.processes, repetitions=50, seconds=self.size.seconds)
            self.measured[title][reading.title] = timings
            print(table.line(reading.title, timings), flush=True)


async def main() -> int:
    """Run it, and return 0 if all answers agree."""
    parser = argparse.ArgumentParser(prog="just bench-history", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a history of 4 services and 40 days, in about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results in FILE")
    arguments = parser.parse_args()
    size = _QUICK if arguments.quick else _FULL
    async with own_server("history") as (server, _):
        kept = await History(server, size).run()
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(kept, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
