"""`medianest maintain`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_result, progress_bar
from medianest_models.db import database
from medianest_models.upkeep import MaintenanceReport, maintain


@click.command("maintain")
@click.option(
    "--every",
    "seconds",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="Do it again and again, until SIGTERM or Ctrl-C; at most a day apart.",
)
@json_option
@click.pass_context
async def maintain_command(ctx: click.Context, *, seconds: int | None, as_json: bool) -> None:
    """Do all that is due from time to time: roll up checks, drop what is old, make partitions.

    The settings retention.checks, retention.activity and retention.downloads say what is old; without them it stays.
    Expired sessions and rate limits are deleted too. It can be interrupted at any time, and several may run at once.
    Exit status 1 when something could not be done; the rest is done all the same. With --every such a failure is
    printed, and tried again the next time.
    """
    if seconds is not None:
        await _repeat(seconds, as_json=as_json)
        return
    async with database():
        report = await _maintain(as_json=as_json)
    if report.failed:
        await ctx.aexit(1)


async def _repeat(seconds: int, *, as_json: bool) -> None:
    """Maintain the database until a signal ends that, wherever it is."""

    async def go_on() -> None:
        async with database():
            while True:
                await _maintain(as_json=as_json)
                await asyncio.sleep(seconds)

    task = asyncio.create_task(go_on())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows
            loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _maintain(*, as_json: bool) -> MaintenanceReport:
    with progress_bar("Rolling up", length=0) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        report = await maintain(progress=progress)
    print_result(asdict(report), _rows(report), as_json=as_json)
    return report


def _rows(report: MaintenanceReport) -> Iterator[tuple[object, ...]]:
    yield "rolled up", report.hours_rolled_up, "hours of services"
    yield from (("made", count, f"partitions of {table}") for table, count in report.partitions_made.items())
    yield from (("dropped", count, f"partitions of {table}") for table, count in report.partitions_dropped.items())
    yield from (("deleted", count, f"rows of {table}") for table, count in report.deleted.items())
    yield from (("FAILED", "", f"to {step}: {reason}") for step, reason in report.failed.items())
