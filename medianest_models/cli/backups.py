"""`medianest db backup`, `restore`, `verify-backup` and `upgrade`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import asyncclick as click

from medianest_models.backups import make_backup, restore_backup, upgrade_embedded, verify_backup
from medianest_models.cli.output import json_option, print_result
from medianest_models.embedded import embedded_server
from medianest_models.errors import ConfigurationError
from medianest_models.settings import load_settings
from medianest_models.signals import on_signals

_file: Final = click.argument("file", type=click.Path(path_type=Path))


@click.command("backup")
@_file
@json_option
async def backup_command(*, file: Path, as_json: bool) -> None:
    """Write the whole database to FILE, which must not exist.

    The backup is as of one instant; others may read and write meanwhile. It needs pg_dump of the server's major
    version. pg_restore can read the file. The secrets in it stay encrypted: keep ENCRYPTION_KEYS too, in another place.
    """
    with ended_by_sigterm():
        manifest = await make_backup(file, progress=_progress(quiet=as_json))
    size = (await asyncio.to_thread(file.stat)).st_size
    text = f"Saved {sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables in {file}, {size:,} bytes."
    print_result({"file": str(file), "bytes": size, **asdict(manifest)}, text, as_json=as_json)


@click.command("restore")
@_file
@json_option
async def restore_command(*, file: Path, as_json: bool) -> None:
    """Restore a backup into an empty database.

    If pg_restore fails, the database stays empty. Otherwise it has the migrations of the backup: `medianest db
    migrate` applies those that are missing.
    """
    with ended_by_sigterm():
        report = await restore_backup(file, progress=_progress(quiet=as_json))
    rows = report.manifest.rows
    text = f"Restored {sum(rows.values()):,} rows of {len(rows)} tables."
    if report.pending:
        text += f"\nPending are {', '.join(report.pending)}: `medianest db migrate` applies them."
    print_result(asdict(report), text, as_json=as_json)


@click.command("verify-backup")
@_file
@json_option
@click.pass_context
async def verify_backup_command(ctx: click.Context, *, file: Path, as_json: bool) -> None:
    """Prove that a backup can be restored and read. Exit status 1 when anything is wrong with it.

    The backup is restored into a scratch database on the server, or on a temporary embedded server if the role may not
    create databases. Then the number of rows of each table is compared with that in the backup, the schema with its
    migrations, and every secret is decrypted with ENCRYPTION_KEYS. The scratch database is dropped, also when the
    command is interrupted.
    """
    with ended_by_sigterm():
        report = await verify_backup(file, progress=_progress(quiet=as_json))
    rows = sum(report.manifest.rows.values())
    good = f"The backup is good: {rows:,} rows of {len(report.manifest.rows)} tables, {report.secrets.rows:,} secrets."
    document = {"ok": not report.problems, "problems": report.problems, **asdict(report)}
    print_result(document, "\n".join(report.problems) or good, as_json=as_json)
    if report.problems:
        await ctx.aexit(1)


@click.command("upgrade")
@json_option
async def upgrade_command(*, as_json: bool) -> None:
    """Upgrade the embedded PostgreSQL to another major version.

    The programs of the old version back up the database, the new ones restore it into a new data folder. The old folder
    is kept as pgdata.VERSION. The command can be interrupted or killed at any time, and run again.
    """
    settings = load_settings()
    if settings.database_url is not None:
        raise ConfigurationError("DATABASE_URL: is set, so there is no embedded PostgreSQL to upgrade")
    with ended_by_sigterm():
        report = await upgrade_embedded(embedded_server(settings), progress=_progress(quiet=as_json))
    text = f"The data are those of PostgreSQL {report.new} now. The old ones are in {report.kept}."
    print_result(asdict(report), text, as_json=as_json)


def _progress(*, quiet: bool) -> Callable[[str], None]:
    """Return a function that prints a sentence for each step, unless `quiet`."""

    def say(sentence: str) -> None:
        if not quiet:
            with suppress(OSError):  # nothing fails for want of a reader
                click.echo(sentence, err=True)

    return say


def ended_by_sigterm() -> AbstractContextManager[None]:
    """Handle SIGTERM like Ctrl-C inside the block, so that unfinished files and databases are removed."""
    return on_signals(partial(signal.raise_signal, signal.SIGINT), signal.SIGTERM)
