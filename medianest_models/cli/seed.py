"""`medianest seed`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.db import database
from medianest_models.seed import SeedReport, seed

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("seed")
@click.option("--force", is_flag=True, help="Overwrite settings that were changed since they were seeded.")
@json_option
async def seed_command(*, force: bool, as_json: bool) -> None:
    """Put in the default services and settings. What is there stays as it is."""
    async with database():
        report = await seed(force=force)
    print_result(asdict(report), seed_rows(report), as_json=as_json)


def seed_rows(report: SeedReport) -> Iterator[tuple[object, ...]]:
    """Say on a row each what became of a service or setting."""
    yield from (("service", name, outcome) for name, outcome in report.services.items())
    yield from (("setting", key, outcome) for key, outcome in report.configs.items())
