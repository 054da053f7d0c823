"""`medianest bootstrap`."""

from __future__ import annotations

import asyncclick as click

from medianest_models.cli.output import json_option, print_json
from medianest_models.db import database
from medianest_models.repositories import users


@click.command("bootstrap")
@json_option
async def bootstrap_command(*, as_json: bool) -> None:
    """Make the first admin, from ADMIN_USERNAME and ADMIN_PASSWORD, when there is no admin."""
    async with database():
        admin = await users.bootstrap_admin()
    if as_json:
        print_json({"created": admin.plex_username if admin else None})
    elif admin is None:
        click.echo("There is an admin already: nothing was changed.")
    else:
        click.echo(f"Created the admin user {admin.plex_username}.")
        click.echo("Make sure to change the admin password after first login!")
