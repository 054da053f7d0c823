"""`medianest secrets`: the keys that encrypt secrets at rest."""

from __future__ import annotations

from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_json, print_table
from medianest_models.db import database
from medianest_models.encryption import generate_key, key_ring
from medianest_models.encryption.reencryption import KeyUse, key_uses, rotate_secrets
from medianest_models.errors import DecryptionError


@click.group("secrets")
def secrets_group() -> None:
    """Keys for the secrets in the database."""


@secrets_group.command("generate-key")
def generate_key_command() -> None:
    """Print a new key for ENCRYPTION_KEYS, and nothing else."""
    click.echo(generate_key().get_secret_value())


@secrets_group.command("status")
@json_option
async def status_command(*, as_json: bool) -> None:
    """Say how many rows are under which key."""
    async with database():
        uses = await key_uses()
    if as_json:
        print_json({"newest_key": key_ring().newest_id, "uses": [asdict(use) for use in uses]})
        return
    click.echo(f"The newest key is {key_ring().newest_id}.")
    if not uses:
        click.echo("There are no secrets in the database.")
        return
    print_table(*((use.column, use.rows, "rows under", use.key_id or "no key", _note(use)) for use in uses))


@secrets_group.command("rotate")
@json_option
async def rotate_command(*, as_json: bool) -> None:
    """Re-encrypt everything under the newest key.

    Workers may go on meanwhile, as long as all of them have the newest key. It can be stopped at any time and run
    again; afterwards, when `secrets status` names the newest key only, older ones can be removed from ENCRYPTION_KEYS.
    """
    async with database():
        outdated = sum(use.rows for use in await key_uses() if not use.is_newest)
        stderr = click.get_text_stream("stderr")
        hidden = not stderr.isatty()
        with click.progressbar(length=outdated, label="Re-encrypting", file=stderr, hidden=hidden) as bar:
            report = await rotate_secrets(progress=bar.update)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(f"{report.rotated} rows are under the newest key now, {key_ring().newest_id}.")
        if report.skipped:
            click.echo(f"{report.skipped} rows were written meanwhile and left as they are: run this again.")
    if report.failed:
        where = "; ".join(f"{column} of id {', '.join(ids)}" for column, ids in report.failed.items())
        raise DecryptionError(f"these could not be decrypted, and were left as they are: {where}")


def _note(use: KeyUse) -> str:
    return "(the newest)" if use.is_newest else "(to be rotated)"
