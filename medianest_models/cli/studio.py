"""`medianest studio`."""

from __future__ import annotations

import importlib.util

import asyncclick as click

from medianest_models.errors import ConfigurationError
from medianest_models.settings import load_settings


@click.command("studio")
@click.option("--port", type=click.IntRange(0, 65_535), default=5555, show_default=True, help="0 takes any free one.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
@click.option(
    "--read-only/--read-write", default=None, help="Whether nothing can be changed; in production nothing can."
)
async def studio_command(*, port: int, open_browser: bool, read_only: bool | None) -> None:
    """See and edit the database in a browser, on this machine, until Ctrl-C."""
    if any(importlib.util.find_spec(name) is None for name in ("starlette_admin", "uvicorn")):
        raise ConfigurationError("this needs the extra studio: pip install 'medianest-models[studio]'")
    from medianest_models.studio import serve  # noqa: PLC0415 - its extra may not be there

    if read_only is None:
        read_only = load_settings().is_production

    def announce(address: str) -> None:
        mode = "read-only" if read_only else "read and write"
        click.echo(f"The studio ({mode}) is at {address}\nWhoever has this address can use it. Ctrl-C ends it.")

    await serve(port=port, read_only=read_only, open_browser=open_browser, announce=announce)
