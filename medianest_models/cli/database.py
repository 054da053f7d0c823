"""`medianest db`: the server and the schema."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import asyncclick as click

from medianest_models.cli.output import json_option, print_json, print_table
from medianest_models.cli.seed import print_seed_report
from medianest_models.db import database
from medianest_models.db.direct import resolve_direct_url
from medianest_models.db.migration_status import migration_status
from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.errors import ConfigurationError
from medianest_models.migrate.applying import MigrationProgress, migrate, pending_sql
from medianest_models.migrate.drift import check_drift
from medianest_models.migrate.reset import OwnObjects, drop_own_objects, find_own_objects
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group("db")
def database_group() -> None:
    """Manage the database server and its schema."""


@database_group.command("up")
@json_option
async def up_command(*, as_json: bool) -> None:
    """Start the embedded PostgreSQL. It is left running."""
    server = _own_server()
    url = await asyncio.to_thread(server.start)
    if as_json:
        print_json({"url": url.masked})
    else:
        click.echo(f"The embedded PostgreSQL is running: {url.masked}")


@database_group.command("down")
@json_option
async def down_command(*, as_json: bool) -> None:
    """Stop the embedded PostgreSQL. Its data stay."""
    stopped = await asyncio.to_thread(_own_server().stop)
    if as_json:
        print_json({"stopped": stopped})
    else:
        click.echo("The embedded PostgreSQL was stopped." if stopped else "No embedded PostgreSQL was running.")


@database_group.command("status")
@json_option
async def status_command(*, as_json: bool) -> None:
    """Say where the database is, whether it runs, and which migrations it has. Starts nothing."""
    settings = load_settings()
    url = settings.direct_url()
    running = True
    if url is None:
        embedded = await asyncio.to_thread(embedded_server(settings).status)
        url, running = embedded.url, embedded.pid is not None
    migrations = await migration_status(url) if running else None
    if as_json:
        print_json(
            {
                "url": url.masked,
                "embedded": settings.database_url is None,
                "running": running,
                "migrations": asdict(migrations) if migrations else None,
            }
        )
        return
    rows: list[tuple[object, ...]] = [("server", _server_name(settings)), ("url", url.masked)]
    if migrations is None:
        rows.append(("state", "not running; `medianest db up` starts it"))
    else:
        rows.append(("applied", ", ".join(migrations.applied) or "nothing"))
        rows.append(("pending", _pending(migrations.pending)))
        if migrations.unknown:
            rows.append(("unknown", f"{', '.join(migrations.unknown)} (of another version of this package)"))
    print_table(*rows)


@database_group.command("url")
@click.option("--show-password", is_flag=True, help="Print the password too, for a client to use.")
async def url_command(*, show_password: bool) -> None:
    """Print the database's URL, with the password masked, and nothing else."""
    url = _configured_url(load_settings())
    click.echo(url.for_libpq().get_secret_value() if show_password else url.masked)


@database_group.command("migrate")
@click.option("--dry-run", is_flag=True, help="Print the SQL of the pending migrations, and run none.")
@json_option
async def migrate_command(*, dry_run: bool, as_json: bool) -> None:
    """Apply the pending migrations, each once however many processes try at the same time."""
    if dry_run:
        await _print_pending(as_json=as_json)
        return
    progress = _SilentProgress() if as_json else _PrintedProgress()
    applied = await migrate(progress=progress)
    if as_json:
        print_json({"applied": applied, "seconds": progress.seconds})
    elif not applied:
        click.echo("Nothing to apply: the database has every migration.")


@database_group.command("check")
@json_option
@click.pass_context
async def check_command(ctx: click.Context, *, as_json: bool) -> None:
    """Compare the database with what its migrations make. Exit status 1 when anything differs."""
    report = await check_drift()
    if as_json:
        print_json({"ok": not report.differences, **asdict(report)})
    elif report.differences:
        for difference in report.differences:
            click.echo(difference.text)
    else:
        click.echo(f"No difference: the schema {report.schema} is as its migrations make it.")
    if report.differences:
        await ctx.aexit(1)


@database_group.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
async def reset_command(*, yes: bool, as_json: bool) -> None:
    """Delete all tables of this package with their rows, then migrate and seed. Refused in production."""
    settings = load_settings()
    if settings.is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where the database is never reset")
    url = await resolve_direct_url()
    if not yes:
        _warn(await find_own_objects(url), url)
        click.confirm("Go on?", abort=True, err=True)
    deleted = await drop_own_objects(url)
    applied = await migrate(url)
    async with database():
        report = await seed()
    if as_json:
        seeded = asdict(report)
        print_json({"schema": deleted.schema, "deleted": deleted.rows, "applied": applied, "seed": seeded})
        return
    click.echo(f"Deleted {_tables(deleted)} in {url.masked}, and applied {', '.join(applied)}")
    print_seed_report(report)


@database_group.command("psql", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
async def psql_command(arguments: Sequence[str]) -> None:
    """Open psql on the database; ARGUMENTS are psql's own."""
    settings = load_settings()
    if settings.database_url is None:
        server = embedded_server(settings)
        url, program = await asyncio.to_thread(server.start), str(server.psql_path)
    else:
        url, program = await resolve_direct_url(), shutil.which("psql") or ""
    if not program:
        raise ConfigurationError("psql is not installed: install PostgreSQL's client, or leave DATABASE_URL unset")
    # The password goes through the environment: everyone on the machine can read a command line.
    password = url.password.get_secret_value() if url.password else ""
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    where = replace(url, password=None).for_libpq().get_secret_value()
    os.execve(program, ["psql", where, *arguments], environment)  # noqa: S606 - no shell is wanted


class _SilentProgress(MigrationProgress):
    """Keeps how long each file took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def applied(self, version: str, seconds: float) -> None:
        self.seconds[version] = seconds


class _PrintedProgress(_SilentProgress):
    """Says on a line each what is done."""

    def waiting(self) -> None:
        click.echo("Another process is migrating: waiting for it")

    def started(self, version: str) -> None:
        click.echo(f"Applying {version}")

    def applied(self, version: str, seconds: float) -> None:
        super().applied(version, seconds)
        click.echo(f"Applied {version} in {seconds:.2f} s")


def _warn(own: OwnObjects, url: DatabaseUrl) -> None:
    click.echo(f"WARNING: this deletes {_tables(own)} in {url.masked}", err=True)
    for table, rows in own.rows.items():
        click.echo(f"  {table}: {rows:,} rows", err=True)


def _tables(own: OwnObjects) -> str:
    return f"the {len(own.rows)} tables of this package in schema {own.schema}" if own.rows else "nothing"


async def _print_pending(*, as_json: bool) -> None:
    pending = await pending_sql()
    if as_json:
        print_json({"pending": pending})
        return
    for version, sql in pending.items():
        click.echo(f"-- {version}\n{sql.strip()}\n")
    if not pending:
        click.echo("-- nothing is pending")


def _own_server() -> EmbeddedServer:
    settings = load_settings()
    if settings.database_url is not None:
        raise ConfigurationError("DATABASE_URL: is set, so there is no embedded PostgreSQL to start or stop")
    return embedded_server(settings)


def _configured_url(settings: Settings) -> DatabaseUrl:
    return settings.direct_url() or embedded_server(settings).url


def _server_name(settings: Settings) -> str:
    return "embedded PostgreSQL" if settings.database_url is None else "DATABASE_URL"


def _pending(versions: Sequence[str]) -> str:
    return f"{', '.join(versions)}; `medianest db migrate` applies them" if versions else "nothing"
