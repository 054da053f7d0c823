"""`medianest db`: the server and the schema."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial

import asyncclick as click

from medianest_models.backups.programs import libpq_arguments
from medianest_models.cli.backups import backup_command, restore_command, upgrade_command, verify_backup_command
from medianest_models.cli.output import json_option, print_result
from medianest_models.cli.setup import seed_rows
from medianest_models.db import database
from medianest_models.db.direct import direct_connection, resolve_direct_url
from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.db.requirements import migration_status
from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.errors import ConfigurationError
from medianest_models.migrate.applying import MigrationProgress, migrate, pending_sql
from medianest_models.migrate.drift import check_drift
from medianest_models.migrate.reset import LOCK_SECONDS, OwnObjects, drop_own_objects, find_own_objects
from medianest_models.seed import seed
from medianest_models.settings import load_settings


@click.group("db")
def database_group() -> None:
    """Manage the database server and its schema."""


@database_group.command("up")
@json_option
async def up_command(*, as_json: bool) -> None:
    """Start the embedded PostgreSQL. It is left running."""
    server = _own_server()
    url = await asyncio.to_thread(server.start)
    text = f"The embedded PostgreSQL in {server.home} is running: {url.masked}"
    print_result({"url": url.masked, "home": str(server.home)}, text, as_json=as_json)


@database_group.command("down")
@json_option
async def down_command(*, as_json: bool) -> None:
    """Stop the embedded PostgreSQL. Its data stay."""
    stopped = await asyncio.to_thread(_own_server().stop)
    text = "The embedded PostgreSQL was stopped." if stopped else "No embedded PostgreSQL was running."
    print_result({"stopped": stopped}, text, as_json=as_json)


@database_group.command("status")
@json_option
async def status_command(*, as_json: bool) -> None:
    """Say what the database is, and its migrations. Starts nothing."""
    settings = load_settings()
    url = settings.direct_url()
    running, embedded = True, url is None
    rows = [("server", "embedded PostgreSQL" if embedded else "DATABASE_URL")]
    if url is None:
        server = await asyncio.to_thread(embedded_server(settings).status)
        url, running = server.url, server.pid is not None
        rows.append(("home", str(settings.home)))
    rows.append(("url", url.masked))
    migrations = await migration_status(url) if running else None
    if migrations is None:
        rows.append(("state", "not running; `medianest db up` starts it"))
    else:
        pending = ", ".join(migrations.pending)
        rows.append(("applied", ", ".join(migrations.applied) or "nothing"))
        rows.append(("pending", f"{pending}; `medianest db migrate` applies them" if pending else "nothing"))
        if migrations.unknown:
            rows.append(("unknown", f"{', '.join(migrations.unknown)} (of another version of this package)"))
    document = {"url": url.masked, "embedded": embedded, "running": running}
    document |= {"home": str(settings.home)} if embedded else {}
    print_result(document | {"migrations": asdict(migrations) if migrations else None}, rows, as_json=as_json)


@database_group.command("url")
@click.option("--show-password", is_flag=True, help="Print the password too, for a client to use.")
async def url_command(*, show_password: bool) -> None:
    """Print the database's URL, its password masked."""
    settings = load_settings()
    url = settings.direct_url() or embedded_server(settings).url
    click.echo(url.for_libpq().get_secret_value() if show_password else url.masked)


@database_group.command("migrate")
@click.option("--dry-run", is_flag=True, help="Print the SQL of the pending migrations, and run none.")
@json_option
async def migrate_command(*, dry_run: bool, as_json: bool) -> None:
    """Apply the pending migrations. Processes that try at the same time apply each once."""
    if dry_run:
        pending = await pending_sql()
        text = "\n".join(f"-- {version}\n{sql.strip()}\n" for version, sql in pending.items())
        print_result({"pending": pending}, text or "-- nothing is pending", as_json=as_json)
        return
    progress = _Progress(quiet=as_json)
    applied = await migrate(progress=progress)
    text = "Nothing to apply" if not applied else "Done"
    document = {"applied": applied, "seconds": progress.seconds}
    print_result(document, f"{text}: the database has every migration.", as_json=as_json)


@database_group.command("check")
@json_option
@click.pass_context
async def check_command(ctx: click.Context, *, as_json: bool) -> None:
    """Compare the database with what its migrations make. Exit status 1 when anything differs."""
    report = await check_drift()
    text = "\n".join(difference.text for difference in report.differences)
    none = f"No difference: the schema {report.schema} is as its migrations make it."
    print_result({"ok": not report.differences, **asdict(report)}, text or none, as_json=as_json)
    if report.differences:
        await ctx.aexit(1)


@database_group.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
async def reset_command(*, yes: bool, as_json: bool) -> None:
    """Delete our tables and rows, migrate, seed. Refused in production."""
    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where the database is never reset")
    url = await resolve_direct_url()
    own = await find_own_objects(url)
    if not yes:
        click.echo(f"WARNING: this deletes {_tables(own)} in {url.masked}", err=True)
        for table, rows in own.rows.items():
            click.echo(f"  {table}: {rows:,} rows", err=True)
        click.confirm("Go on?", abort=True, err=True)
    waiting = partial(click.echo, "Another process is resetting the database: waiting for it", err=True)
    async with (
        direct_connection(url) as connection,
        session_lock(connection, AdvisoryLock.RESETTING, seconds=LOCK_SECONDS, waiting=waiting),
    ):
        deleted = await drop_own_objects(url)
        applied = await migrate(url)
        async with database(url):
            report = await seed()
    if not as_json:
        click.echo(f"Deleted {_tables(deleted)} in {url.masked}, and applied {', '.join(applied)}")
    document = {"schema": deleted.schema, "deleted": deleted.rows, "applied": applied, "seed": asdict(report)}
    print_result(document, seed_rows(report), as_json=as_json)


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
    where, environment = libpq_arguments(url)
    os.execve(program, ["psql", where, *arguments], environment)  # noqa: S606 - no shell is wanted


for _command in (backup_command, restore_command, verify_backup_command, upgrade_command):
    database_group.add_command(_command)


class _Progress(MigrationProgress):
    """Prints one line per step, unless it is quiet, and records the seconds that each file took."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}

    def waiting(self) -> None:
        self._say("Another process is migrating: waiting for it")

    def started(self, version: str) -> None:
        self._say(f"Applying {version}")

    def applied(self, version: str, seconds: float) -> None:
        self.seconds[version] = seconds
        self._say(f"Applied {version} in {seconds:.2f} s")

    def _say(self, line: str) -> None:
        if not self.quiet:
            with suppress(OSError):  # no migration fails for want of a reader: what is printed last will say so
                click.echo(line)


def _tables(own: OwnObjects) -> str:
    return f"the {len(own.rows)} tables of this package in schema {own.schema}" if own.rows else "nothing"


def _own_server() -> EmbeddedServer:
    settings = load_settings()
    if settings.database_url is not None:
        raise ConfigurationError("DATABASE_URL: is set, so there is no embedded PostgreSQL to start or stop")
    return embedded_server(settings)
