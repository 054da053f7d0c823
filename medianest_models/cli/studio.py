"""`medianest studio` and `medianest demo-data`, which need the extra `studio`."""

from __future__ import annotations

import importlib.util
from typing import Final

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.db import database
from medianest_models.db.direct import resolve_direct_url
from medianest_models.demo_data import fill_with_demo_data
from medianest_models.errors import ConfigurationError
from medianest_models.migrate.applying import migrate
from medianest_models.seed import seed
from medianest_models.settings import load_settings

_NEEDED: Final = ("starlette_admin", "uvicorn", "rich")


def _require_extra() -> None:
    """Make sure that the packages of the extra `studio` are installed.

    Raises:
        ConfigurationError: They are not.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise ConfigurationError("this needs the extra studio: pip install 'medianest-models[studio]'")


@click.command("studio")
@click.option("--port", type=click.IntRange(0, 65_535), default=5555, show_default=True, help="0 takes any free one.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
@click.option(
    "--read-only/--read-write", default=None, help="Whether nothing can be changed; in production nothing can."
)
async def studio_command(*, port: int, open_browser: bool, read_only: bool | None) -> None:
    """See and edit the database in a browser, on this machine, until Ctrl-C."""
    _require_extra()
    from medianest_models.studio import serve  # noqa: PLC0415 - its extra may not be there

    if read_only is None:
        read_only = load_settings().is_production

    def announce(address: str) -> None:
        mode = "read-only" if read_only else "read and write"
        click.echo(f"The studio ({mode}) is at {address}\nWhoever has this address can use it. Ctrl-C ends it.")

    await serve(port=port, read_only=read_only, open_browser=open_browser, announce=announce)


@click.command("demo-data")
@json_option
async def demo_data_command(*, as_json: bool) -> None:
    """Fill the database with a portal to look around in; migrates and seeds it first. Refused in production."""
    _require_extra()
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
