"""The program: it records a history, asks the questions, and prints the tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.history import growth, table
from benchmarks.history.checks import add_services, load, make_checks
from benchmarks.history.readings import KINDS, WINDOWS, Reading, Readings, Timing, measure, unchanged
from benchmarks.history.table import Verdict
from benchmarks.server import ServerProcesses, connect, own_server
from medianest_models.db import database
from medianest_models.db.partitions import make_partitions
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption import generate_key
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import services

_TEN_YEARS: Final = 3650
_STRIP_DAYS: Final = 30
_KEPT_DAYS: Final = _STRIP_DAYS + 1  # all checks of the strip, and those before it that count at its beginning
_LONG: Final = "with the checks of a month or two, and a history of ten years"
_ROLL_UPS: Final = ("service_rollups", "service_states")
_BYTES: Final = """
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


_QUICK: Final = Size(services=4, days=64, seconds=0.3)
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
        version = await self.connection.fetchval("SHOW server_version")
        print(f"PostgreSQL {version}, Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
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
        until = datetime.now(UTC)
        since = growth.aligned(until - timedelta(days=self.size.days))
        names = await add_services(self.connection, self.size.services)
        await self._load(names, since, until)
        await self._roll_up(names)
        readings = Readings(names, until, self.connection)
        windows = sorted({days for days in WINDOWS if days < self.size.days} | {self.size.days})
        with_raw = [reading for days in windows for reading in readings.of_window(days, with_raw=True)]
        await self._table("with all checks", [*with_raw, *readings.of_all(_STRIP_DAYS)])
        await self._table("right after a check was recorded", list(readings.after_a_check(_STRIP_DAYS)))
        async with unchanged(with_raw):
            await self._drop()
        copies = await growth.copy_back(self.connection, since, until, days=_TEN_YEARS)
        await self.connection.execute("VACUUM ANALYZE service_rollups, service_states")
        print(f"\nthe roll-ups were copied back {copies} times, to a history of more than ten years", flush=True)
        rolled_up = [reading for days in WINDOWS for reading in readings.of_window(days, with_raw=False)]
        print(f"in ten years, {names[0]} had {len(await rolled_up[-1].answer()):,} incidents")
        await self._table(_LONG, [*rolled_up, *readings.of_all(_STRIP_DAYS)])
        self._judge()

    async def _load(self, names: Sequence[str], since: datetime, until: datetime) -> None:
        await make_partitions("service_status_history", since=since)
        days, minutes = (until - since).days, (until - since) // timedelta(minutes=1)
        self.share = len(names) * days / (_FULL.services * _FULL.days)
        number, seconds = await load(make_checks(names, since, minutes), at_once=len(names) * 1440)
        rate = number / seconds
        print(f"{number:,} checks of {days} days recorded in {seconds:.0f} s, {rate:,.0f} a second", flush=True)
        await self.connection.execute("VACUUM ANALYZE service_status_history")
        rows, indexes = await self._bytes("service_status_history")
        print(f"a check takes {rows / number:.1f} bytes, and {indexes / number:.1f} in the indexes", flush=True)
        self.kept |= {"checks": number, "seconds": seconds, "bytes": rows, "index_bytes": indexes}
        self.verdicts.append(Verdict("a check", (rows + indexes) / number, 130, "bytes"))

    async def _roll_up(self, names: Sequence[str]) -> None:
        async with growth.recording(names) as alone:
            await asyncio.sleep(5 * self.size.seconds)
        async with growth.recording(names) as beside:
            started = monotonic()
            hours = await growth.roll_up_all()
            seconds = monotonic() - started
        print(f"\n{hours:,} hours rolled up in {seconds:.1f} s; milliseconds, meanwhile, of a call that records")
        print(f"{len(names)} checks, twenty times a second:")
        for title, latencies in (("alone", alone), ("beside the roll-up", beside)):
            self.kept[title] = growth.spread(latencies)
            print(f"{title:20} p50 {{p50:.1f}}, p99 {{p99:.1f}}, at most {{most:.1f}}".format(**self.kept[title]))
        await self.connection.execute("VACUUM ANALYZE service_rollups, service_states")
        rolled_up = sum(await self._bytes(*_ROLL_UPS)) / 1e6
        self.kept |= {"hours": hours, "roll_up_seconds": seconds, "rolled_up_megabytes": rolled_up}
        self.verdicts.append(Verdict("rolling up the history", seconds, 60 * self.share, "s"))
        self.verdicts.append(Verdict("roll-ups of the history", rolled_up, 40 * self.share, "MB"))

    async def _drop(self) -> None:
        before = sum(await self._bytes("service_status_history", *_ROLL_UPS)) / 1e6
        started = monotonic()
        dropped = await services.drop_history(timedelta(days=_KEPT_DAYS))
        seconds = monotonic() - started
        after = sum(await self._bytes("service_status_history", *_ROLL_UPS)) / 1e6
        print(f"\n{dropped} partitions dropped in {seconds:.2f} s: {before:.0f} MB before, {after:.0f} MB after")
        self.kept |= {"drop_seconds": seconds, "megabytes_before": before, "megabytes_after": after}
        goal = 250 * self.size.services / _FULL.services
        self.verdicts.append(Verdict("history with the checks of a month or two", after, goal, "MB"))

    def _judge(self) -> None:
        """Add the verdicts on the times with the long history."""
        times = {title: columns["package"].milliseconds for title, columns in self.measured[_LONG].items()}
        for kind in KINDS:
            for name in WINDOWS.values():
                self.verdicts.append(Verdict(f"{kind}, {name}", times[f"{kind}, {name}"], 10, "ms"))
            for name in (WINDOWS[365], WINDOWS[_TEN_YEARS]):
                ratio = times[f"{kind}, {name}"] / times[f"{kind}, {WINDOWS[30]}"]
                self.verdicts.append(Verdict(f"{kind}, {name}", ratio, 1.5, "times that of 30 days"))
        self.verdicts.append(Verdict("dashboard", times["dashboard"], 100, "ms"))

    async def _bytes(self, *tables: str) -> tuple[int, int]:
        """Return the bytes of tables, and those of their indexes."""
        row = await self.connection.fetchrow(_BYTES, list(tables))
        assert row is not None
        return row["rows"], row["indexes"]

    async def _table(self, title: str, readings: Sequence[Reading]) -> None:
        measured = await measure(readings, self.processes, repetitions=50, seconds=self.size.seconds)
        print(f"\n{title}", *table.head(), sep="\n")
        print(*(table.line(reading, timings) for reading, timings in measured.items()), sep="\n", flush=True)
        self.measured[title] = measured


async def main() -> int:
    """Run it, and return 0 if all answers agree."""
    parser = argparse.ArgumentParser(prog="just bench-history", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a history of 4 services and 64 days, in half a minute")
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
