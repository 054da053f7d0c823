"""From nothing to a database that works: `medianest setup`, `seed`, `bootstrap` and `demo-data`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_result, progress_bar
from medianest_models.db import database, database_health, get_database_stats
from medianest_models.db.direct import resolve_direct_url
from medianest_models.db.requirements import migration_status
from medianest_models.demo_data import fill_with_demo_data, refuse_production, refuse_users
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import users
from medianest_models.seed import SeedReport, seed


@click.command("setup")
@json_option
async def setup_command(*, as_json: bool) -> None:
    """Start the database if it is the embedded one, migrate it, seed it, and say what there is now."""
    url = await resolve_direct_url()
    applied = await migrate(url)
    async with database(url):
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


@click.command("bootstrap")
@json_option
async def bootstrap_command(*, as_json: bool) -> None:
    """Make the first admin, from ADMIN_USERNAME and ADMIN_PASSWORD, when there is no admin."""
    async with database():
        admin = await users.bootstrap_admin()
    name = admin.plex_username if admin else None
    created = f"Created the admin user {name}.\nMake sure to change the admin password after first login!"
    text = created if name else "There is an admin already: nothing was changed."
    print_result({"created": name}, text, as_json=as_json)


@click.command("demo-data")
@json_option
async def demo_data_command(*, as_json: bool) -> None:
    """Fill the database with a portal to look around in; migrates and seeds it first. Refused in production."""
    refuse_production()
    url = await resolve_direct_url()
    if (await migration_status(url)).applied:
        async with database(url, require_migrated=False):
            await refuse_users()
    await migrate(url)
    async with database(url):
        await seed()
        with progress_bar("Writing", 0) as bar:

            def show(rows: int, total: int) -> None:
                bar.length = total
                bar.update(rows)

            written = await fill_with_demo_data(show)
    rows = [("wrote", f"{number:,}", table) for table, number in (written or {}).items()]
    print_result({"written": written}, rows or "The demo data are there already: nothing was changed.", as_json=as_json)
    if rows and not as_json:
        click.echo("\nNext: `medianest studio --open` shows them in a browser.")
