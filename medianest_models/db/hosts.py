"""Opening a connection: the hosts of a URL are asked in a race, and the first with the right role is taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final, TypeAlias

import asyncpg

from medianest_models.db.driver_errors import connect_failure, connect_reason, may_pass
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.errors import MedianestError, NoPrimaryError
from medianest_models.settings import DatabaseUrl
from medianest_models.settings.urls import ServerRole

_Place: TypeAlias = tuple[str, int]

_HEAD_START_SECONDS: Final = 0.25
"""The time that a host has to answer before the next one is asked too."""
_PAUSE_SECONDS: Final = 0.25
"""The pause before all hosts are asked again."""

_ROLE: Final = "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only"

_last_good: Final[dict[tuple[_Place, ...], _Place]] = {}


class _WrongRoleError(Exception):
    """The server has another role than the URL asks for."""


async def open_connection(url: DatabaseUrl, *, seconds: float, **options: Any) -> ForkSafeConnection:
    """Connect to the first host that answers and has the role that the URL asks for.

    The host that was taken last is asked first; each further one as soon as an earlier one fails, or after 250 ms. If
    none fits, and one of several may soon, such as a standby that is being promoted, all are asked again.

    Args:
        url: The hosts, and the role.
        seconds: The longest time that this takes.
        **options: Further arguments of `asyncpg.connect`.

    Raises:
        NoPrimaryError: No host has the role; the message says what each of them answered.
        ConfigurationError: The parameters of the URL do not fit together.
        DatabaseUnavailableError: The only host can't be reached, or lets nobody in.
    """
    answers: dict[_Place, Exception] = {place: TimeoutError() for place in url.places}
    try:
        async with asyncio.timeout(seconds):
            while True:
                for role in ("standby", "any") if url.server_role == "prefer-standby" else (url.server_role,):
                    connection = await _race(url, role, answers, seconds, options)
                    if connection is not None:
                        return connection
                if not url.fallbacks or not any(map(_may_change, answers.values())):
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError:
        pass
    raise _failure(url, answers, seconds)


async def _race(
    url: DatabaseUrl, role: ServerRole, answers: dict[_Place, Exception], seconds: float, options: dict[str, Any]
) -> ForkSafeConnection | None:
    """Return the first connection that fits; None if no host has one, and note the `answers`."""
    last_good = _last_good.get(url.places)
    waiting = sorted(url.places, key=lambda place: place != last_good)
    asked: dict[asyncio.Task[ForkSafeConnection], _Place] = {}
    try:
        while waiting or asked:
            if waiting:
                place = waiting.pop(0)
                asked[asyncio.create_task(_ask(url, place, role, seconds, options))] = place
            done, _ = await asyncio.wait(
                asked, timeout=_HEAD_START_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                place = asked.pop(task)
                try:
                    connection = task.result()
                except Exception as error:  # noqa: BLE001 - whatever a host does, the others are asked
                    answers[place] = error
                else:
                    _last_good[url.places] = place
                    return connection
    finally:
        for task in asked:
            task.cancel()
            task.add_done_callback(_discard)
    return None


async def _ask(
    url: DatabaseUrl, place: _Place, role: ServerRole, seconds: float, options: dict[str, Any]
) -> ForkSafeConnection:
    """Connect to one host, and check its role."""
    only = replace(url, host=place[0], port=place[1], fallbacks=())
    connection: ForkSafeConnection = await asyncpg.connect(
        **only.connect_arguments() | options, connection_class=ForkSafeConnection, timeout=seconds
    )
    try:
        await _check_role(connection, url, role)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _check_role(connection: asyncpg.Connection[Any], url: DatabaseUrl, role: ServerRole) -> None:
    """Raise an error unless the server has the role."""
    if role == "any":
        return
    if url.pgbouncer:  # what it reports may be older than a failover
        ((standby, read_only),) = await connection.fetch(_ROLE)
    else:
        reported = connection.get_settings()
        standby = getattr(reported, "in_hot_standby", "off") == "on"
        read_only = standby or getattr(reported, "default_transaction_read_only", "off") == "on"
    fits = {"primary": not standby, "standby": standby, "read-write": not read_only, "read-only": read_only}
    if not fits[role]:
        raise _WrongRoleError("is a standby" if standby else "is read-only" if read_only else "is the primary")


def _discard(task: asyncio.Task[ForkSafeConnection]) -> None:
    """End the connection of a host that was too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()


def _may_change(answer: Exception) -> bool:
    return isinstance(answer, _WrongRoleError) or may_pass(answer)


def _failure(url: DatabaseUrl, answers: dict[_Place, Exception], seconds: float) -> MedianestError:
    if not url.fallbacks and not isinstance(answer := answers[url.host, url.port], _WrongRoleError):
        return connect_failure(answer, url, seconds)
    said = "; ".join(
        f"{host}:{port} {answer if isinstance(answer, _WrongRoleError) else f'({connect_reason(answer, seconds)})'}"
        for (host, port), answer in answers.items()
    )
    return NoPrimaryError(f"can't connect to {url.masked}: no server is {url.server_role}: {said}")
