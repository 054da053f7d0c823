"""`medianest demo-data`."""

from __future__ import annotations

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.cli.studio import require_extra
from medianest_models.db import database
from medianest_models.db.direct import resolve_direct_url
from medianest_models.demo_data import fill_with_demo_data
from medianest_models.errors import ConfigurationError
from medianest_models.migrate.applying import migrate
from medianest_models.seed import seed
from medianest_models.settings import load_settings


@click.command("demo-data")
@json_option
async def demo_data_command(*, as_json: bool) -> None:
    """Fill the database with a portal to look around in; migrates and seeds it first. Refused in production."""
    require_extra()
    from rich.console import Console  # noqa: PLC0415 - its extra may not be there
    from rich.progress import Progress  # noqa: PLC0415

    if load_settings().is_production:
        raise ConfigurationError("MEDIANEST_ENV: says production, where there are no demo data")
    await migrate(await resolve_direct_url())
    console = Console(stderr=True)
    async with database():
        await seed()
        with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as bars:
            tasks = {}

            def show(table: str, done: int, total: int) -> None:
                if table not in tasks:
                    tasks[table] = bars.add_task(table.replace("_", " "), total=total)
                bars.update(tasks[table], completed=done)

            written = await fill_with_demo_data(show)
    rows = [("wrote", f"{number:,}", table) for table, number in (written or {}).items()]
    print_result({"written": written}, rows or "The demo data are there already: nothing was changed.", as_json=as_json)
    if rows and not as_json:
        click.echo("\nNext: `medianest studio --open` shows them in a browser.")
