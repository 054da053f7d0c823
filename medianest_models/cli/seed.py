"""`medianest seed`."""

from __future__ import annotations

from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_json, print_table
from medianest_models.db import database
from medianest_models.seed import SeedReport, seed


@click.command("seed")
@click.option("--force", is_flag=True, help="Overwrite settings that were changed since they were seeded.")
@json_option
async def seed_command(*, force: bool, as_json: bool) -> None:
    """Put in the default services and settings. What is there stays as it is."""
    async with database():
        report = await seed(force=force)
    if as_json:
        print_json(asdict(report))
    else:
        print_seed_report(report)


def print_seed_report(report: SeedReport) -> None:
    """Print what became of each service and setting."""
    rows: list[tuple[object, ...]] = [("service", name, outcome) for name, outcome in report.services.items()]
    rows += [("setting", key, outcome) for key, outcome in report.configs.items()]
    print_table(*rows)
