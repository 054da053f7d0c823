"""A history of checks that looks like a portal's, always the same, and recording it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from math import log
from random import Random
from time import perf_counter
from typing import Final, TypeAlias

import asyncpg

from medianest_models.enums import ServiceStatus
from medianest_models.repositories import services
from medianest_models.repositories.services import Check

_MINUTE: Final = timedelta(minutes=1)
_QUIET_MINUTES: Final = 2 * 1440
_TROUBLE_MINUTES: Final = 20
_MESSAGES: Final = ("connection refused", "timed out after 10 s", "502 Bad Gateway")
_Result: TypeAlias = tuple[ServiceStatus, int | None, str | None]


async def add_services(connection: asyncpg.Connection, number: int) -> list[str]:
    """Add so many services, and return their names, in order."""
    names = [f"service-{place:02}" for place in range(number)]
    await connection.executemany("INSERT INTO services (name, display_name) VALUES ($1, $1)", [(n,) for n in names])
    return names


def make_checks(names: Sequence[str], since: datetime, minutes: int) -> Iterator[Check]:
    """Draw a check of each service in each minute, in the order of time.

    Args:
        names: The services' names.
        since: The first minute.
        minutes: The length of the history.
    """
    dice = Random(7)  # noqa: S311 - no secret
    histories = [(name, _results(Random(place), 15 * 1.2**place)) for place, name in enumerate(names)]  # noqa: S311
    for minute in range(minutes):
        begun = since + minute * _MINUTE
        for place, (name, results) in enumerate(histories):
            if (result := next(results)) is not None:
                yield Check(name, *result, begun + timedelta(seconds=place, microseconds=dice.randrange(900_000)))


def _results(dice: Random, typical: float) -> Iterator[_Result | None]:
    """Draw the result of a service in each minute, None where it is not checked.

    It is well for two days or so, then in trouble. The times are lognormal around a typical number of milliseconds,
    with spikes.
    """
    middle = log(typical)
    while True:
        for _ in range(int(dice.expovariate(1 / _QUIET_MINUTES))):
            spike = 12 if dice.random() < 0.003 else 1  # noqa: PLR2004 - a share
            yield ServiceStatus.UP, int(spike * dice.lognormvariate(middle, 0.35)), None
        status = dice.choice((ServiceStatus.DOWN, ServiceStatus.DOWN, ServiceStatus.DEGRADED, None))
        message = dice.choice(_MESSAGES)
        for minute in range(int(dice.lognormvariate(log(_TROUBLE_MINUTES), 1))):
            match status:
                case ServiceStatus.DOWN:
                    yield status, None, message if minute > 0 else None
                case ServiceStatus.DEGRADED:
                    yield status, int(8 * dice.lognormvariate(middle, 0.5)), "slow"
                case _:
                    yield None


async def load(checks: Iterator[Check], *, at_once: int) -> tuple[int, float]:
    """Record checks, so many in a transaction; return their number and the seconds that recording them took."""
    number, seconds = 0, 0.0
    while batch := list(islice(checks, at_once)):
        begun = perf_counter()
        number += await services.record_checks(batch)
        seconds += perf_counter() - begun
    return number, seconds
