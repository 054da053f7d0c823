"""`medianest secrets`: the keys that encrypt secrets at rest."""

from __future__ import annotations

from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_result, progress_bar
from medianest_models.db import database
from medianest_models.encryption import generate_key, key_ring
from medianest_models.encryption.reencryption import key_uses, rotate_secrets
from medianest_models.errors import DecryptionError


@click.group("secrets")
def secrets_group() -> None:
    """Make and rotate the keys of the secrets in the database."""


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
    newest = key_ring().newest_id
    if not as_json:
        click.echo(f"The newest key is {newest}.")
    notes = ("(to be rotated)", "(the newest)")
    rows = [(use.column, use.rows, "rows under", use.key_id or "no key", notes[use.is_newest]) for use in uses]
    document = {"newest_key": newest, "uses": [asdict(use) for use in uses]}
    print_result(document, rows or "There are no secrets in the database.", as_json=as_json)


@secrets_group.command("rotate")
@json_option
async def rotate_command(*, as_json: bool) -> None:
    """Re-encrypt everything under the newest key.

    Workers may go on meanwhile, as long as all of them have the newest key. It can be stopped at any time and run
    again; afterwards, when `secrets status` names the newest key only, older ones can be removed from ENCRYPTION_KEYS.
    """
    async with database():
        outdated = sum(use.rows for use in await key_uses() if not use.is_newest)
        with progress_bar("Re-encrypting", outdated) as bar:
            report = await rotate_secrets(progress=bar.update)
    text = f"{report.rotated} rows are under the newest key now, {key_ring().newest_id}."
    if report.skipped:
        text += f"\n{report.skipped} rows were written meanwhile and left as they are: run this again."
    print_result(asdict(report), text, as_json=as_json)
    if report.failed:
        where = "; ".join(f"{column} of id {', '.join(ids)}" for column, ids in report.failed.items())
        raise DecryptionError(f"these could not be decrypted or changed, and were left as they are: {where}")
