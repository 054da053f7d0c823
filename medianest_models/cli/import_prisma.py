"""`medianest import-prisma`."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

import asyncclick as click
import orjson
from pydantic import SecretStr

from medianest_models.cli.output import json_option, print_result, progress_bar
from medianest_models.db import database
from medianest_models.importing import ImportReport, import_prisma
from medianest_models.settings import DatabaseUrl


@click.command("import-prisma")
@click.argument("source_url", envvar="SOURCE_DATABASE_URL")
@click.option("--dry-run", is_flag=True, help="Do all of it, report, and roll back: nothing is written.")
@click.option("--report", type=click.File("ab", lazy=False), help="Write the whole report here, as JSON.")
@click.option("--zone", default="UTC", show_default=True, help="The time zone of the instants in the source.")
@json_option
@click.pass_context
async def import_command(
    ctx: click.Context, source_url: str, *, dry_run: bool, report: BinaryIO | None, zone: str, as_json: bool
) -> None:
    """Import a MediaNest that Prisma made, in one transaction; can be run again.

    SOURCE_URL is the source's DATABASE_URL, with its ?schema= when that is not public; it is read and never written.
    SOURCE_DATABASE_URL can take its place, and SOURCE_ENCRYPTION_KEY is the source's ENCRYPTION_KEY: both in the
    environment or in --env-file, where nobody else sees them. Exit status 1 when it is not complete, though written: a
    row or a secret had to be left out, which the report names with the reason, or `medianest db check` finds a
    difference; also 1 when the report can't be written, or the import failed and wrote nothing.
    """
    source = DatabaseUrl.parse(source_url, variable="SOURCE_URL")
    key = os.environ.get("SOURCE_ENCRYPTION_KEY", "").strip()  # such as the line break of a file
    with progress_bar("Importing", length=1) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        async with database():
            done = await import_prisma(
                source, key=SecretStr(key) if key else None, zone=zone, dry_run=dry_run, progress=progress
            )
    is_written = report is None or _write(report, done)
    print_result(done.document(), "\n".join(done.lines()), as_json=as_json)
    if not is_written or not done.complete:
        await ctx.aexit(1)


def _write(report: BinaryIO, done: ImportReport) -> bool:
    """Write the report into its file, which was opened before the import; say so and return False if that fails."""
    with suppress(OSError):  # of a device
        report.truncate(0)  # only now: a run that is refused leaves the last report alone
    try:
        report.write(orjson.dumps(done.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        report.close()
    except OSError as error:
        click.echo(f"Error: {report.name} can't be written: {error.strerror}; what was done is told here", err=True)
        return False
    return True
