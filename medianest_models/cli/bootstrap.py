"""`medianest bootstrap`."""

from __future__ import annotations

import asyncclick as click

from medianest_models.cli.output import json_option, print_result
from medianest_models.db import database
from medianest_models.repositories import users


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
