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
from medianest_models.signals import on_signals
from medianest_models.upkeep import MaintenanceReport, maintain


@click.command("maintain")
@click.option(
    "--every",
    "seconds",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="Repeat it after so many seconds, until SIGTERM or Ctrl-C.",
)
@json_option
@click.pass_context
async def maintain_command(ctx: click.Context, *, seconds: int | None, as_json: bool) -> None:
    """Do the regular upkeep: make partitions, roll up checks, remove what is old or expired.

    Run it once an hour, as the role that owns the tables. The settings retention.checks, retention.activity and
    retention.downloads say for how many days rows are kept; without them, for ever. It can be interrupted at any time,
    and several may run at once. If a step fails, the others are done all the same, and the exit status is 1. With
    --every the failure is printed, and the step is tried again the next time.
    """
    if seconds is not None:
        await _repeat(seconds, as_json=as_json)
        return
    async with database():
        report = await _maintain(as_json=as_json)
    if report.failed:
        await ctx.aexit(1)


async def _repeat(seconds: int, *, as_json: bool) -> None:
    """Maintain the database again and again, until a signal cancels it at any point."""

    async def go_on() -> None:
        async with database():
            while True:
                await _maintain(as_json=as_json)
                await asyncio.sleep(seconds)

    task = asyncio.create_task(go_on())
    with on_signals(task.cancel, signal.SIGINT, signal.SIGTERM), suppress(asyncio.CancelledError):
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
