"""`medianest prune`."""

from __future__ import annotations

from datetime import timedelta

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.db import database
from medianest_models.repositories import activity, downloads, services
from medianest_models.upkeep import DELETE_EXPIRED

_DAYS = click.IntRange(min=1, max=36_500)


@click.command("prune")
@click.option("--history", "history_days", type=_DAYS, metavar="DAYS", help="Also checks older than DAYS days.")
@click.option("--activity", "activity_days", type=_DAYS, metavar="DAYS", help="Also log entries older than DAYS days.")
@click.option(
    "--downloads",
    "downloads_days",
    type=_DAYS,
    metavar="DAYS",
    help="Also downloads that ended more than DAYS days ago.",
)
@json_option
async def prune_command(
    *, history_days: int | None, activity_days: int | None, downloads_days: int | None, as_json: bool
) -> None:
    """Delete expired sessions and rate limits, and what is older than a given age.

    Rows are deleted in small batches; months of checks that are old as a whole are dropped, which only the role that
    owns the table can do. It can be interrupted at any time. For regular use there is `medianest maintain`, which
    takes the ages from the settings retention.checks, retention.activity and retention.downloads.
    """
    async with database():
        deleted = {table: await delete() for table, delete in DELETE_EXPIRED.items()}
        if history_days is not None:
            deleted["service_status_history"] = await services.prune_history(timedelta(days=history_days))
        if activity_days is not None:
            deleted["activity_logs"] = await activity.prune(timedelta(days=activity_days))
        if downloads_days is not None:
            deleted["youtube_downloads"] = await downloads.prune(timedelta(days=downloads_days))
    print_result({"deleted": deleted}, (("deleted", count, table) for table, count in deleted.items()), as_json=as_json)
