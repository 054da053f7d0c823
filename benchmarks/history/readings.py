"""The questions that are measured, each asked of this package and of the raw checks; their answers must agree."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg import Record

from benchmarks.history.raw import BEFORE_ROLLUPS, RAW_SQL
from benchmarks.server import ServerProcesses
from medianest_models.db.statements import fetch
from medianest_models.enums import ServiceStatus
from medianest_models.repositories import services
from medianest_models.studio.dashboard import overview

Call: TypeAlias = Callable[[], Awaitable[Any]]
COLUMNS: Final = ("package", "before roll-ups", "raw SQL")
WINDOWS: Final = {1: "a day", 30: "30 days", 365: "a year", 3650: "ten years"}
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_PERCENTILES: Final = (50, 95, 99)
_FRACTIONS: Final = [percentile / 100 for percentile in _PERCENTILES]
_TOLERANCE: Final = 0.02  # of a percentile
_LEAST_REPETITIONS: Final = 3


class UnequalError(Exception):
    """Two columns gave different answers."""


@dataclass(frozen=True)
class Reading:
    """A question.

    Attributes:
        title: Its title in the table.
        calls: A call for each column that can answer it.
        plain: A function that makes an answer comparable; None where the answers are not alike.
        before: A call before each of them, outside the measured time.
    """

    title: str
    calls: Mapping[str, Call]
    plain: Callable[[Any], Any] | None
    before: Call | None = None

    async def answer(self, column: str = "package") -> Any:
        """Return the answer of a column, comparable."""
        answer = await self.calls[column]()
        return None if self.plain is None else self.plain(answer)


@dataclass(frozen=True)
class Timing:
    """The milliseconds of a call, and those of the CPU of the client and of the server: medians."""

    milliseconds: float
    client: float
    server: float


class Readings:
    """The questions about a history.

    Args:
        names: The services' names.
        until: The end of all windows.
        connection: A connection for raw SQL.
    """

    def __init__(self, names: Sequence[str], until: datetime, connection: asyncpg.Connection) -> None:
        self._names = names
        self._until = until
        self._connection = connection

    def of_window(self, days: int, *, with_raw: bool) -> Iterator[Reading]:
        """Yield the questions about one service in a window of so many days.

        Args:
            days: The length of the window.
            with_raw: Whether all of its raw checks are there.
        """
        service, window = self._names[0], (self._until - days * _DAY, self._until)
        for title, (ask, plain) in KINDS.items():
            calls: dict[str, Call] = {"package": partial(ask, service, since=window[0], until=window[1])}
            if with_raw:
                fractions = [_FRACTIONS] if title == "response times" else []
                calls["before roll-ups"] = partial(_ask_before, title, service, *window)
                calls["raw SQL"] = partial(self._connection.fetch, RAW_SQL[title], service, *window, *fractions)
            yield Reading(f"{title}, {WINDOWS.get(days, f'{days} days')}", calls, plain)

    def of_all(self, days: int) -> Iterator[Reading]:
        """Yield the questions about all services, with a strip of so many days, whose raw checks are there."""
        window, latest = (self._until - days * _DAY, self._until), "latest statuses"
        strip: dict[str, Call] = {
            "package": partial(services.uptime_by_service, since=window[0], until=window[1], step=_DAY),
            "before roll-ups": partial(self._uptime_of_all_before, *window),
            "raw SQL": partial(self._connection.fetch, RAW_SQL["uptime of all"], *window, _DAY),
        }
        yield Reading(f"uptime of all services, {days} days by days", strip, plain_uptime)
        yield Reading("dashboard", {"package": overview, "before roll-ups": self._dashboard_before}, None)
        calls: dict[str, Call] = {
            "package": services.latest_statuses,
            "before roll-ups": partial(fetch, BEFORE_ROLLUPS[latest]),
            "raw SQL": partial(self._connection.fetch, RAW_SQL[latest]),
        }
        yield Reading(latest, calls, plain_latest)

    def after_a_check(self, days: int) -> Iterator[Reading]:
        """Yield the uptime in a window right after a check arrived: one of this hour, and one of yesterday."""
        uptime = next(self.of_window(days, with_raw=True))
        for title, age in (("a check", timedelta()), ("a late check", _DAY)):
            yield Reading(f"{uptime.title}, after {title}", uptime.calls, plain_uptime, self._arrival(age))

    async def _uptime_of_all_before(self, since: datetime, until: datetime) -> list[Any]:
        return list(await asyncio.gather(*(_ask_before("uptime", name, since, until, _DAY) for name in self._names)))

    async def _dashboard_before(self) -> None:
        """Read what the studio's first page showed of each service, one after the other."""

        async def panel(service: str) -> None:
            await _ask_before("uptime", service, self._until - _DAY, self._until, _HOUR)
            await _ask_before("uptime", service, self._until - 30 * _DAY, self._until, _DAY)
            await _ask_before("response times", service, self._until - _DAY, self._until, _HOUR)

        await fetch(BEFORE_ROLLUPS["latest statuses"])
        await asyncio.gather(*map(panel, self._names))

    def _arrival(self, age: timedelta) -> Call:
        instants = (self._until - age - number * timedelta(milliseconds=10) for number in range(1, 1000))

        async def arrive() -> None:
            await services.record_check(self._names[0], status=ServiceStatus.DEGRADED, checked_at=next(instants))

        return arrive


async def _ask_before(
    title: str, service: str, since: datetime, until: datetime, step: timedelta | None = None
) -> list[Record]:
    """Run a statement from before roll-ups on this package's pool."""
    steps = (None, 1) if step is None else (step // timedelta(microseconds=1), (until - since) // step)
    fractions = [_FRACTIONS] if title == "response times" else []
    return await fetch(BEFORE_ROLLUPS[title], service, since, until, *steps, *fractions)


async def compare(reading: Reading) -> None:
    """Ask each column once, and compare the answers.

    Raises:
        UnequalError: They differ.
    """
    if reading.before is not None:
        await reading.before()
    ours = await reading.answer()
    for column in reading.calls:
        theirs = await reading.answer(column)
        if not agree(ours, theirs):
            raise UnequalError(f"{reading.title}: the package and {column} differ:\n{ours!s:.2000}\n{theirs!s:.2000}")


@asynccontextmanager
async def unchanged(readings: Sequence[Reading]) -> AsyncIterator[None]:
    """Compare the package's answers before and after a block.

    Raises:
        UnequalError: They differ.
    """
    answers = [await reading.answer() for reading in readings]
    yield
    for reading, before in zip(readings, answers, strict=True):
        after = await reading.answer()
        if not agree(before, after):
            raise UnequalError(f"{reading.title}: the answer has changed:\n{before!s:.2000}\n{after!s:.2000}")


async def measure(
    readings: Sequence[Reading], server: ServerProcesses, *, repetitions: int, seconds: float
) -> dict[str, dict[str, Timing]]:
    """Compare the answers of all columns, and then measure them in turns; return the times by title and column.

    Args:
        readings: The questions.
        server: The server's processes.
        repetitions: The most calls of a column for a question.
        seconds: The time after which it has no further call; but it has at least three.

    Raises:
        UnequalError: The columns gave different answers.
    """
    for reading in readings:
        await compare(reading)
    calls = [(reading, column, call) for reading in readings for column, call in reading.calls.items()]
    taken: dict[tuple[str, str], list[Timing]] = {(reading.title, column): [] for reading, column, _ in calls}
    for turn in range(repetitions):
        for reading, column, call in calls:
            so_far = taken[reading.title, column]
            if turn < _LEAST_REPETITIONS or sum(timing.milliseconds for timing in so_far) < 1000 * seconds:
                if reading.before is not None:
                    await reading.before()
                so_far.append(await _time(call, server))
    medians = {key: Timing(*map(median, zip(*map(astuple, timings), strict=True))) for key, timings in taken.items()}
    return {r.title: {column: medians[r.title, column] for column in r.calls} for r in readings}


async def _time(call: Call, server: ServerProcesses) -> Timing:
    used, cpu, begun = server.cpu_seconds(), process_time(), perf_counter()
    await call()
    seconds = perf_counter() - begun, process_time() - cpu, server.cpu_seconds() - used
    return Timing(*(1000 * part for part in seconds))


def agree(one: Any, other: Any) -> bool:
    """Return whether two plain answers are equal, and percentiles within 2 %."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(agree, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_TOLERANCE)
    return bool(one == other)


def plain_uptime(answer: Any) -> list[tuple[timedelta, ...]]:
    """Return the times up, degraded and down in each step, whichever column gave them, services in order."""
    if isinstance(answer, dict):
        answer = [answer[name] for name in sorted(answer)]
    if not isinstance(answer, list):
        answer = [answer]
    steps = [step for item in answer for step in (item if isinstance(item, list) else [item])]
    return [tuple(_value(step, name) for name in ("up", "degraded", "down")) for step in steps]


def plain_percentiles(answer: Any) -> list[float] | None:
    """Return the milliseconds."""
    if isinstance(answer, list):
        found: list[float] | None = answer[0]["percentiles"]
        return found
    return answer and [answer[percentile] for percentile in _PERCENTILES]


def plain_incidents(answer: Any) -> list[tuple[Any, ...]]:
    """Return the beginning, end, length and message of each."""
    columns = ("started_at", "ended_at", "duration", "error_message")
    return [tuple(_value(incident, name) for name in columns) for incident in answer if _value(incident, "started_at")]


def plain_latest(answer: Any) -> list[Any]:
    """Return the status and the time of each service's last check."""
    checks = [getattr(status, "check", status) for status in answer]
    return [tuple(_value(check, name) for name in ("status", "checked_at")) for check in checks]


def _value(row: Any, name: str) -> Any:
    if row is None:  # a step without a known state
        return timedelta()
    return getattr(row, name) if hasattr(row, name) else row[name]


KINDS: Final[Mapping[str, tuple[Callable[..., Awaitable[Any]], Callable[[Any], Any]]]] = {
    "uptime": (services.uptime, plain_uptime),
    "response times": (services.response_time_percentiles, plain_percentiles),
    "incidents": (services.incidents, plain_incidents),
}
"""The questions about one service: the package's function, and what makes its answer comparable."""
