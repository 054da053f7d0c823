"""`medianest health` and `medianest stats`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Final

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.db import DatabaseHealth, database, database_health, get_database_stats
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError, MedianestError, NoPrimaryError
from medianest_models.repositories import downloads, services
from medianest_models.settings import DatabaseUrl, load_settings
from medianest_models.upkeep import overdue

_WARNING_SECONDS: Final = 2.0


@click.command("health")
@click.option("--standby", is_flag=True, help="Expect a standby: fail if the server is a primary.")
@json_option
@click.pass_context
async def health_command(ctx: click.Context, *, standby: bool, as_json: bool) -> None:
    """Say whether the database can be used. Exit status 1 when it can't, or when it lacks migrations.

    A standby fails, unless --standby or the URL's target_session_attrs asks for one. If the work of `medianest
    maintain` is overdue, or the database is read-only, it prints a warning, which does not change the exit status.
    """
    url = load_settings().url()
    if standby:
        if url is None:
            raise ConfigurationError("DATABASE_URL: not set, and the embedded server is no standby")
        url = replace(url, target_session_attrs="standby")
    warnings: list[str] = []
    try:
        async with database(url, require_migrated=False):
            health = await database_health()
            if health.ok and not health.migrations_pending:
                warnings = await _warnings()
    except NoPrimaryError as error:
        health = await _other_server(url, error)
    except DatabaseUnavailableError as error:
        health = DatabaseHealth(ok=False, error=str(error))
    if health.role == "read-only":
        warnings.append("nothing can be written: the database is read-only for this role")
    if health.ok and health.migrations_pending:  # every worker would be refused
        health = replace(health, ok=False, error="migrations are pending: run `medianest db migrate`")
    known = {name: value for name, value in asdict(health).items() if value is not None and value != ()}
    rows = [(name.replace("_", " "), _text(value)) for name, value in known.items()]
    rows += [("warning", said) for said in warnings]
    print_result(asdict(health) | {"warnings": warnings}, rows, as_json=as_json)
    if not health.ok:
        await ctx.aexit(1)


@click.command("stats")
@json_option
async def stats_command(*, as_json: bool) -> None:
    """Count users, media requests and downloads. Also say if the queue is paused, and what is in maintenance."""
    async with database():
        stats = await get_database_stats()
        pause = await downloads.pause_status()
        windows = await services.maintenance.current()
    if stats is None:
        raise DatabaseUnavailableError("the rows could not be counted; `medianest db status` says more")
    shown: dict[str, Any] = asdict(stats)
    rows = {name.replace("_", " "): value for name, value in shown.items()}
    if pause is not None:
        until = None if pause.until is None else pause.until.isoformat()
        shown["downloads_paused"] = {"until": until, "reason": pause.reason}
        rows["downloads paused"] = f"until {until or 'resumed'}" + (f": {pause.reason}" if pause.reason else "")
    if windows:
        shown["in_maintenance"] = names = sorted({window.service.name for window in windows})
        rows["in maintenance"] = ", ".join(names)
    print_result(shown, rows.items(), as_json=as_json)


async def _other_server(url: DatabaseUrl | None, error: NoPrimaryError) -> DatabaseHealth:
    """Describe a server that answers, but does not have the role that the URL asks for."""
    found = DatabaseHealth(ok=False)
    with suppress(MedianestError):
        async with database(url and replace(url, target_session_attrs="any"), require_migrated=False):
            found = await database_health()
    return replace(found, ok=False, error=str(error))


async def _warnings() -> list[str]:
    try:
        async with asyncio.timeout(_WARNING_SECONDS):
            return await overdue()
    except (MedianestError, TimeoutError):
        return ["the checks and partitions could not be looked at"]


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)
