"""`medianest secrets`: the keys that encrypt secrets at rest."""

from __future__ import annotations

from dataclasses import asdict

import asyncclick as click

from medianest_models.cli.output import json_option, print_result, progress_bar
from medianest_models.db import database
from medianest_models.encryption import generate_key, key_ring
from medianest_models.encryption.encrypted_rows import check_secrets
from medianest_models.encryption.reencryption import KeyUse, key_uses, rotate_secrets
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
@click.pass_context
async def status_command(ctx: click.Context, *, as_json: bool) -> None:
    """Decrypt every secret, and count them by key. Exit status 1 when one can't be decrypted.

    Secrets that can't be decrypted are listed by column and reason, with the number of rows and the id of the first.
    """
    async with database():
        uses = await key_uses()
        unreadable = (await check_secrets()).unreadable
    newest = key_ring().newest_id
    if not as_json:
        click.echo(f"The newest key is {newest}.")
    rows = [(use.column, use.rows, "rows under", use.key_id or "no key", _note(use)) for use in uses]
    document = {
        "ok": not unreadable,
        "newest_key": newest,
        "uses": [asdict(use) for use in uses],
        "unreadable": [asdict(found) for found in unreadable],
    }
    print_result(document, rows or "There are no secrets in the database.", as_json=as_json)
    for found in () if as_json else unreadable:
        click.echo(f"{found.reason} (rows: {found.rows}, id of the first: {found.first_id})")
    if unreadable:
        await ctx.aexit(1)


@secrets_group.command("rotate")
@json_option
@click.pass_context
async def rotate_command(ctx: click.Context, *, as_json: bool) -> None:
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
    if report.failed and as_json:  # the document has them
        await ctx.aexit(1)
    if report.failed:
        where = "; ".join(f"{column} of id {', '.join(ids)}" for column, ids in report.failed.items())
        raise DecryptionError(f"these could not be decrypted or changed, and were left as they are: {where}")


def _note(use: KeyUse) -> str:
    if use.is_newest:
        return "(the newest)"
    return "(to be rotated)" if use.key_id is None or use.key_id in key_ring() else "(not in ENCRYPTION_KEYS)"
