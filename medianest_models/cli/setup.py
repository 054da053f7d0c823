"""`medianest setup`: from nothing to a database that works."""

from __future__ import annotations

from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.cli.seed import seed_rows
from medianest_models.db import database, database_health, get_database_stats
from medianest_models.db.direct import resolve_direct_url
from medianest_models.db.requirements import migration_status
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.migrate.applying import migrate
from medianest_models.seed import seed


@click.command("setup")
@json_option
async def setup_command(*, as_json: bool) -> None:
    """Start the database if it is the embedded one, migrate it, seed it, and say what there is now."""
    url = await resolve_direct_url()
    applied = await migrate(url)
    async with database():
        report = await seed()
        health = await database_health()
        stats = await get_database_stats()
    if not health.ok or stats is None:
        raise DatabaseUnavailableError(health.error or "the rows could not be counted")
    status = await migration_status(url)
    document = {
        "url": url.masked,
        "server_version": health.server_version,
        "migrations": {"applied_now": applied, "applied": status.applied},
        "seed": asdict(report),
        "stats": asdict(stats),
    }
    rows = (
        ("server", f"PostgreSQL {health.server_version}"),
        ("url", url.masked),
        ("migrations", f"{len(status.applied)} applied, {len(applied)} of them now"),
        ("rows", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in asdict(stats).items())),
    )
    print_result(document, rows, as_json=as_json)
    if not as_json:
        print_result(None, seed_rows(report), as_json=False)
        click.echo("\nNext: `medianest db psql` opens the database, `medianest --help` shows the rest.")
